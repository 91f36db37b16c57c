/**
 * The places where a server listens, by number: its own is 0, the others are a program's.
 *
 * Law: keeps what programs asked for and where the server listens; binds nothing.
 */
import type { AddressInfo } from 'node:net';
import type { Asked } from '../stand-in.ts';

export class Places {
  /** Where the server listens; every worker is started with it. */
  readonly addresses: (AddressInfo | undefined)[] = [];
  /** What programs asked for. */
  readonly asked: Map<number, Asked> = new Map();
  /** Those of them where the server listens as they asked. */
  readonly #answered: Set<number> = new Set();

  /** Returns whether it is asked for the first time. */
  ask(place: number, asked: Asked): boolean {
    if (this.asked.has(place)) return false;
    this.asked.set(place, asked);
    return true;
  }

  /** The server listens there. */
  answer(place: number, address: AddressInfo): void {
    this.addresses[place] = address;
    if (this.asked.has(place)) this.#answered.add(place);
  }

  /** The server cannot listen there: the next who asks is the first again. */
  refuse(place: number): void {
    this.asked.delete(place);
  }

  /** Where the server listens as a program has asked; undefined as long as it does not. */
  answerTo(place: number): AddressInfo | undefined {
    return this.#answered.has(place) ? this.addresses[place] : undefined;
  }
}

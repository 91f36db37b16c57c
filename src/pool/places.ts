/**
 * The places where a server listens, by number. Place 0 is the server's own. The other places belong to programs.
 *
 * Law: records what programs have requested and where the server listens. Binds nothing.
 */
import type { AddressInfo } from 'node:net';
import type { Asked } from '../stand-in.ts';

export class Places {
  /** The addresses where the server listens. Every worker receives them at start. */
  readonly addresses: (AddressInfo | undefined)[] = [];
  /** The requests of programs. */
  readonly asked: Map<number, Asked> = new Map();
  /** The requested places where the server listens as requested. */
  readonly #answered: Set<number> = new Set();

  /** Returns true for the first request of the place. */
  ask(place: number, asked: Asked): boolean {
    if (this.asked.has(place)) return false;
    this.asked.set(place, asked);
    return true;
  }

  /** The server listens at the place. */
  answer(place: number, address: AddressInfo): void {
    this.addresses[place] = address;
    if (this.asked.has(place)) this.#answered.add(place);
  }

  /** The server cannot listen at the place. The next request counts as the first again. */
  refuse(place: number): void {
    this.asked.delete(place);
  }

  /** The address where the server listens as a program has requested, or undefined while it does not. */
  answerTo(place: number): AddressInfo | undefined {
    return this.#answered.has(place) ? this.addresses[place] : undefined;
  }
}

/**
 * Exchanges that are meant for one worker: they wait for it outside of the request ring.
 *
 * Law: keeps them and tells their workers; who is meant is decided by `router.ts`. Telling is a record of the inbound
 * ring, and no claim: the worker takes such an exchange by the same CAS as one from the request ring, so one that was
 * cancelled, or handed to somebody else meanwhile, is lost to it and nothing is done twice. What a worker was told and
 * had not taken when it ended is still PENDING, and is handed on.
 */
import { INSUFFICIENT, type RingProducer } from '../ring/byte-ring.ts';
import { Kind } from '../ring/message.ts';
import type { Exchange } from './exchange.ts';
import type { WorkerLink } from './worker-link.ts';

export class Assignments implements Iterable<Exchange> {
  /** Those that were not seen to be taken. */
  readonly #waiting: Set<Exchange> = new Set();
  /** Those among them whose worker has not been told. */
  readonly #untold: Set<Exchange> = new Set();

  get size(): number {
    return this.#waiting.size;
  }

  [Symbol.iterator](): Iterator<Exchange> {
    return this.#waiting[Symbol.iterator]();
  }

  add(exchange: Exchange, link: WorkerLink): void {
    exchange.meantFor = link;
    this.#waiting.add(exchange);
    this.#untold.add(exchange);
  }

  /** It is taken, over, or anybody's. */
  remove(exchange: Exchange): void {
    if (exchange.meantFor === null) return;
    exchange.meantFor = null;
    this.#waiting.delete(exchange);
    this.#untold.delete(exchange);
  }

  /** Called once a turn: tells workers, as far as there is room. */
  tell(): void {
    for (const exchange of this.#untold) {
      const { index, generation, meantFor } = exchange;
      const { inbound } = meantFor!;
      if (!hasRoom(inbound)) continue;
      inbound.commit(0, Kind.ASSIGN, index, generation);
      this.#untold.delete(exchange);
      inbound.notify();
      meantFor!.ring();
    }
  }
}

/** Without room the worker is asked to ring when there is some, and looked at once more. */
function hasRoom(inbound: RingProducer): boolean {
  if (inbound.claim(0) !== INSUFFICIENT) return true;
  inbound.awaitSpace();
  return inbound.claim(0) !== INSUFFICIENT;
}

/**
 * Exchanges that are meant for one worker: they wait for it outside of the request ring.
 *
 * Law: keeps them and tells their workers; who is meant is decided by `router.ts`. Telling is a record of the inbound
 * ring, and no claim: the worker takes such an exchange by the same CAS as one from the request ring, so one that was
 * cancelled, or handed to somebody else meanwhile, is lost to it and nothing is done twice. What a worker was told and
 * had not taken when it ended is still PENDING, and is handed on.
 *
 * Shares: of the requests that may wait, each live worker has an equal share for requests with a key, and each key has
 * three quarters of its worker's share. So the queue of one key does not refuse the others, and the queues of one worker
 * do not refuse the rest of the server.
 */
import { INSUFFICIENT, type RingProducer } from '../../ring/byte-ring.ts';
import { RecordKind } from '../../ring/message.ts';
import type { Exchange } from '../exchange/exchange.ts';
import type { WorkerLink } from './worker-link.ts';

export class Assignments implements Iterable<Exchange> {
  /** Those that were not seen to be taken. */
  readonly #waiting: Set<Exchange> = new Set();
  /** Those among them whose worker has not been told. */
  readonly #untold: Set<Exchange> = new Set();
  /** How many of them have each key. */
  readonly #keys: Map<string, number> = new Map();
  /** In this turn it was seen which of them have been taken. */
  #looked = false;

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
    this.#count(exchange, link, 1);
  }

  /** It is taken, over, or anybody's. */
  remove(exchange: Exchange): void {
    const { meantFor } = exchange;
    if (meantFor === null) return;
    exchange.meantFor = null;
    this.#waiting.delete(exchange);
    this.#untold.delete(exchange);
    this.#count(exchange, meantFor, -1);
  }

  #count({ key }: Exchange, link: WorkerLink, by: 1 | -1): void {
    if (key === undefined) return;
    link.keyed += by;
    const count = (this.#keys.get(key) ?? 0) + by;
    if (count === 0) this.#keys.delete(key);
    else this.#keys.set(key, count);
  }

  /**
   * Whether one more request with this key may wait for this worker, whose share is so many. `forgetTaken` removes those that
   * have been taken: it looks at all, and is called at most once a turn.
   */
  hasRoom(key: string, link: WorkerLink, share: number, forgetTaken: () => void): boolean {
    const isBelow = () => link.keyed < share && (this.#keys.get(key) ?? 0) < share - (share >> 2);
    if (isBelow()) return true;
    if (this.#looked) return false;
    this.#looked = true;
    forgetTaken();
    return isBelow();
  }

  /** Called once a turn: tells workers, as far as there is room. */
  tell(): void {
    this.#looked = false;
    for (const exchange of this.#untold) {
      const { index, generation, meantFor } = exchange;
      const { inbound } = meantFor!;
      if (!hasRoom(inbound)) continue;
      inbound.commit(0, RecordKind.ASSIGN, index, generation);
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

/**
 * Exchanges that are assigned to one worker. They wait outside the request ring.
 *
 * Law: keeps the assignments and notifies the workers. `router.ts` chooses the worker. A notification is a record in the
 * inbound ring, not a claim. The worker takes such an exchange by the same compare-and-exchange as an exchange from the
 * request ring. If the exchange was cancelled or redirected meanwhile, the worker does not get it, so no request runs twice.
 * If a worker ends before it has taken an exchange, that exchange is still PENDING and is redirected.
 *
 * Each live worker has an equal share of the pending limit for requests with a key. Each key has three quarters of its
 * worker's share. So the queue of one key does not block the other keys. Nor do the queues of one worker block the rest of
 * the server.
 */
import { INSUFFICIENT, type RingProducer } from '../../ring/byte-ring.ts';
import { RecordKind } from '../../ring/message.ts';
import type { Exchange } from '../exchange/exchange.ts';
import type { WorkerLink } from './worker-link.ts';

export class Assignments implements Iterable<Exchange> {
  /** Exchanges that were not yet seen to be taken. */
  readonly #waiting: Set<Exchange> = new Set();
  /** Waiting exchanges whose worker has not been notified. */
  readonly #untold: Set<Exchange> = new Set();
  /** The number of waiting exchanges with each key. */
  readonly #keys: Map<string, number> = new Map();
  /** Whether this turn has already checked which exchanges were taken. */
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

  /** The exchange was taken, is over, or is now available to every worker. */
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
   * Whether one more request with this key may wait for this worker. `forgetTaken` removes exchanges that were taken. It
   * checks all of them, so it is called at most once in each turn.
   *
   * @param share the number of requests with a key that may wait for one worker
   */
  hasRoom(key: string, link: WorkerLink, share: number, forgetTaken: () => void): boolean {
    const isBelow = () => link.keyed < share && (this.#keys.get(key) ?? 0) < share - (share >> 2);
    if (isBelow()) return true;
    if (this.#looked) return false;
    this.#looked = true;
    forgetTaken();
    return isBelow();
  }

  /** Notifies workers, as far as their rings have room. Called once in each turn. */
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

/** Whether the ring has room for a record. If not, requests a wake-up from the worker and checks once more. */
function hasRoom(inbound: RingProducer): boolean {
  if (inbound.claim(0) !== INSUFFICIENT) return true;
  inbound.awaitSpace();
  return inbound.claim(0) !== INSUFFICIENT;
}

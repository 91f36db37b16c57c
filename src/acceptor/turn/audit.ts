/**
 * Finds control words in shared memory that a stray write has changed. A native module can do that, or an application that
 * has found the memory.
 *
 * Law: reads only. The one exception is a request that the ring has lost: it goes back into the ring. The caller decides what
 * to do about a damaged word, because nothing read from this memory can be trusted then.
 *
 * Each word is compared with the value that this thread stored last, or with the values that other threads can store. The
 * order of their stores is never taken for damage: a word of another thread is loaded once, and it only advances within its
 * bounds.
 */
import { DRAINING, ExchangeState } from '../../ring/layout.ts';
import type { SharedMemory } from '../../ring/shared.ts';
import type { Exchange } from '../exchange/exchange.ts';
import type { Exchanges } from '../exchange/exchanges.ts';
import type { WorkerLinks } from '../workers/worker-links.ts';

/** How often all exchanges are checked, ms. */
const EXCHANGES_MS = 1000;

export class Audit {
  readonly #shared: SharedMemory;
  readonly #exchanges: Exchanges;
  readonly #links: WorkerLinks;
  #lookedAt = 0;
  /** Serials of the requests that were pending but no longer in the ring at the last check. */
  #claimed: Set<number> = new Set();

  constructor(shared: SharedMemory, exchanges: Exchanges, links: WorkerLinks) {
    this.#shared = shared;
    this.#exchanges = exchanges;
    this.#links = links;
  }

  /** Called each tick. Returns the name of the damaged words, or undefined if none are damaged. */
  find(now: number, isDraining: boolean): string | undefined {
    const { ring, memory } = this.#shared;
    if (!ring.isSound()) return 'the request ring';
    if (memory.load(DRAINING) !== (isDraining ? 1 : 0)) return 'the word DRAINING';
    for (const link of this.#links) if (!link.isSound()) return `the words of worker ${link.slot}`;
    if (now - this.#lookedAt < EXCHANGES_MS) return undefined;
    this.#lookedAt = now;
    return this.#findExchange();
  }

  #findExchange(): string | undefined {
    const before = this.#claimed;
    this.#claimed = new Set();
    for (const exchange of this.#exchanges.active) {
      if (!this.#isSound(exchange)) return `the words of exchange ${exchange.index}`;
      if (!this.#isLost(exchange)) continue;
      // A worker takes an entry microseconds after its claim. After a second no worker will take it.
      if (before.has(exchange.serial)) this.#exchanges.requeue(exchange);
      else this.#claimed.add(exchange.serial);
    }
    return undefined;
  }

  #isSound({ index, generation, connection, takenAt }: Exchange): boolean {
    const { table } = this.#shared;
    if (!table.isSound(index, generation, connection !== null)) return false;
    const state = table.state(index);
    if (state === ExchangeState.TAKEN || state === ExchangeState.RUNNING)
      return this.#links.get(table.owner(index)) !== undefined;
    return state !== ExchangeState.FREE || takenAt === 0;
  }

  /** Whether the exchange is pending, not assigned to a worker, and claimed from the ring. */
  #isLost({ index, meantFor, position }: Exchange): boolean {
    const { table, ring } = this.#shared;
    return meantFor === null && table.state(index) === ExchangeState.PENDING && ring.passed(position);
  }
}

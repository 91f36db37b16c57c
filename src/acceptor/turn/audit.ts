/**
 * Looks for control words in shared memory that a stray write has changed: a native module does so, or an application that
 * has found the memory.
 *
 * Law: reads only, but for a request that was lost from the ring, which it puts there again. What follows from a word that
 * is wrong is its owner's: nothing that was read from this memory can be relied on then.
 *
 * Each word is compared with what this thread stored there last, or with what the words of other threads can be. So no
 * order of their stores is taken for damage: a word of another thread is loaded once, and only moves on within its bounds.
 */
import { DRAINING, ExchangeState } from '../../ring/layout.ts';
import type { SharedMemory } from '../../ring/shared.ts';
import type { Exchange } from '../exchange/exchange.ts';
import type { Exchanges } from '../exchange/exchanges.ts';
import type { WorkerLinks } from '../workers/worker-links.ts';

/** How often all exchanges are looked at, ms. */
const EXCHANGES_MS = 1000;

export class Audit {
  readonly #shared: SharedMemory;
  readonly #exchanges: Exchanges;
  readonly #links: WorkerLinks;
  #lookedAt = 0;
  /** Serials of the requests that were pending and had left the ring at the last look. */
  #claimed: Set<number> = new Set();

  constructor(shared: SharedMemory, exchanges: Exchanges, links: WorkerLinks) {
    this.#shared = shared;
    this.#exchanges = exchanges;
    this.#links = links;
  }

  /** Called each tick. Returns the name of what is damaged; undefined: nothing is. */
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

  /** Pending, not assigned to a worker, and claimed from the ring. */
  #isLost({ index, meantFor, position }: Exchange): boolean {
    const { table, ring } = this.#shared;
    return meantFor === null && table.state(index) === ExchangeState.PENDING && ring.passed(position);
  }
}

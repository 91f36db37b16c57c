/**
 * Which sleeping worker is woken, and when.
 *
 * Law: decides only, and rings through a link. More workers must not make a cheap application slower. So the waker leaves
 * the queue to workers that are awake, and wakes another worker only in these two cases:
 *
 * - No awake worker is cheap. A worker is cheap if, by its own measure, it burns less than 200 µs of CPU per exchange.
 * - The head of the queue has not moved for a millisecond. Then the worker that was rung does not turn its loop, because
 *   it runs a continuation.
 */
import type { RequestRing } from '../../ring/request-ring.ts';
import type { WorkerLink } from '../workers/worker-link.ts';

/** CPU per exchange, in µs, from which on another core is worth its wake-up. */
const HEAVY_US = 200;
const STALL_MS = 1;

export class Waker {
  readonly #links: Iterable<WorkerLink>;
  readonly #ring: RequestRing;
  #timer: NodeJS.Timeout | null = null;
  #headThen = 0;

  constructor(links: Iterable<WorkerLink>, ring: RequestRing) {
    this.#links = links;
    this.#ring = ring;
  }

  /** Called once in each turn. Wakes at most one worker: the worker that holds the fewest exchanges. */
  wake(): void {
    if (this.#ring.depth() === 0) return;
    let sleeper: WorkerLink | undefined;
    let cheapAwake = false;
    for (const link of this.#links) {
      if (!link.live) continue;
      if (!link.asleep) cheapAwake ||= isCheap(link.cost);
      else if (sleeper === undefined || link.held < sleeper.held) sleeper = link;
    }
    if (sleeper === undefined) return;
    if (!cheapAwake) sleeper.ring();
    this.#watch();
  }

  stop(): void {
    if (this.#timer !== null) clearTimeout(this.#timer);
    this.#timer = null;
  }

  #watch(): void {
    if (this.#timer !== null) return;
    this.#headThen = this.#ring.head();
    this.#timer = setTimeout(this.#onStallCheck, STALL_MS);
  }

  #onStallCheck = (): void => {
    this.#timer = null;
    if (this.#ring.depth() === 0) return;
    if (this.#ring.head() === this.#headThen) this.#fewest()?.ring();
    if (this.#fewest() !== undefined) this.#watch();
  };

  #fewest(): WorkerLink | undefined {
    let best: WorkerLink | undefined;
    for (const link of this.#links) {
      if (link.live && link.asleep && (best === undefined || link.held < best.held)) best = link;
    }
    return best;
  }
}

function isCheap(cost: number): boolean {
  return cost >= 0 && cost < HEAVY_US;
}

/**
 * Which sleeping worker is woken, and when.
 *
 * Law: decides only; rings through a link. Adding workers must not slow a cheap application down, so a worker that
 * is awake is left to empty the queue, and another is woken only when the queue is worth it: the awake ones burn
 * CPU (by their own measure, 200 µs an exchange or more), or the queue's head has not moved for a millisecond
 * (then whoever was rung is not turning its loop: it burns a continuation).
 */
import type { RequestRing } from '../../ring/request-ring.ts';
import type { WorkerLink } from '../workers/worker-link.ts';

/** CPU an exchange, in µs, from which on another core pays for its wake. */
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

  /** Called once a turn. Wakes at most one worker: the one that holds the fewest exchanges. */
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

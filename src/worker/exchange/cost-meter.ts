/**
 * What an exchange of this application costs in CPU, smoothed: the loop's busy time over the exchanges begun in it,
 * continuations included.
 *
 * Law: measures and tells; decides nothing.
 */
import { type EventLoopUtilization, performance } from 'node:perf_hooks';

const SAMPLE_MS = 20;
const WEIGHT = 0.3;

export class CostMeter {
  readonly #tell: (microseconds: number) => void;
  /** −1: not known yet. */
  #cost = -1;
  #begun = 0;
  #sampledAt = performance.now();
  #last: EventLoopUtilization = performance.eventLoopUtilization();

  constructor(tell: (microseconds: number) => void) {
    this.#tell = tell;
  }

  /** An exchange was begun. */
  count(): void {
    this.#begun += 1;
  }

  /** Known to be below so many microseconds. */
  isBelow(microseconds: number): boolean {
    return this.#cost >= 0 && this.#cost < microseconds;
  }

  /** Called once a turn; looks at the loop's busy time now and then. `now`: as `performance.now()` says. */
  sample(now: number): void {
    if (this.#begun === 0 || now - this.#sampledAt < SAMPLE_MS) return;
    const total = performance.eventLoopUtilization();
    const active = performance.eventLoopUtilization(total, this.#last).active;
    const sample = (active * 1000) / this.#begun;
    this.#cost = this.#cost < 0 ? sample : this.#cost + WEIGHT * (sample - this.#cost);
    this.#sampledAt = now;
    this.#begun = 0;
    this.#last = total;
    this.#tell(Math.round(this.#cost));
  }
}

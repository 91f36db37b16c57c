/**
 * Measures the CPU cost of an exchange of this application, smoothed. The cost is the loop's busy time divided by the exchanges
 * begun in that time, and so includes continuations.
 *
 * Law: measures and reports; decides nothing.
 */
import { type EventLoopUtilization, performance } from 'node:perf_hooks';

const SAMPLE_MS = 20;
const WEIGHT = 0.3;

export class CostMeter {
  readonly #tell: (microseconds: number) => void;
  /** Microseconds an exchange; −1 before the first sample. */
  #cost = -1;
  #begun = 0;
  #sampledAt = performance.now();
  #last: EventLoopUtilization = performance.eventLoopUtilization();

  constructor(tell: (microseconds: number) => void) {
    this.#tell = tell;
  }

  /** Counts an exchange that begins. */
  count(): void {
    this.#begun += 1;
  }

  /** True if the cost is known and below `microseconds`. */
  isBelow(microseconds: number): boolean {
    return this.#cost >= 0 && this.#cost < microseconds;
  }

  /**
   * Samples the loop's busy time, at most once in `SAMPLE_MS`. The loop calls it once a turn. `now`: a value of
   * `performance.now()`.
   */
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

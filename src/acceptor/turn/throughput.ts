/**
 * How fast requests are answered, and thus how long a queue will take.
 *
 * Law: arithmetic on counts and times that the caller passes.
 */

/** Milliseconds over which the rate is smoothed. */
const SMOOTHING_MS = 1000;
/** The longest result, in seconds. */
const MOST = 60;

export class Throughput {
  #answered = 0;
  #at = 0;
  /** `#smoothed`: responses per second, smoothed from 0 on. `#known`: how reliable it is, from 0 to 1. */
  #smoothed = 0;
  #known = 0;

  /**
   * Adds one measurement.
   *
   * @param answered the number of responses since the start
   * @param now ms
   * @param busy whether requests wait; only then is the rate the maximum rate
   */
  sample(answered: number, now: number, busy: boolean): void {
    const elapsed = now - this.#at;
    if (busy && elapsed > 0 && this.#at > 0) {
      const rate = ((answered - this.#answered) * 1000) / elapsed;
      const weight = 1 - Math.exp(-elapsed / SMOOTHING_MS);
      this.#smoothed += (rate - this.#smoothed) * weight;
      this.#known += (1 - this.#known) * weight;
    }
    this.#answered = answered;
    this.#at = now;
  }

  /** Whole seconds, at least 1, in which `requests` requests can be answered. */
  secondsFor(requests: number): number {
    if (requests === 0) return 1;
    const rate = this.#smoothed === 0 ? 0 : this.#smoothed / this.#known;
    // If nothing at all is answered, the time cannot be estimated.
    if (rate < requests / MOST) return rate === 0 ? 1 : MOST;
    return Math.max(1, Math.ceil(requests / rate));
  }
}

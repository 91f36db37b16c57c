/**
 * How fast requests are answered, and so how long a queue will take.
 *
 * Law: arithmetic on counts and times that it is given.
 */

/** Milliseconds over which the rate is smoothed. */
const SMOOTHING_MS = 1000;
/** Seconds. */
const MOST = 60;

export class Throughput {
  #answered = 0;
  #at = 0;
  /** Answers a second, 0 while not known. */
  #rate = 0;

  /**
   * @param answered how many there have been in all
   * @param now ms
   * @param busy requests wait: only then does the rate tell how fast they can be answered
   */
  sample(answered: number, now: number, busy: boolean): void {
    const elapsed = now - this.#at;
    if (busy && elapsed > 0 && this.#at > 0) {
      const rate = ((answered - this.#answered) * 1000) / elapsed;
      const weight = this.#rate === 0 ? 1 : 1 - Math.exp(-elapsed / SMOOTHING_MS);
      this.#rate += (rate - this.#rate) * weight;
    }
    this.#answered = answered;
    this.#at = now;
  }

  /** Whole seconds, at least one, in which so many requests are answered. */
  secondsFor(requests: number): number {
    if (requests === 0) return 1;
    // Nothing at all is answered: nobody can tell how long that goes on.
    if (this.#rate < requests / MOST) return this.#rate === 0 ? 1 : MOST;
    return Math.max(1, Math.ceil(requests / this.#rate));
  }
}

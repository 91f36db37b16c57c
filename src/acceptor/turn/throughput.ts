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
  /** Answers a second, smoothed from 0 on; and how much of that is known by now, 0 to 1. */
  #smoothed = 0;
  #known = 0;

  /**
   * @param answered how many there have been in all
   * @param now ms
   * @param busy requests wait: only then does the rate tell how fast they can be answered
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

  /** Whole seconds, at least one, in which so many requests are answered. */
  secondsFor(requests: number): number {
    if (requests === 0) return 1;
    const rate = this.#smoothed === 0 ? 0 : this.#smoothed / this.#known;
    // Nothing at all is answered: nobody can tell how long that goes on.
    if (rate < requests / MOST) return rate === 0 ? 1 : MOST;
    return Math.max(1, Math.ceil(requests / rate));
  }
}

/**
 * How long a replacement waits to be started: not at all, or twice as long each time in a crash loop.
 *
 * Law: numbers only: one that grows and is reset, and one that is spread.
 */

/** From the first to the second, ms. */
export const BACKOFF_MS = { first: 100, most: 5000 };

export class Backoff {
  /** Milliseconds. */
  now = 0;

  next(): number {
    this.now = Math.min(BACKOFF_MS.most, Math.max(BACKOFF_MS.first, this.now * 2));
    return this.now;
  }

  reset(): number {
    this.now = 0;
    return 0;
  }
}

/** Up to a tenth more or less: workers that started together do not end together. */
export function jittered(value: number): number {
  return value * (0.9 + 0.2 * Math.random());
}

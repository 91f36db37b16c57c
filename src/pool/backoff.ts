/**
 * How long the pool waits before it starts a replacement: not at all, or twice as long each time in a crash loop.
 *
 * Law: numbers only.
 */

/** The first delay and the longest delay, ms. */
export const BACKOFF_MS = { first: 100, most: 5000 };

export class Backoff {
  /** The current delay, ms. */
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

/** Varies a value by up to 10 %, so that workers that started together do not end together. */
export function jittered(value: number): number {
  return value * (0.9 + 0.2 * Math.random());
}

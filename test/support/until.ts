/**
 * Waits for a state that no event announces.
 */
import { setTimeout as wait } from 'node:timers/promises';

const POLL_MS = 1;
/** How long `until` polls if it has a complaint to fail with, ms. */
const PATIENCE_MS = 10_000;

type Truthy<T> = Exclude<T, false | null | undefined | 0 | ''>;

/**
 * Polls until `holds` returns a value that is true in a condition, and resolves with that value. The test's own timeout bounds
 * the wait. With `complaint`, the wait ends after 10 s and rejects with the complaint's text.
 */
export async function until<T>(holds: () => T | Promise<T>, complaint?: () => string): Promise<Truthy<T>> {
  const begun = performance.now();
  for (;;) {
    const value = await holds();
    if (value) return value as Truthy<T>;
    if (complaint !== undefined && performance.now() - begun > PATIENCE_MS) throw new Error(complaint());
    await wait(POLL_MS);
  }
}

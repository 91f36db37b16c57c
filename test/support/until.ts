/**
 * Waits for what no event announces.
 */
import { setTimeout as wait } from 'node:timers/promises';

/** Polls until `holds` returns true. A test's own timeout bounds it. */
export async function until(holds: () => boolean | Promise<boolean>): Promise<void> {
  while (!(await holds())) await wait(1);
}

/**
 * The number of threads that this process may keep busy.
 *
 * Law: reads the operating system. `resolve.ts` decides how the number is used.
 */
import { existsSync, readFileSync } from 'node:fs';
import { availableParallelism } from 'node:os';

/** The CPU quota of the container if it has one, otherwise the number of cores. At most 64. */
export function detectThreads(): { threads: number; source: string } {
  const cores = availableParallelism();
  const quota = cgroupQuota();
  if (quota === undefined || quota >= cores)
    return { threads: Math.min(64, cores), source: `${cores} cores` };
  return { threads: Math.max(1, Math.floor(quota)), source: `cgroup quota of ${quota} cores` };
}

function cgroupQuota(): number | undefined {
  const v2 = readNumbers('/sys/fs/cgroup/cpu.max');
  if (v2.length === 2) return v2[0]! / v2[1]!;
  const [quota] = readNumbers('/sys/fs/cgroup/cpu/cpu.cfs_quota_us');
  const [period] = readNumbers('/sys/fs/cgroup/cpu/cpu.cfs_period_us');
  return quota !== undefined && period !== undefined && quota > 0 ? quota / period : undefined;
}

/** The numbers in a file. Empty if the file is absent or contains `max`. */
function readNumbers(file: string): number[] {
  if (!existsSync(file)) return [];
  const words = readFileSync(file, 'utf8').trim().split(/\s+/).map(Number);
  return words.every((word) => Number.isFinite(word)) ? words : [];
}

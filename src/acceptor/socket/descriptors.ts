/**
 * How many file descriptors this process may have, and how many of them connections may use.
 *
 * Law: reads the limit of the operating system, and nothing else of it.
 */
import { readFileSync } from 'node:fs';
import { MOST_REFUSED } from '../limits.ts';

/** Descriptors of the process itself: about 25 on Linux at the start, then the journal, the compiler and log files. */
const OWN = 48;
/** Of one worker thread: 4 for its event loop, and as many for a replacement that starts before it ends. */
const OF_A_WORKER = 8;
/** What the application keeps for its own files and connections: an eighth of all, within these bounds. */
const APPLICATION_SHARE = 1 / 8;
const APPLICATION_LEAST = 32;
const APPLICATION_MOST = 1024;
/** Where the limit is too low for all of that, connections have this share, so that the server still serves. */
const LEAST_SHARE = 1 / 4;

/** The soft RLIMIT_NOFILE, which Node raises to the hard one at its start. Infinity if there is none or it is unknown. */
export function descriptorLimit(): number {
  try {
    const line = /^Max open files +(\S+)/m.exec(readFileSync('/proc/self/limits', 'latin1'));
    if (line !== null) return numberOf(line[1]);
  } catch {
    // Not Linux, or without /proc.
  }
  const report = process.report.getReport() as {
    userLimits?: { open_files?: { soft?: number | string } };
  };
  return numberOf(report.userLimits?.open_files?.soft);
}

/** Descriptors for connections and the files that are sent on them; the rest is for the process and its application. */
export function descriptorsForClients(limit: number, workers: number): number {
  if (limit === Infinity) return Infinity;
  const application = Math.min(APPLICATION_MOST, Math.max(APPLICATION_LEAST, limit * APPLICATION_SHARE));
  const reserve = OWN + OF_A_WORKER * workers + MOST_REFUSED + application;
  return Math.max(1, Math.floor(Math.max(limit - reserve, limit * LEAST_SHARE)));
}

function numberOf(value: number | string | undefined): number {
  const number = Number(value);
  return Number.isInteger(number) && number > 0 ? number : Infinity;
}

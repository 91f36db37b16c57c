/**
 * How many file descriptors this process may have, and how many of them connections may use.
 *
 * Law: reads the limit of the operating system, and nothing else from it.
 */
import { readFileSync } from 'node:fs';
import { MOST_REFUSED } from '../limits.ts';

/** Descriptors of the process itself: about 25 on Linux at start, then the journal, the compiler and log files. */
const OWN = 48;
/** Descriptors of one worker thread: 4 for its event loop, and 4 for a replacement that starts before the worker ends. */
const OF_A_WORKER = 8;
/** The share of the application, for its own files and connections: an eighth of all, within these bounds. */
const APPLICATION_SHARE = 1 / 8;
const APPLICATION_LEAST = 32;
const APPLICATION_MOST = 1024;
/** If the limit is too low for all of these, connections still get this share, so that the server can serve. */
const LEAST_SHARE = 1 / 4;

/** The soft RLIMIT_NOFILE, which Node raises to the hard limit at start. Infinity if there is no limit or it is unknown. */
export function descriptorLimit(): number {
  try {
    const line = /^Max open files +(\S+)/m.exec(readFileSync('/proc/self/limits', 'latin1'));
    if (line !== null) return numberOf(line[1]);
  } catch {
    // This is not Linux, or /proc is missing.
  }
  const report = process.report.getReport() as {
    userLimits?: { open_files?: { soft?: number | string } };
  };
  return numberOf(report.userLimits?.open_files?.soft);
}

/** Descriptors for connections and the files sent on them. The rest is for the process and its application. */
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

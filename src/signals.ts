/**
 * Signals that the server does not use itself, and for which programs may listen.
 *
 * Law: names only; imports nothing of the server. The server uses SIGTERM, SIGINT, SIGHUP and SIGQUIT. Faults (SIGSEGV and
 * similar signals) and job control keep Node's behavior.
 */
import { constants } from 'node:os';

/** Signals that end a process by default. Without a listener, the server ignores them and logs a line. */
export const ENDING: readonly NodeJS.Signals[] = known([
  'SIGUSR2',
  'SIGALRM',
  'SIGVTALRM',
  'SIGIO',
  'SIGPWR',
  'SIGSTKFLT',
]);

/** Signals that keep Node's default while no program listens for them. SIGUSR1 starts the inspector. */
const OTHER: readonly NodeJS.Signals[] = known([
  'SIGUSR1',
  'SIGPIPE',
  'SIGWINCH',
  'SIGURG',
  'SIGPROF',
  'SIGXCPU',
]);

const FOR_PROGRAMS: ReadonlySet<string> = new Set([...ENDING, ...OTHER]);

/** Whether the server calls a program's listeners for the signal. */
export function isForPrograms(name: string | symbol): name is NodeJS.Signals {
  return typeof name === 'string' && FOR_PROGRAMS.has(name);
}

/** Removes the names of signals that this system does not have. */
function known(names: NodeJS.Signals[]): NodeJS.Signals[] {
  return names.filter((name) => name in constants.signals);
}

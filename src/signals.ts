/**
 * Signals that the server does not use itself, and that programs may listen for.
 *
 * Law: names only; imports nothing. SIGTERM, SIGINT, SIGHUP and SIGQUIT are the server's. Faults (SIGSEGV and its like) and
 * job control keep what Node makes of them.
 */
import { constants } from 'node:os';

/** Their default ends a process: without a listener they are ignored, with a line in the log. */
export const ENDING: readonly NodeJS.Signals[] = known([
  'SIGUSR2',
  'SIGALRM',
  'SIGVTALRM',
  'SIGIO',
  'SIGPWR',
  'SIGSTKFLT',
]);

/** Their default is Node's, and stays as long as no program listens for them. SIGUSR1 starts the inspector. */
const OTHER: readonly NodeJS.Signals[] = known([
  'SIGUSR1',
  'SIGPIPE',
  'SIGWINCH',
  'SIGURG',
  'SIGPROF',
  'SIGXCPU',
]);

const FOR_PROGRAMS: ReadonlySet<string> = new Set([...ENDING, ...OTHER]);

/** Whether a program's listener for it is called. */
export function isForPrograms(name: string | symbol): name is NodeJS.Signals {
  return typeof name === 'string' && FOR_PROGRAMS.has(name);
}

/** Without those that this system does not have. */
function known(names: NodeJS.Signals[]): NodeJS.Signals[] {
  return names.filter((name) => name in constants.signals);
}

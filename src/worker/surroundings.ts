/**
 * What a program finds around it in a worker thread, made as it would be in a process of its own.
 *
 * Law: `process` and `cluster` of this thread, and nothing of the server. For threads of our own only.
 */
import cluster from 'node:cluster';
import path from 'node:path';
import { OptionError } from '../errors.ts';
import type { Activity } from './activity.ts';

export interface Surroundings {
  /** Absolute path of the program as its user named it. */
  readonly source: string;
  readonly args: readonly string[];
}

/** `process.argv`, a `chdir` to where we are, and no `cluster.fork`. */
export function surround({ source, args }: Surroundings): void {
  process.argv = [process.execPath, source, ...args];
  process.chdir = chdir;
  cluster.fork = () => {
    throw new OptionError(
      'TSGI_ERR_APP_LISTEN',
      'The application forks with node:cluster: let it serve without, the workers of --threads take that place',
    );
  };
}

/** Threads of a process share its directory: going where it is already is all that can be done. */
function chdir(directory: string): void {
  if (path.resolve(directory) === process.cwd()) return;
  throw new OptionError(
    'TSGI_ERR_STATE',
    `Cannot change the directory to ${directory}: threads share that of the process; start the server there`,
  );
}

const SIGNALS = ['SIGTERM', 'SIGINT'] as const;

/**
 * Calls what the program has registered for SIGTERM, or else for SIGINT: threads get no signals. Resolves when it has
 * done what it does at its end: nothing goes on any more, or it would have killed itself.
 */
export async function sayGoodbye(before: Activity): Promise<void> {
  const signal = SIGNALS.find((name) => process.listenerCount(name) > 0);
  if (signal === undefined) return;
  const { kill } = process;
  let killed = false;
  // Programs end themselves by the signal that they have handled; the process has other threads.
  process.kill = (pid, ...rest) => {
    if (pid !== process.pid) return kill.call(process, pid, ...rest);
    killed = true;
    return true;
  };
  await Promise.all(process.listeners(signal).map((listener) => listener.call(process, signal)));
  await before.ended(() => killed);
}

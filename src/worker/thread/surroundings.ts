/**
 * Makes the surroundings of a program in a worker thread the same as in a process of its own.
 *
 * Law: `process` and modules of Node in this thread, and nothing of the server. Only for threads of the server.
 */
import cluster from 'node:cluster';
import { syncBuiltinESMExports } from 'node:module';
import path from 'node:path';
import workerThreads from 'node:worker_threads';
import { OptionError } from '../../errors.ts';

export interface Surroundings {
  /** Absolute path of the program as the user named it. */
  readonly source: string;
  readonly args: readonly string[];
}

/** Sets `process.argv`, a `chdir` that accepts only the current directory, and a `cluster.fork` that throws. */
export function surround({ source, args }: Surroundings): void {
  process.argv = [process.execPath, source, ...args];
  process.chdir = chdir;
  cluster.fork = () => {
    throw new OptionError(
      'TSGI_ERR_APP_LISTEN',
      'The application calls cluster.fork, which is not supported: a thread cannot fork the server. Remove node:cluster, and set the number of workers with --threads.',
    );
  };
}

/**
 * Makes the thread look like a main thread.
 *
 * A program that starts threads of its own file checks whether it runs in one of them (`isMainThread`). It does not: the port
 * to the parent is piscina's. Threads that the program starts have their own instance of the module. Called after `--import`,
 * whose modules instrument the actual thread.
 */
export function hideThread(): void {
  Object.assign(workerThreads, { isMainThread: true, parentPort: null, workerData: null });
  syncBuiltinESMExports();
}

/** Threads of a process share its directory. Only a change to the current directory is possible. */
function chdir(directory: string): void {
  if (path.resolve(directory) === process.cwd()) return;
  throw new OptionError(
    'TSGI_ERR_STATE',
    `Cannot change the directory to ${directory}: worker threads share the process's working directory. Start the server in ${directory}.`,
  );
}

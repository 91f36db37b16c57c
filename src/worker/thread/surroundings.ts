/**
 * What a program finds around it in a worker thread, made as it would be in a process of its own.
 *
 * Law: `process` and modules of Node in this thread, and nothing of the server. For threads of our own only.
 */
import cluster from 'node:cluster';
import { syncBuiltinESMExports } from 'node:module';
import path from 'node:path';
import workerThreads from 'node:worker_threads';
import { OptionError } from '../../errors.ts';

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
      'The application calls cluster.fork, and a thread cannot fork the server: let the application serve without node:cluster, and set the number of workers with --threads',
    );
  };
}

/**
 * A program that starts threads of its own file looks whether it is in one of them (`isMainThread`). It is not: the port to
 * the parent is piscina's. Threads that it starts have a module of their own. Called behind `--import`, whose modules
 * instrument the thread that there is.
 */
export function hideThread(): void {
  Object.assign(workerThreads, { isMainThread: true, parentPort: null, workerData: null });
  syncBuiltinESMExports();
}

/** Threads of a process share its directory: going where it is already is all that can be done. */
function chdir(directory: string): void {
  if (path.resolve(directory) === process.cwd()) return;
  throw new OptionError(
    'TSGI_ERR_STATE',
    `Cannot change the directory to ${directory}: threads share that of the process; start the server there`,
  );
}

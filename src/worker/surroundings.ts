/**
 * What a program finds around it in a worker thread, made as it would be in a process of its own.
 *
 * Law: `process` and `cluster` of this thread, and nothing of the server. For threads of our own only.
 */
import cluster from 'node:cluster';
import path from 'node:path';
import { OptionError } from '../errors.ts';

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

/**
 * The working directory of this process. A deployment may delete it and create it again while the process runs.
 *
 * Law: remembers the path and enters it again; imports no other file of this package. Linux binds a process to the directory,
 * not to its path. In a deleted directory `getcwd` fails, so Node can start no thread and no child process there. Call
 * `enter` before each start.
 *
 * A renamed directory still works and is left alone. In a worker thread that the program has created itself, `chdir` does not
 * exist. There a deleted directory stays as it is.
 */
import { realpathSync } from 'node:fs';
import path from 'node:path';
import { isMainThread } from 'node:worker_threads';

export class WorkingDirectory {
  /** The directory of this process: the last working directory that was not a substitute. */
  #home: string;
  /** The directory that was entered because `#home` does not exist. Undefined if there is none. */
  #substitute: string | undefined;

  constructor() {
    this.#home = current() ?? path.parse(process.execPath).root;
  }

  /** An absolute path. It may not exist at the moment. */
  get path(): string {
    return this.#home;
  }

  /**
   * Enters the remembered path, or its nearest parent that exists, if the working directory was deleted. Leaves that
   * parent as soon as the path exists again. Returns a line for the log if it changed the directory.
   */
  enter(): string | undefined {
    const here = current();
    if (here !== undefined && here !== this.#substitute) {
      this.#home = here;
      this.#substitute = undefined;
      return undefined;
    }
    if (!isMainThread) return undefined;
    for (let folder = this.#home; folder !== here; folder = path.dirname(folder)) {
      if (canEnter(folder)) return this.#entered(folder);
      if (folder === path.dirname(folder)) break;
    }
    return undefined;
  }

  #entered(folder: string): string {
    if (folder === this.#home) {
      this.#substitute = undefined;
      return `Entered the working directory ${folder} again: it was deleted and created again`;
    }
    this.#substitute = folder;
    return `The working directory ${this.#home} was deleted: entered ${folder} until it exists again`;
  }
}

/** The path from the kernel, because `process.cwd()` remembers an earlier one. Undefined if the directory was deleted. */
function current(): string | undefined {
  try {
    return realpathSync.native('.');
  } catch {
    return undefined;
  }
}

function canEnter(folder: string): boolean {
  try {
    process.chdir(folder);
    return true;
  } catch {
    return false;
  }
}

/**
 * The working directory of this process, which may be deleted and made anew while the process runs: a deployment does so.
 *
 * Law: remembers the path and enters it again; imports nothing of ours. Linux binds a process to the directory and not to
 * its path: in a deleted directory `getcwd` fails, so that no thread and no child process of Node can start. Call `enter`
 * before one is started.
 *
 * A directory that was renamed still works and is left alone. In a worker of the program's own, `chdir` does not exist; a
 * deleted directory then stays as it is.
 */
import { realpathSync } from 'node:fs';
import path from 'node:path';
import { isMainThread } from 'node:worker_threads';

export class WorkingDirectory {
  /** Where this process belongs: the last working directory that was not a substitute. */
  #home: string;
  /** The directory that was entered because `#home` does not exist; undefined: none was. */
  #substitute: string | undefined;

  constructor() {
    this.#home = current() ?? path.parse(process.execPath).root;
  }

  /** Absolute path; it may not exist at the moment. */
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
      return `Entered the working directory ${folder} again: it had been deleted and made anew`;
    }
    this.#substitute = folder;
    return `The working directory ${this.#home} was deleted: entered ${folder} until it exists again`;
  }
}

/** The kernel's answer; `process.cwd()` remembers an earlier one. Undefined: the directory was deleted. */
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

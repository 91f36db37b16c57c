/**
 * `--watch`: loads the application again when one of its files changes.
 *
 * Law: watches the files of the dependency graph, not a tree. Errors appear in the terminal and in the browser, and do not
 * end the server. After a failure, other code files beside these files count too, because an import may have waited for one.
 * No other file counts, so the server's own output cannot cause a reload. Watches folders instead of files, because editors
 * replace files.
 */
import { type FSWatcher, statSync, watch } from 'node:fs';
import path from 'node:path';
import type { Server } from '../server/server.ts';
import { describe, tell } from './exit.ts';

/** An editor that saves all files, or a checkout, changes many files within this time, ms. */
const SETTLE_MS = 50;

export class ApplicationWatcher {
  readonly #server: Server;
  #files: ReadonlySet<string>;
  readonly #folders: Map<string, FSWatcher> = new Map();
  #broken: boolean;
  #timer: NodeJS.Timeout | undefined;
  #loading = false;
  #again = false;

  /** @param failed the files of the application if it did not load at the start; null if it loaded */
  constructor(server: Server, failed: ReadonlySet<string> | null) {
    this.#server = server;
    this.#files = failed ?? server.files;
    this.#broken = failed !== null;
    this.#watchFolders();
  }

  #watchFolders(): void {
    for (const file of this.#files) {
      const folder = path.dirname(file);
      if (this.#folders.has(folder)) continue;
      const watcher = watch(folder, (_, name) => this.#onChange(path.join(folder, name ?? '')));
      // The folder is gone. Changes of its files were reported before.
      watcher.on('error', () => this.#forget(folder));
      this.#folders.set(folder, watcher);
    }
  }

  #forget(folder: string): void {
    this.#folders.get(folder)?.close();
    this.#folders.delete(folder);
  }

  #onChange(file: string): void {
    if (!this.#files.has(file) && !(this.#broken && mayBeImported(file))) return;
    clearTimeout(this.#timer);
    this.#timer = setTimeout(() => void this.#load(path.relative(process.cwd(), file)), SETTLE_MS);
  }

  async #load(changed: string): Promise<void> {
    this.#again = this.#loading;
    if (this.#loading) return;
    this.#loading = true;
    const started = performance.now();
    try {
      await this.#server.reload();
      this.#broken = false;
      tell(`reloaded in ${Math.round(performance.now() - started)} ms (${changed} changed)`);
    } catch (error) {
      this.#broken = true;
      await this.#server.showProblem(describe(error)).catch(() => {});
      tell(describe(error));
    }
    this.#files = this.#server.files;
    this.#watchFolders();
    this.#loading = false;
    if (this.#again) await this.#load(changed);
  }
}

/** Whether the file is code, or a folder that may contain code. */
function mayBeImported(file: string): boolean {
  const extension = path.extname(file);
  if (extension === '') return statSync(file, { throwIfNoEntry: false })?.isDirectory() === true;
  return /^\.(?:[cm]?[jt]sx?|json|node)$/.test(extension);
}

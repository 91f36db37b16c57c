/**
 * Chooses the folder that keeps compiled files between two starts: the first of several folders that is private to this user
 * and writable.
 *
 * Law: finds and makes the folder; `place.ts` writes into it. Workers run the files in it, so each folder between the
 * application and the cache is checked (`trust.ts`). If all of them belong only to this user, no other user can exchange the
 * checked files. A folder above the application is not checked: its owner can exchange the application itself.
 */
import { existsSync, mkdirSync, realpathSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { OptionError } from '../errors.ts';
import { whyNotOurs, whyNotShared, whyNotTrusted } from './trust.ts';

const NAME = 'tsgi-threads';
/** Linux keeps this folder in memory. Containers have it even if their other file systems are read-only. */
const SHARED_MEMORY = '/dev/shm';

interface Candidate {
  /** The folder's name in an error. */
  readonly shown: string;
  /** Makes the folder and returns its real path. Throws a `CacheError`, or the file system's error. */
  readonly make: () => string;
}

class CacheError extends Error {
  readonly folder: string;

  constructor(folder: string, why: string) {
    super(why);
    this.folder = folder;
  }
}

/**
 * Calls `store` with the first usable folder. If `store` cannot write there, calls it again with the next one.
 *
 * @param entry absolute path of the application
 * @param chosen `--cache-dir`, the only folder to try; '' for none
 * @throws OptionError TSGI_ERR_CACHE that names each folder with its reason
 */
export function inCacheFolder<Result>(
  entry: string,
  chosen: string,
  store: (folder: string) => Result,
): Result {
  const refusals: string[] = [];
  for (const { shown, make } of chosen === '' ? candidates(entry) : [given(chosen)]) {
    try {
      return store(make());
    } catch (error) {
      const at = error instanceof CacheError ? error.folder : shown;
      refusals.push(`${at}: ${whyOf(error)}`);
    }
  }
  const remedy =
    chosen === ''
      ? 'Name a folder that this user can write with --cache-dir, or compile the application ahead of time with `tsgi-threads build`'
      : 'Correct the folder, or name another one with --cache-dir (TSGI_CACHE_DIR)';
  throw new OptionError(
    'TSGI_ERR_CACHE',
    `Cannot store the compiled application. ${refusals.join('; ')}. ${remedy}.`,
  );
}

function* candidates(entry: string): Generator<Candidate> {
  const project = projectOf(path.dirname(entry));
  if (project !== undefined) yield beside(project);
  yield temporary(tmpdir());
  if (process.platform === 'linux' && existsSync(SHARED_MEMORY)) yield temporary(SHARED_MEMORY);
}

/** The nearest folder upwards that has a node_modules folder. */
function projectOf(folder: string): string | undefined {
  if (existsSync(path.join(folder, 'node_modules'))) return folder;
  const parent = path.dirname(folder);
  return parent === folder ? undefined : projectOf(parent);
}

function beside(project: string): Candidate {
  const folders = ['node_modules', '.cache', NAME];
  const shown = path.join(project, ...folders);
  const make = () => {
    let folder = realpathSync(project);
    check(folder, whyNotTrusted);
    for (const name of folders) {
      folder = path.join(folder, name);
      // Other tools share `.cache`.
      makeFolder(folder, name === NAME ? 0o700 : 0o755);
      check(folder, whyNotOurs);
    }
    return folder;
  };
  return { shown, make };
}

/** This user's own folder in a folder that every user can write. */
function temporary(shared: string): Candidate {
  const name = `${NAME}-${process.getuid?.() ?? 'user'}`;
  const make = () => {
    const folder = realpathSync(shared);
    check(folder, whyNotShared);
    const own = path.join(folder, name);
    makeFolder(own, 0o700);
    check(own, whyNotOurs);
    return own;
  };
  return { shown: path.join(shared, name), make };
}

function given(chosen: string): Candidate {
  const make = () => {
    mkdirSync(chosen, { recursive: true, mode: 0o700 });
    const folder = realpathSync(chosen);
    check(folder, whyNotOurs);
    return folder;
  };
  return { shown: chosen, make };
}

/** Makes a folder. The umask of the process can only reduce `mode`. A folder that exists keeps its own mode. */
function makeFolder(folder: string, mode: number): void {
  try {
    mkdirSync(folder, { mode });
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'EEXIST') throw error;
  }
}

function check(folder: string, why: (folder: string) => string | undefined): void {
  const reason = why(folder);
  if (reason !== undefined) throw new CacheError(folder, reason);
}

function whyOf(error: unknown): string {
  if (error instanceof CacheError) return error.message;
  const { code, message } = error as NodeJS.ErrnoException;
  return REASONS[code ?? ''] ?? message;
}

const REASONS: Readonly<Record<string, string>> = {
  EACCES: 'this user may not write it (EACCES)',
  EPERM: 'this user may not write it (EPERM)',
  EROFS: 'the file system is read-only (EROFS)',
  ENOSPC: 'the disk is full (ENOSPC)',
  EDQUOT: 'the disk quota is used up (EDQUOT)',
  ENOENT: 'the folder does not exist and cannot be made (ENOENT)',
  ENOTDIR: 'it is a file (ENOTDIR)',
  EEXIST: 'it is a file (EEXIST)',
};

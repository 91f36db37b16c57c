/**
 * Puts a build into its folder, and verifies a build that is there already.
 *
 * Law: a build is a folder named by the hash of its files. It is written under another name and renamed, so a process that dies
 * meanwhile leaves no part of a build under its final name.
 *
 * A build that exists is read whole before it is used. If a system crash, a full disk or a person has damaged it, it is
 * replaced. A cache therefore needs no fsync. A build for deployment (`durable`) is synchronised before it gets its name.
 */
import { createHash } from 'node:crypto';
import {
  closeSync,
  fsyncSync,
  mkdirSync,
  openSync,
  readdirSync,
  readFileSync,
  renameSync,
  rmSync,
  statSync,
  utimesSync,
  writeFileSync,
} from 'node:fs';
import path from 'node:path';
import { isOurFile, whyNotOurs } from './trust.ts';

export type Files = ReadonlyMap<string, string>;

const KEEP_MS = 7 * 24 * 3600 * 1000;
/** Names that this file writes: a build, and a build that is being written or removed. */
const BUILD = /^[0-9a-f]{16}(?:\..*)?$/;
/** Another server may put the same build there meanwhile. */
const TRIES = 3;

/** Sixteen hexadecimal digits, from the names and contents of the files. */
export function hashOf(files: Files): string {
  const hash = createHash('sha256');
  for (const name of [...files.keys()].sort())
    hash.update(name).update('\0').update(files.get(name)!).update('\0');
  return hash.digest('hex').slice(0, 16);
}

/**
 * Returns the folder in `cache` that holds these files and nothing else. The cache keeps builds of the last seven days.
 *
 * @param cache a folder that only this user can write
 * @throws the file system's error
 */
export function place(cache: string, files: Files): string {
  const folder = path.join(cache, hashOf(files));
  const now = new Date();
  for (let tries = TRIES; ; tries -= 1) {
    if (holds(folder, files)) {
      utimesSync(folder, now, now);
      break;
    }
    try {
      write(folder, files, false);
      break;
    } catch (error) {
      if (tries === 0 || !isTaken(error)) throw error;
    }
  }
  prune(cache, now.getTime());
  return folder;
}

/** Writes the files and makes them durable. A folder of that name is replaced. */
export function placeDurably(parent: string, files: Files): string {
  const folder = path.join(parent, hashOf(files));
  write(folder, files, true);
  sync(parent);
  return folder;
}

/** Returns why the folder is not the build of its name, or undefined if it is. */
export function whyDamaged(folder: string): string | undefined {
  try {
    const names = readdirSync(folder);
    const files = new Map(names.map((name) => [name, readFileSync(path.join(folder, name), 'utf8')]));
    return hashOf(files) === path.basename(folder) ? undefined : 'its files are not as they were written';
  } catch (error) {
    return (error as Error).message;
  }
}

/** True if the folder and its files belong to this user, and each file is complete. */
function holds(folder: string, files: Files): boolean {
  if (whyNotOurs(folder) !== undefined || readdirSync(folder).length !== files.size) return false;
  for (const [name, text] of files) {
    const file = path.join(folder, name);
    if (!isOurFile(file) || readFileSync(file, 'utf8') !== text) return false;
  }
  return true;
}

function write(folder: string, files: Files, durable: boolean): void {
  const beside = `${folder}.${process.pid}.${Date.now()}`;
  try {
    // The user that serves a deployed build must be able to read it.
    mkdirSync(beside, { mode: durable ? 0o755 : 0o700 });
    for (const [name, text] of files) writeFile(path.join(beside, name), text, durable);
    if (durable) sync(beside);
    makeRoom(folder);
    renameSync(beside, folder);
  } catch (error) {
    rmSync(beside, { recursive: true, force: true });
    throw error;
  }
}

function writeFile(file: string, text: string, durable: boolean): void {
  const descriptor = openSync(file, 'wx', durable ? 0o644 : 0o600);
  try {
    writeFileSync(descriptor, text);
    if (durable) fsyncSync(descriptor);
  } finally {
    closeSync(descriptor);
  }
}

function sync(folder: string): void {
  // Windows cannot open a folder.
  if (process.platform === 'win32') return;
  const descriptor = openSync(folder, 'r');
  try {
    fsyncSync(descriptor);
  } finally {
    closeSync(descriptor);
  }
}

/** Renames a damaged build in one step. Workers that load a file of it now miss the file only for a moment. */
function makeRoom(folder: string): void {
  const aside = `${folder}.${process.pid}.${Date.now()}.damaged`;
  try {
    renameSync(folder, aside);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return;
    throw error;
  }
  rmSync(aside, { recursive: true, force: true });
}

function isTaken(error: unknown): boolean {
  return ['ENOTEMPTY', 'EEXIST'].includes((error as NodeJS.ErrnoException).code ?? '');
}

function prune(cache: string, now: number): void {
  for (const name of readdirSync(cache).filter((entry) => BUILD.test(entry))) {
    const folder = path.join(cache, name);
    if (now - (statSync(folder, { throwIfNoEntry: false })?.mtimeMs ?? now) > KEEP_MS)
      rmSync(folder, { recursive: true, force: true });
  }
}

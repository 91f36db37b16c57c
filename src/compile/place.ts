/**
 * Puts a build into its folder, and proves one that is there already.
 *
 * Law: a build is a folder named by the hash of its files. It is written under another name and renamed, so a process that
 * dies in the middle leaves no part of a build under its final name. A build that exists is read whole before it is used:
 * what a crash of the system, a full disk or a hand has damaged is replaced. Because of that a cache needs no fsync; what
 * is deployed (`durable`) is synchronised before it gets its name.
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
/** What this file writes: a build, and one that is being written or thrown away. */
const BUILD = /^[0-9a-f]{16}(?:\..*)?$/;
/** Another server may put the same build there in between. */
const TRIES = 3;

/** Sixteen hexadecimal digits of what the files are called and contain. */
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
 * @throws what the file system says
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

/** Why the folder is not the build that its name says; undefined: it is. */
export function whyDamaged(folder: string): string | undefined {
  try {
    const names = readdirSync(folder);
    const files = new Map(names.map((name) => [name, readFileSync(path.join(folder, name), 'utf8')]));
    return hashOf(files) === path.basename(folder) ? undefined : 'its files are not as they were written';
  } catch (error) {
    return (error as Error).message;
  }
}

/** The folder and its files are this user's, and each has every byte. */
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
    // A build that is deployed is read by the user that serves it.
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
  // Windows opens no folder.
  if (process.platform === 'win32') return;
  const descriptor = openSync(folder, 'r');
  try {
    fsyncSync(descriptor);
  } finally {
    closeSync(descriptor);
  }
}

/** A damaged build steps aside in one step: workers that load a file of it right now miss it for a moment only. */
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

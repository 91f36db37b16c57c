/**
 * Decides whether code may run from a folder: only this user, and root, can change the folder's content.
 *
 * Law: reads owners and modes, changes nothing. Windows controls access by lists that Node does not read, so every folder is
 * trusted there.
 */
import { lstatSync, type Stats } from 'node:fs';

const WRITABLE_BY_OTHERS = 0o022;
const STICKY = 0o1000;

/**
 * Returns why the folder is not private to this user, or undefined if only this user can write it.
 *
 * @param folder absolute path of an existing folder, without symbolic links before its last part
 */
export function whyNotOurs(folder: string): string | undefined {
  return whyNotFolder(folder, (stats) => owned(stats, false) ?? modeOf(stats));
}

/** Like `whyNotOurs`, for the application's own folder: root may own it too. */
export function whyNotTrusted(folder: string): string | undefined {
  return whyNotFolder(folder, (stats) => owned(stats, true) ?? modeOf(stats));
}

/**
 * Returns why another user could replace this user's folder in `folder`, the system's folder for temporary files. All users may
 * write it if it is sticky: each user can then rename and delete only their own entries.
 */
export function whyNotShared(folder: string): string | undefined {
  return whyNotFolder(
    folder,
    (stats) => owned(stats, true) ?? ((stats.mode & STICKY) === 0 ? modeOf(stats) : undefined),
  );
}

/** True for a plain file of this user that no other user can write. */
export function isOurFile(file: string): boolean {
  const stats = lstatSync(file, { throwIfNoEntry: false });
  return stats?.isFile() === true && owned(stats, false) === undefined && modeOf(stats) === undefined;
}

function whyNotFolder(folder: string, judge: (stats: Stats) => string | undefined): string | undefined {
  const stats = lstatSync(folder, { throwIfNoEntry: false });
  if (stats === undefined) return 'the folder does not exist';
  if (stats.isSymbolicLink()) return 'it is a symbolic link';
  if (!stats.isDirectory()) return 'it is not a folder';
  return judge(stats);
}

function owned({ uid }: Stats, orByRoot: boolean): string | undefined {
  const user = process.getuid?.();
  if (user === undefined || uid === user || (orByRoot && uid === 0)) return undefined;
  return `it belongs to user ${uid}, and this process runs as user ${user}`;
}

function modeOf({ mode }: Stats): string | undefined {
  if (process.getuid === undefined || (mode & WRITABLE_BY_OTHERS) === 0) return undefined;
  return `other users can write it (mode ${(mode & 0o7777).toString(8)})`;
}

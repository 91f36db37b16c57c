/**
 * The TypeScript files of a package, whether or not a file imports them.
 *
 * Law: reads folders and names.
 */
import { type Dirent, existsSync, readdirSync } from 'node:fs';
import path from 'node:path';
import { isTyped } from './format.ts';

/** A package with more files is not an application. Then only the folder of the file counts. */
const MOST = 5000;

/** Absolute paths, sorted: the files in the package of `file`, without node_modules and hidden folders. */
export function packageFiles(file: string): string[] {
  const folder = path.dirname(file);
  return (walk(packageOf(folder) ?? folder) ?? walk(folder) ?? []).sort();
}

/** True for tests and for configuration of tools, which no application loads in production. */
export function isTool(file: string): boolean {
  return /\.(?:test|spec|config)\.\w+$/.test(file);
}

/** The nearest folder upwards that has a package.json. */
export function packageOf(folder: string): string | undefined {
  if (existsSync(path.join(folder, 'package.json'))) return folder;
  const parent = path.dirname(folder);
  return parent === folder ? undefined : packageOf(parent);
}

/** Undefined if there are too many files. */
function walk(root: string): string[] | undefined {
  const found: string[] = [];
  const folders = [root];
  for (let folder = folders.pop(); folder !== undefined; folder = folders.pop()) {
    for (const entry of entriesOf(folder)) {
      const file = path.join(folder, entry.name);
      if (entry.isDirectory() && entry.name !== 'node_modules' && !entry.name.startsWith('.'))
        folders.push(file);
      if (entry.isFile() && isTyped(file)) found.push(file);
    }
    if (found.length + folders.length > MOST) return undefined;
  }
  return found;
}

/** If this user may not read a folder, the application cannot use its files either. */
function entriesOf(folder: string): Dirent[] {
  try {
    return readdirSync(folder, { withFileTypes: true });
  } catch {
    return [];
  }
}

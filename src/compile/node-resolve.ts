/**
 * How Node itself resolves a specifier from a file: for everything that is not the user's own code.
 *
 * Law: asks Node's algorithm, in its two forms; touches nothing.
 */
import { existsSync } from 'node:fs';
import { createRequire } from 'node:module';
import path from 'node:path';
import { fileURLToPath, pathToFileURL } from 'node:url';
import { resolve as resolveModule } from 'import-meta-resolve';
import type { Format } from './format.ts';

/** The absolute path, or undefined when Node finds none. */
export function nodeResolve(specifier: string, importer: string, format: Format): string | undefined {
  const ways = format === 'esm' ? [byImport, byRequire] : [byRequire, byImport];
  for (const way of ways) {
    try {
      return way(specifier, importer);
    } catch {}
  }
  return undefined;
}

/** Like Node alone: without the other form as a second try. */
export function strictResolve(specifier: string, importer: string, format: Format): string | undefined {
  try {
    return format === 'esm' ? byImport(specifier, importer) : byRequire(specifier, importer);
  } catch {
    return undefined;
  }
}

function byImport(specifier: string, importer: string): string {
  const file = fileURLToPath(resolveModule(specifier, pathToFileURL(importer).href));
  // Like import.meta.resolve, it also names files that are not there.
  if (!existsSync(file)) throw new Error(`${file} does not exist`);
  return file;
}

function byRequire(specifier: string, importer: string): string {
  const file = createRequire(importer).resolve(specifier);
  // Node remembers what it found, also when that has been deleted since.
  if (path.isAbsolute(file) && !existsSync(file)) throw new Error(`${file} does not exist`);
  return file;
}

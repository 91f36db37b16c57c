/**
 * Resolves a specifier as Node itself does, for everything that is not the user's own code.
 *
 * Law: calls Node's algorithm, in its two forms; changes nothing.
 */
import { existsSync } from 'node:fs';
import { createRequire } from 'node:module';
import path from 'node:path';
import { fileURLToPath, pathToFileURL } from 'node:url';
import { resolve as resolveModule } from 'import-meta-resolve';
import type { Format } from './format.ts';

/** Returns the absolute path, or undefined if Node finds none. */
export function nodeResolve(specifier: string, importer: string, format: Format): string | undefined {
  const ways = format === 'esm' ? [byImport, byRequire] : [byRequire, byImport];
  for (const way of ways) {
    try {
      return way(specifier, importer);
    } catch {}
  }
  return undefined;
}

/** Resolves like Node alone: does not try the other form. */
export function strictResolve(specifier: string, importer: string, format: Format): string | undefined {
  try {
    return format === 'esm' ? byImport(specifier, importer) : byRequire(specifier, importer);
  } catch {
    return undefined;
  }
}

function byImport(specifier: string, importer: string): string {
  const file = fileURLToPath(resolveModule(specifier, pathToFileURL(importer).href));
  // Like import.meta.resolve, the resolver also returns files that do not exist.
  if (!existsSync(file)) throw new Error(`${file} does not exist`);
  return file;
}

function byRequire(specifier: string, importer: string): string {
  const file = createRequire(importer).resolve(specifier);
  // Node caches the paths that it found, even if the file has been deleted since.
  if (path.isAbsolute(file) && !existsSync(file)) throw new Error(`${file} does not exist`);
  return file;
}

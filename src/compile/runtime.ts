/**
 * What compiled files need at run time, in the worker: imports whose specifier is computed.
 *
 * Law: resolves from the original file, and gives the compiled one where there is one. Imported only by files that
 * need it, by its absolute place.
 */
import { existsSync, readFileSync } from 'node:fs';
import path from 'node:path';
import { fileURLToPath, pathToFileURL } from 'node:url';
import { resolve } from 'import-meta-resolve';
import type { Manifest } from './emit.ts';

const TYPED = new Set(['.ts', '.tsx', '.mts', '.cts', '.jsx']);
/** What a specifier may leave out or call otherwise, in TypeScript's order. */
const ENDINGS = [
  '.ts',
  '.tsx',
  '.js',
  '.jsx',
  '.mts',
  '.cts',
  '.mjs',
  '.cjs',
  '/index.ts',
  '/index.tsx',
  '/index.js',
];

/** `import.meta.resolve` of the file at `url`. */
export function resolveFrom(url: string, specifier: string): string {
  return resolve(String(specifier), url);
}

/** `import(specifier)` of the file at `url`, whose compiled form is at `compiledUrl`. */
export async function importFrom(url: string, compiledUrl: string, specifier: unknown): Promise<unknown> {
  const file = findFile(url, String(specifier));
  if (file === undefined) return import(String(specifier));
  const manifest = readManifest(compiledUrl);
  const compiled = manifest[file];
  if (compiled !== undefined) return import(pathToFileURL(compiled).href);
  if (!TYPED.has(path.extname(file))) return import(pathToFileURL(file).href);
  const { compileApplication } = await import('./compile.ts');
  return import((await compileApplication(file)).url);
}

function findFile(url: string, specifier: string): string | undefined {
  let resolved: string;
  try {
    resolved = resolve(specifier, url);
  } catch {
    resolved = specifier.startsWith('.') ? new URL(specifier, url).href : '';
  }
  if (!resolved.startsWith('file:')) return undefined;
  const file = fileURLToPath(resolved);
  const stem = file.replace(/\.[cm]?jsx?$/, '');
  const candidates = [
    file,
    ...ENDINGS.map((ending) => file + ending),
    ...ENDINGS.map((ending) => stem + ending),
  ];
  return candidates.find((candidate) => path.extname(candidate) !== '' && existsSync(candidate)) ?? file;
}

function readManifest(compiledUrl: string): Manifest {
  return JSON.parse(readFileSync(new URL('./manifest.json', compiledUrl), 'utf8')) as Manifest;
}

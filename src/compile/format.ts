/**
 * What kind of module a file is, and which files are the user's own.
 *
 * Law: answers from names and package.json files, and reads a source only for its syntax. Compiles nothing.
 */
import { createHash } from 'node:crypto';
import { existsSync, readFileSync } from 'node:fs';
import path from 'node:path';
import { parse } from 'es-module-lexer';
import { OptionError } from '../errors.ts';

export type Format = 'esm' | 'cjs';

const SOURCES = new Set(['.ts', '.tsx', '.mts', '.cts', '.js', '.jsx', '.mjs', '.cjs', '.json']);

/** Node cannot run these; `.ts` files only from Node 22.18 on, and not all of their syntax. */
const TYPED = new Set(['.ts', '.tsx', '.mts', '.cts', '.jsx']);
/** Node imports these by itself; `''` is what a package installs to be run. */
const NODE = new Set(['.js', '.mjs', '.cjs', '.json', '']);

/**
 * The file is code (or JSON) that this room reads: the user's own, and linked workspace packages, whose real path is
 * outside of node_modules. TypeScript is compiled wherever it is, because `pnpm deploy` copies workspace packages into
 * node_modules.
 */
export function isUserFile(file: string): boolean {
  if (isTyped(file)) return true;
  return SOURCES.has(path.extname(file)) && !file.split(path.sep).includes('node_modules');
}

/** It must be compiled, whatever is in it. */
export function isTyped(file: string): boolean {
  return TYPED.has(path.extname(file)) && !/\.d\.[cm]?ts$/.test(file);
}

/** Neither Node nor this room can load it: a stylesheet, an image. */
export function isForeignKind(file: string): boolean {
  const extension = path.extname(file);
  return !SOURCES.has(extension) && !NODE.has(extension);
}

/** Node runs it as it stands, if its imports allow. */
export function isPlain(file: string): boolean {
  return ['.js', '.mjs', '.cjs'].includes(path.extname(file));
}

/** What a package installs to be run: plain JavaScript in node_modules, or without an ending. */
export function isProgram(file: string): boolean {
  return isPlain(file) || path.extname(file) === '';
}

/** Node runs it as CommonJS: by its ending and package.json, and without a `type` there, by its syntax. */
export function isScript(file: string): boolean {
  if (path.extname(file) === '.cjs') return true;
  if (formatOf(file) === 'esm') return false;
  if (packageType(path.dirname(file)) === 'commonjs') return true;
  return !hasModuleSyntax(readFileSync(file, 'utf8'));
}

/** The source has an `import` or `export` statement, or `import.meta`. A source with a syntax error counts as one without. */
function hasModuleSyntax(source: string): boolean {
  try {
    return parse(source)[3];
  } catch {
    // Node reports the error when it loads the file.
    return false;
  }
}

/** ESM or CommonJS by ending, else by the nearest package.json, which without `type` means CommonJS. */
export function formatOf(file: string): Format {
  const kind = path.extname(file)[1];
  if (kind === 'm') return 'esm';
  if (kind === 'c') return 'cjs';
  return packageType(path.dirname(file)) === 'module' ? 'esm' : 'cjs';
}

/** What the nearest package.json says; '' when it says nothing, or there is none. */
function packageType(folder: string): string {
  const manifest = path.join(folder, 'package.json');
  if (existsSync(manifest)) return String(readManifest(manifest).type ?? '');
  const parent = path.dirname(folder);
  return parent === folder ? '' : packageType(parent);
}

/** @throws OptionError TSGI_ERR_APP_SYNTAX */
function readManifest(file: string): { readonly type?: unknown } {
  try {
    return JSON.parse(readFileSync(file, 'utf8')) as object;
  } catch (error) {
    const shown = path.relative(process.cwd(), file);
    throw new OptionError(
      'TSGI_ERR_APP_SYNTAX',
      `Cannot compile the application: ${shown}: ${(error as Error).message}`,
      { cause: error },
    );
  }
}

/** SHA-256, in hexadecimal digits. */
export function digestOf(source: string): string {
  return createHash('sha256').update(source).digest('hex');
}

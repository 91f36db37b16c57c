/**
 * Decides the module format of a file, and which files are the user's own.
 *
 * Law: reads names and package.json files, and a source only for its syntax. Compiles nothing.
 */
import { createHash } from 'node:crypto';
import { existsSync, readFileSync } from 'node:fs';
import path from 'node:path';
import { parse } from 'es-module-lexer';
import { OptionError } from '../errors.ts';

export type Format = 'esm' | 'cjs';

const SOURCES = new Set(['.ts', '.tsx', '.mts', '.cts', '.js', '.jsx', '.mjs', '.cjs', '.json']);

/** Extensions that Node cannot run. It runs `.ts` files from Node 22.18 on, but not all of their syntax. */
const TYPED = new Set(['.ts', '.tsx', '.mts', '.cts', '.jsx']);
/** Extensions that Node imports by itself; `''` is for programs that a package installs. */
const NODE = new Set(['.js', '.mjs', '.cjs', '.json', '']);

/**
 * True if this room reads the file: code or JSON of the user or of a linked workspace package. The real path of such a package
 * is outside of node_modules. TypeScript is compiled wherever it is, because `pnpm deploy` copies workspace packages into
 * node_modules.
 */
export function isUserFile(file: string): boolean {
  if (isTyped(file)) return true;
  return SOURCES.has(path.extname(file)) && !file.split(path.sep).includes('node_modules');
}

/** True if the file must be compiled, whatever its content. */
export function isTyped(file: string): boolean {
  return TYPED.has(path.extname(file)) && !/\.d\.[cm]?ts$/.test(file);
}

/** True if neither Node nor this room can load the file: a stylesheet, an image. */
export function isForeignKind(file: string): boolean {
  const extension = path.extname(file);
  return !SOURCES.has(extension) && !NODE.has(extension);
}

/** True if Node runs the file unchanged, provided that its imports allow it. */
export function isPlain(file: string): boolean {
  return ['.js', '.mjs', '.cjs'].includes(path.extname(file));
}

/** True for a program that a package installs: plain JavaScript in node_modules, or a file without an extension. */
export function isProgram(file: string): boolean {
  return isPlain(file) || path.extname(file) === '';
}

/**
 * True if Node runs the file as CommonJS. Its extension and package.json decide. Without a `type` there, its syntax decides.
 */
export function isScript(file: string): boolean {
  if (path.extname(file) === '.cjs') return true;
  if (formatOf(file) === 'esm') return false;
  if (packageType(path.dirname(file)) === 'commonjs') return true;
  return !hasModuleSyntax(readFileSync(file, 'utf8'));
}

/** True if the source has an `import` or `export` statement, or `import.meta`. False for a source with a syntax error. */
function hasModuleSyntax(source: string): boolean {
  try {
    return parse(source)[3];
  } catch {
    // Node reports the error when it loads the file.
    return false;
  }
}

/** ESM or CommonJS by extension, otherwise by the nearest package.json. Without `type` there, CommonJS. */
export function formatOf(file: string): Format {
  const kind = path.extname(file)[1];
  if (kind === 'm') return 'esm';
  if (kind === 'c') return 'cjs';
  return packageType(path.dirname(file)) === 'module' ? 'esm' : 'cjs';
}

/** The `type` of the nearest package.json; '' if it has none, or if there is no package.json. */
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

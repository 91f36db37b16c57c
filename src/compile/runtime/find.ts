/**
 * Finds the source of a computed specifier as TypeScript does: without its extension, by the extension of its output, or by an
 * alias of tsconfig.json.
 *
 * Law: looks for files and loads nothing. `exists` decides which files there are: a build may have sources that the disk does
 * not have.
 */
import { createRequire } from 'node:module';
import path from 'node:path';
import { fileURLToPath } from 'node:url';

type Exists = (file: string) => boolean;

/** Extensions that a specifier may omit, in TypeScript's order. */
const ENDINGS = ['.ts', '.tsx', '.js', '.jsx', '.mts', '.cts', '.mjs', '.cjs', '.json'];
/** The extension of an output → the extensions of its sources. */
const SOURCES: Readonly<Record<string, readonly string[]>> = {
  '.js': ['.ts', '.tsx', '.jsx'],
  '.jsx': ['.tsx'],
  '.mjs': ['.mts'],
  '.cjs': ['.cts'],
};

/**
 * @param specifier a path, a file: URL, or a name that may be an alias
 * @param from absolute path of the importing source
 * @returns an absolute path, or undefined if there is no such file
 */
export function findSource(specifier: string, from: string, exists: Exists): string | undefined {
  const file = pathOf(specifier, from);
  if (file !== undefined) return findFile(file, exists);
  for (const candidate of aliases(specifier, from)) {
    const found = findFile(candidate, exists);
    if (found !== undefined) return found;
  }
  return undefined;
}

/** Undefined if the specifier is not a path. */
function pathOf(specifier: string, from: string): string | undefined {
  if (specifier.startsWith('file:')) return fileURLToPath(new URL(specifier).href);
  if (path.isAbsolute(specifier)) return specifier;
  return /^\.{1,2}(?:\/|$)/.test(specifier) ? path.resolve(path.dirname(from), specifier) : undefined;
}

function findFile(file: string, exists: Exists): string | undefined {
  const extension = path.extname(file);
  const stem = file.slice(0, file.length - extension.length);
  return [
    file,
    ...(SOURCES[extension] ?? []).map((ending) => stem + ending),
    ...ENDINGS.map((ending) => file + ending),
    ...ENDINGS.map((ending) => path.join(file, `index${ending}`)),
  ].find(exists);
}

interface TsConfig {
  getTsconfig(file: string): object | null;
  createPathsMatcher(config: object): ((specifier: string) => string[]) | null;
}

const matchers: Map<string, (specifier: string) => string[]> = new Map();

/** Absolute paths for the name by `paths` of the nearest tsconfig.json, without extensions. */
function aliases(specifier: string, from: string): string[] {
  const folder = path.dirname(from);
  let matcher = matchers.get(folder);
  if (matcher === undefined) {
    // A `require` may be in progress, so this must be synchronous.
    const { getTsconfig, createPathsMatcher } = createRequire(import.meta.url)('get-tsconfig') as TsConfig;
    const config = getTsconfig(folder);
    matcher = (config === null ? null : createPathsMatcher(config)) ?? (() => []);
    matchers.set(folder, matcher);
  }
  return matcher(specifier);
}

/**
 * Which source a computed specifier means, as TypeScript finds it: without its ending, by the ending of its output, or by
 * an alias of tsconfig.json.
 *
 * Law: looks for files and loads nothing. `exists` decides what is there: a build may have sources that the disk has not.
 */
import { createRequire } from 'node:module';
import path from 'node:path';
import { fileURLToPath } from 'node:url';

type Exists = (file: string) => boolean;

/** What a specifier may leave out, in TypeScript's order. */
const ENDINGS = ['.ts', '.tsx', '.js', '.jsx', '.mts', '.cts', '.mjs', '.cjs', '.json'];
/** The ending of an output → of what it is made. */
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

/** Undefined: the specifier is no path. */
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

/** Absolute paths that `paths` of the nearest tsconfig.json gives the name, without endings. */
function aliases(specifier: string, from: string): string[] {
  const folder = path.dirname(from);
  let matcher = matchers.get(folder);
  if (matcher === undefined) {
    // `require` here may be in the middle of another; so this must not be asynchronous.
    const { getTsconfig, createPathsMatcher } = createRequire(import.meta.url)('get-tsconfig') as TsConfig;
    const config = getTsconfig(folder);
    matcher = (config === null ? null : createPathsMatcher(config)) ?? (() => []);
    matchers.set(folder, matcher);
  }
  return matcher(specifier);
}

/**
 * Enables a thread to run compiled files, and to load TypeScript by a computed path.
 *
 * Law: the door of this folder, imported by its URL in the thread that runs the application. A file may be loaded by `import`,
 * `require`, a library or a `Worker`. Each of them loads its compiled file, so a module is one module.
 */
import { createRequire } from 'node:module';
import { fileURLToPath, pathToFileURL } from 'node:url';
import { hookRequire } from './commonjs.ts';
import type { RuntimeData } from './data.ts';
import { findSource } from './find.ts';
import { hookImport } from './modules.ts';
import { Sources } from './sources.ts';

/** Functions that compiled files call; see `emit.ts`. */
interface Runtime {
  /** `import.meta.resolve` of the source at `url`. */
  resolveFrom(url: string, specifier: string): string;
  /** `import(specifier, options)` of the source at `url`. */
  importFrom(url: string, specifier: unknown, options?: ImportCallOptions): Promise<unknown>;
}

type Resolve = (specifier: string, from: string) => string;

/** Loads packages only when they are used: most applications have no computed import. */
const require = createRequire(import.meta.url);
const KEY = Symbol.for('tsgi-threads.runtime');
const sources = new Sources();

export async function install(data: RuntimeData): Promise<void> {
  sources.add(data);
  const place = globalThis as { [KEY]?: Runtime };
  if (place[KEY] !== undefined) return;
  place[KEY] = { resolveFrom, importFrom };
  hookRequire(sources);
  hookImport(sources, data);
  if (data.namesFiles) (await import('./started-threads.ts')).hookThreads(sources, data);
  // Libraries that load the files of a folder read this property.
  Object.defineProperty(process.features, 'typescript', {
    value: 'transform',
    configurable: true,
    enumerable: true,
  });
}

function resolveFrom(url: string, specifier: string): string {
  return resolve(String(specifier), url);
}

function resolve(specifier: string, from: string): string {
  return (require('import-meta-resolve') as { resolve: Resolve }).resolve(specifier, from);
}

async function importFrom(url: string, specifier: unknown, options?: ImportCallOptions): Promise<unknown> {
  const name = String(specifier);
  const [file, search] = locate(url, name);
  const target = file === undefined ? name : pathToFileURL(sources.compiledOf(file) ?? file).href + search;
  // Node 20 throws for undefined options.
  return options === undefined ? import(target) : import(target, options);
}

/** Returns the absolute path and the query of a name; no path if it is not a file. Throws Node's error if nothing is found. */
function locate(url: string, name: string): [string | undefined, string] {
  let resolved: URL;
  try {
    resolved = new URL(resolve(name, url));
  } catch (error) {
    const found = findSource(name, fileURLToPath(url), sources.exists);
    if (found === undefined) throw error;
    return [found, ''];
  }
  if (resolved.protocol !== 'file:') return [undefined, ''];
  const { search } = resolved;
  const file = fileURLToPath(resolved);
  return [findSource(file, file, sources.exists) ?? file, search];
}

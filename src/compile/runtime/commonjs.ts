/**
 * `require` of TypeScript, and `require` in compiled files.
 *
 * Law: replaces two functions of Node's CommonJS loader in this thread. A compiled file represents its source: its `require`
 * resolves from the source's folder, and `require.resolve` returns sources. Paths that begin with `././` come from `emit.ts`,
 * and are used unchanged.
 */
import Module, { isBuiltin } from 'node:module';
import path from 'node:path';
import { isTyped } from '../format.ts';
import { findSource } from './find.ts';
import type { Sources } from './sources.ts';

interface Parent {
  readonly filename?: string | null;
}

interface Loader {
  _load(this: unknown, request: string, parent: Parent | null | undefined, isMain: boolean): unknown;
  _resolveFilename(
    this: unknown,
    request: string,
    parent: Parent | null | undefined,
    isMain: boolean,
    options?: object,
  ): string;
  _nodeModulePaths(folder: string): string[];
  readonly _extensions: Record<string, ((module: Module, file: string) => void) | undefined>;
}

const OWN = '././';
const TYPED = ['.ts', '.cts', '.tsx', '.mts', '.jsx'];

export function hookRequire(sources: Sources): void {
  const loader = Module as unknown as Loader;
  const { _load: load, _resolveFilename: resolve } = loader;

  loader._resolveFilename = function (request, parent, isMain, options) {
    const from = isNamed(parent) ? sources.sourceOf(parent.filename) : undefined;
    if (request.startsWith(OWN)) return resolve.call(this, request, parent, isMain, options);
    const asked = from === undefined ? parent : standIn(loader, from);
    const file = isNamed(asked) ? asked.filename : undefined;
    // As imports do: in TypeScript, a name without an extension means TypeScript first.
    if (file !== undefined && isTyped(file) && path.extname(request) === '' && /^[./]/.test(request)) {
      const found = findSource(request, file, sources.exists);
      if (found !== undefined) return found;
    }
    try {
      return resolve.call(this, request, asked, isMain, options);
    } catch (error) {
      const isMissing = (error as NodeJS.ErrnoException).code === 'MODULE_NOT_FOUND';
      const found = isMissing && file !== undefined ? findSource(request, file, sources.exists) : undefined;
      if (found === undefined) throw error;
      return found;
    }
  };

  loader._load = function (request, parent, isMain) {
    const compiled =
      isMain || !mayBeSource(request, parent, sources) ? undefined : compiledOf(request, parent);
    return load.call(this, compiled ?? request, parent, isMain);
  };

  const compiledOf = (request: string, parent: Parent | null | undefined): string | undefined => {
    let file: string;
    try {
      file = loader._resolveFilename(request, parent, false);
    } catch {
      // Node throws this error again, with the caller's stack.
      return undefined;
    }
    return sources.compiledOf(file);
  };

  // From now on Node also tries these extensions. The functions here load files that do not pass through `_load`.
  for (const ending of TYPED) {
    const before = loader._extensions[ending] ?? loader._extensions['.js']!;
    loader._extensions[ending] = (module, file) => {
      const compiled = sources.compiledOf(file);
      if (compiled === undefined) before(module, file);
      else module.exports = loader._load(compiled, module, false);
    };
  }
}

/** Libraries name files of the application by absolute paths, and use other specifiers for their own files. */
function mayBeSource(request: string, parent: Parent | null | undefined, sources: Sources): boolean {
  if (request.startsWith(OWN) || isBuiltin(request)) return false;
  if (path.isAbsolute(request) || !isNamed(parent)) return true;
  return !isInPackage(parent.filename) || sources.sourceOf(parent.filename) !== undefined;
}

/** True if the parent is a file: the prompt and evaluated texts have no name. */
function isNamed(parent: Parent | null | undefined): parent is Parent & { filename: string } {
  return typeof parent?.filename === 'string';
}

function isInPackage(file: string): boolean {
  return file.includes(`${path.sep}node_modules${path.sep}`);
}

function standIn(loader: Loader, file: string): Parent {
  return Object.assign(new Module(file), {
    filename: file,
    paths: loader._nodeModulePaths(path.dirname(file)),
  });
}

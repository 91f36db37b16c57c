/**
 * `import` of TypeScript by code that is not compiled: libraries that import the files of a folder.
 *
 * Law: resolves. If a specifier resolves to a compiled file, Node loads it like any other file.
 *
 * Node 22.15 and later have hooks in the thread itself, which are always installed. Node 20 runs them on one more thread for
 * each thread, which takes as long to start as a worker. There `RuntimeData.hooks` decides, and `module-hooks.ts` runs on that
 * thread.
 */
import Module, { isBuiltin } from 'node:module';
import { fileURLToPath, pathToFileURL } from 'node:url';
import type { RuntimeData } from './data.ts';
import { findSource } from './find.ts';
import type { Sources } from './sources.ts';

export interface Context {
  readonly parentURL?: string | undefined;
  readonly conditions?: readonly string[];
}

export interface Resolved {
  readonly url: string;
  readonly format?: string | null | undefined;
  readonly shortCircuit?: boolean;
}

interface Hooks {
  registerHooks?(hooks: {
    resolve(
      specifier: string,
      context: Context,
      next: (specifier: string, context: Context) => Resolved,
    ): Resolved;
  }): void;
}

export function hookImport(sources: Sources, data: RuntimeData): void {
  const { registerHooks } = Module as unknown as Hooks;
  if (registerHooks !== undefined)
    registerHooks({
      resolve(specifier, given, next) {
        const context = asked(specifier, given, sources);
        if (context === null) return next(specifier, given);
        try {
          return compiled(next(specifier, context), sources);
        } catch (error) {
          return missing(error, specifier, context, sources);
        }
      },
    });
  else if (data.hooks) Module.register(new URL('./module-hooks.js', import.meta.url), { data });
}

/**
 * Returns the context with the source as the importer, if the importer is a compiled file. Null if these hooks do not apply.
 */
export function asked(specifier: string, context: Context, sources: Sources): Context | null {
  // `require` has hooks of its own; see `commonjs.ts`.
  if (
    specifier.startsWith('././') ||
    isBuiltin(specifier) ||
    context.conditions?.includes('require') === true
  )
    return null;
  const { parentURL } = context;
  if (parentURL?.startsWith('file:') !== true) return context;
  const source = sources.sourceOf(fileURLToPath(parentURL));
  return source === undefined ? context : { ...context, parentURL: pathToFileURL(source).href };
}

/** Replaces a file that Node has found by its compiled file, if there is one. */
export function compiled(resolved: Resolved, sources: Sources): Resolved {
  if (!resolved.url.startsWith('file:')) return resolved;
  const file = sources.compiledOf(fileURLToPath(resolved.url));
  return file === undefined ? resolved : compiledUrl(file, new URL(resolved.url).search);
}

/** Finds a file that Node has not found: TypeScript has more names for a file. */
export function missing(
  error: unknown,
  specifier: string,
  { parentURL }: Context,
  sources: Sources,
): Resolved {
  const isMissing = ['ERR_MODULE_NOT_FOUND', 'ERR_UNSUPPORTED_DIR_IMPORT'].includes(
    (error as NodeJS.ErrnoException).code ?? '',
  );
  if (!isMissing || parentURL?.startsWith('file:') !== true) throw error;
  const found = findSource(specifier, fileURLToPath(parentURL), sources.exists);
  if (found === undefined) throw error;
  return compiledUrl(sources.compiledOf(found) ?? found, '');
}

/** Keeps the query, because libraries use it to load a file again. */
function compiledUrl(file: string, search: string): Resolved {
  return { url: pathToFileURL(file).href + search, shortCircuit: true };
}

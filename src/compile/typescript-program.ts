/**
 * Turns the program that a server should run into the files that its workers load: the application, and before it the modules
 * of `--import`.
 *
 * Law: the door of this room, loaded by every server. It handles names alone: which file, which export, which module.
 * `compile.ts` does the rest, and `built.ts` reads a build that was made ahead of time. All files are compiled together, so
 * that a file that several entries reach is one module in a worker.
 */
import { existsSync } from 'node:fs';
import { isBuiltin } from 'node:module';
import path from 'node:path';
import { fileURLToPath, pathToFileURL } from 'node:url';
import { OptionError } from '../errors.ts';
import { isBuild, readBuild } from './built.ts';
import { checkEntry } from './entry.ts';
import { isUserFile } from './format.ts';
import { checkExistence, locateApplication, type NamedApplication } from './locate.ts';
import { nodeResolve } from './node-resolve.ts';
import { RUNTIME, type RuntimeData } from './runtime/data.ts';

export interface TypeScriptProgram {
  /** The `file:` URL that workers import; '' for none. */
  readonly url: string;
  /** `name`, or `name()` for a factory; '' for the usual names. */
  readonly exportName: string;
  /** Absolute path of the application's source; '' for none. */
  readonly source: string;
  /** True if the application is CommonJS. */
  readonly isScript: boolean;
  readonly imports: readonly CompiledModule[];
  /** The module that a worker installs first. Null if Node loads all of the application by itself. */
  readonly runtime: Runtime | null;
  /** Imported files that Node cannot load. An error names them. */
  readonly assets: readonly { readonly file: string; readonly importer: string }[];
  /** Warnings for the log, a line each. */
  readonly warnings: readonly string[];
}

export interface Runtime {
  /** URL of a module whose `install` takes the data. */
  readonly url: string;
  readonly data: RuntimeData;
}

/** The program of a server that loads nothing from a file. */
export const NO_PROGRAM: TypeScriptProgram = {
  url: '',
  exportName: '',
  source: '',
  isScript: false,
  imports: [],
  runtime: null,
  assets: [],
  warnings: [],
};

export interface CompiledModule {
  /** The name in the option. */
  readonly name: string;
  /** The URL that workers import. */
  readonly url: string;
}

export interface ProgramOptions {
  /** Specifiers. Paths and packages are resolved from the working directory. */
  readonly imports: readonly string[];
  /** Folder for compiled files; '' chooses one. */
  readonly cacheDir: string;
  /** True if the application will be compiled again soon. */
  readonly watch: boolean;
}

/**
 * @param named a file, or the folder of a build; null for an application that is not a file
 * @param reached receives the absolute path of every reached file of the user, even if the compilation fails
 * @throws OptionError TSGI_ERR_APP_NOT_FOUND, TSGI_ERR_APP_SYNTAX, TSGI_ERR_CACHE, TSGI_ERR_BUILD
 */
export async function compileProgram(
  named: NamedApplication | null,
  options: ProgramOptions,
  reached: Set<string>,
): Promise<TypeScriptProgram> {
  const place = named === null ? '' : locateApplication(named).file;
  if (isBuild(place)) return readBuild(place, options);
  const located = locateProgram(named, options.imports, reached);
  const { file, exportName, own, imports } = located;
  if (file === '' && own.length === 0) return { ...NO_PROGRAM, imports: importedFrom(imports, new Map()) };
  // Loaded only here: a build needs no compiler.
  const { compileFiles } = await import('./compile.ts');
  const { compiled, folder, loads, assets, warnings } = await compileFiles(located.files, reached, {
    cacheDir: options.cacheDir,
    again: options.watch,
  });
  const application = file === '' ? undefined : compiled[0]!;
  const urls = new Map(own.map((at, index) => [at, compiled.at(index - own.length)!.url]));
  const entry = compiled[0]!.source;
  const where = { folder, sealed: false, entry, cacheDir: options.cacheDir };
  return {
    url: application?.url ?? '',
    exportName,
    source: application?.source ?? '',
    isScript: application?.isScript ?? false,
    imports: importedFrom(imports, urls),
    runtime: folder === '' || loads === null ? null : { url: RUNTIME, data: { ...where, ...loads } },
    assets,
    warnings,
  };
}

export interface Located {
  /** Absolute path of the application; '' for none. */
  readonly file: string;
  readonly exportName: string;
  readonly imports: readonly { readonly name: string; readonly at: string }[];
  /** Absolute paths of imported modules that are the user's own. */
  readonly own: readonly string[];
  /** The files to compile: the application and `own`. */
  readonly files: readonly string[];
}

/** @throws OptionError TSGI_ERR_APP_NOT_FOUND */
export function locateProgram(
  named: NamedApplication | null,
  names: readonly string[],
  reached: Set<string>,
): Located {
  const { file, exportName } = named === null ? { file: '', exportName: '' } : locateApplication(named);
  if (named !== null) {
    // Added even if the file is missing: it may appear later.
    reached.add(file);
    checkExistence(named);
    checkEntry(file);
  }
  const imports = names.map((name) => ({ name, at: locate(name, reached) }));
  const own = imports.map(({ at }) => at).filter(isCompiled);
  return { file, exportName, imports, own, files: file === '' ? own : [file, ...own] };
}

function importedFrom(imports: Located['imports'], urls: ReadonlyMap<string, string>): CompiledModule[] {
  return imports.map(({ name, at }) => ({
    name,
    url: urls.get(at) ?? (path.isAbsolute(at) ? pathToFileURL(at).href : at),
  }));
}

function isCompiled(at: string): boolean {
  return path.isAbsolute(at) && isUserFile(at) && !at.endsWith('.json');
}

function fileOf(app: string): string {
  if (!app.startsWith('file:')) return path.resolve(app);
  return fileURLToPath(app);
}

/** Returns the absolute path of a module, or its URL if it is not a file. */
function locate(name: string, reached: Set<string>): string {
  if (isBuiltin(name) || name.startsWith('data:')) return name;
  if (name.startsWith('file:') || path.isAbsolute(name) || /^\.{1,2}[/\\]/.test(name)) {
    const file = fileOf(name);
    // Added even if the file is missing: it may appear later.
    reached.add(file);
    if (existsSync(file)) return file;
    throw notFound(name, `${file} does not exist`);
  }
  const found = nodeResolve(name, path.resolve('package.json'), 'esm');
  if (found !== undefined) return found;
  const hint = existsSync(name) ? `; did you mean ./${name}?` : '';
  throw notFound(name, `there is no such package for ${process.cwd()}${hint}`);
}

function notFound(name: string, why: string): OptionError {
  return new OptionError('TSGI_ERR_APP_NOT_FOUND', `Cannot find the module ${name} (--import): ${why}`);
}

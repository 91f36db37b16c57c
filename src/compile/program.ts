/**
 * What a server is told to run → what its workers load: the application, and before it the modules of `--import`.
 *
 * Law: names alone, which file, which export, which module; `compile.ts` does the rest. All of it is compiled together,
 * so that a file that both reach is one module in a worker.
 */
import { existsSync } from 'node:fs';
import { isBuiltin } from 'node:module';
import path from 'node:path';
import { fileURLToPath, pathToFileURL } from 'node:url';
import { OptionError } from '../errors.ts';
import { checkEntry, compileFiles } from './compile.ts';
import { isUserFile } from './format.ts';
import { checkExistence, locateApplication, type NamedApplication } from './locate.ts';
import { nodeResolve } from './resolve.ts';

export interface Program {
  /** What workers import, a file: URL; '' for none. */
  readonly url: string;
  /** `name`, or `name()` for a factory; '' for the usual ones. */
  readonly exportName: string;
  /** Absolute path of the application's source; '' for none. */
  readonly source: string;
  /** The application is CommonJS. */
  readonly isScript: boolean;
  readonly imports: readonly ImportedModule[];
  /** To be told, a line each. */
  readonly warnings: readonly string[];
}

/** Nothing is loaded from a file. */
export const NO_PROGRAM: Program = {
  url: '',
  exportName: '',
  source: '',
  isScript: false,
  imports: [],
  warnings: [],
};

export interface ImportedModule {
  /** As it was given. */
  readonly name: string;
  /** What workers import. */
  readonly url: string;
}

/**
 * @param named null for an application that is no file
 * @param imports specifiers; paths and packages are looked for from the working directory
 * @param reached is given the absolute path of every file of the user's that was reached, also when that failed
 * @throws OptionError TSGI_ERR_APP_NOT_FOUND, TSGI_ERR_APP_SYNTAX
 */
export async function compileProgram(
  named: NamedApplication | null,
  imports: readonly string[],
  reached: Set<string>,
): Promise<Program> {
  const { file, exportName } = named === null ? { file: '', exportName: '' } : locateApplication(named);
  if (named !== null) {
    // Also one that is missing: it may come.
    reached.add(file);
    checkExistence(named);
    checkEntry(file);
  }
  const located = imports.map((name) => ({ name, at: locate(name, reached) }));
  const own = located.map(({ at }) => at).filter(isCompiled);
  const files = file === '' ? own : [file, ...own];
  const { compiled, warnings } =
    files.length === 0 ? { compiled: [], warnings: [] } : await compileFiles(files, reached);
  const application = file === '' ? undefined : compiled.shift();
  const urls = new Map(own.map((at, index) => [at, compiled[index]!.url]));
  return {
    url: application?.url ?? '',
    exportName,
    source: application?.source ?? '',
    isScript: application?.isScript ?? false,
    imports: located.map(({ name, at }) => ({
      name,
      url: urls.get(at) ?? (path.isAbsolute(at) ? pathToFileURL(at).href : at),
    })),
    warnings,
  };
}

function isCompiled(at: string): boolean {
  return path.isAbsolute(at) && isUserFile(at) && !at.endsWith('.json');
}

function fileOf(app: string): string {
  if (!app.startsWith('file:')) return path.resolve(app);
  return fileURLToPath(app);
}

/** The absolute path of a module, or its URL where it is no file. */
function locate(name: string, reached: Set<string>): string {
  if (isBuiltin(name) || name.startsWith('data:')) return name;
  if (name.startsWith('file:') || path.isAbsolute(name) || /^\.{1,2}[/\\]/.test(name)) {
    const file = fileOf(name);
    // Also one that is missing: it may come.
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

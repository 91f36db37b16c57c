/**
 * Compiles an application's files into plain files that workers import directly. Each file is transpiled once, before the
 * workers start. A worker installs `runtime/` only if the application may load more than its imports. An application may rely
 * on the same behavior as under tsx.
 *
 * Law: from sources to a folder in the cache. Never blocks the caller's thread for long: esbuild runs in another process.
 */
import path from 'node:path';
import { pathToFileURL } from 'node:url';
import type { BuildFailure } from 'esbuild';
import { OptionError } from '../errors.ts';
import { inCacheFolder } from './cache.ts';
import { loadsFiles, namesFiles } from './computed.ts';
import { emit } from './emit.ts';
import { withEsbuild } from './esbuild.ts';
import { formatOf, isScript, isUserFile } from './format.ts';
import { type Asset, Graph, textOf, type Unit } from './graph.ts';
import { missingMetadata } from './metadata.ts';
import { isTool, packageFiles } from './package-files.ts';
import { place } from './place.ts';
import type { RuntimeData } from './runtime/data.ts';

export interface CompiledFile {
  /** The `file:` URL that workers import. */
  readonly url: string;
  /** Absolute path of the entry. */
  readonly source: string;
  /** True if the entry is CommonJS. */
  readonly isScript: boolean;
}

export interface CompileOptions {
  /** Folder for compiled files; '' chooses one. */
  readonly cacheDir: string;
  /** True if more builds follow soon: esbuild's process then waits for them. */
  readonly again: boolean;
}

export interface CompiledFiles {
  /** One for each entry. */
  readonly compiled: CompiledFile[];
  /** Absolute path of the folder that holds the compiled files; '' if no file had to be compiled. */
  readonly folder: string;
  /** Null: the application loads nothing but its imports. */
  readonly loads: Loads | null;
  readonly assets: readonly Asset[];
  /** Problems that do not stop the files from running, for the log. */
  readonly warnings: readonly string[];
}

/**
 * Compiles at least one entry and everything that the entries import. A file that several of them reach is one module.
 *
 * @param files absolute paths
 * @param reached receives the absolute path of every reached file of the user, even if the compilation fails
 * @throws OptionError TSGI_ERR_APP_SYNTAX with file, line and column; TSGI_ERR_CACHE
 */
export async function compileFiles(
  files: readonly string[],
  reached: Set<string>,
  options: CompileOptions,
): Promise<CompiledFiles> {
  const { graph, entries } = await withEsbuild(options.again, () => graphOf(files, reached));
  let folder = '';
  let names: ReadonlyMap<Unit, string> = new Map();
  if (graph.units.some(({ foreign }) => foreign))
    folder = inCacheFolder(entries[0]!.file, options.cacheDir, (parent) => {
      const emitted = emit(graph, { parent, all: false });
      names = emitted.names;
      return place(parent, emitted.files);
    });
  const warning = await missingMetadata(graph.units);
  return {
    compiled: entries.map((entry) => compiledFile(entry, folder, names)),
    folder,
    loads: loadsOf(graph),
    assets: graph.assets,
    warnings: warning === undefined ? [] : [warning],
  };
}

/** What the application may load besides its imports; see `runtime/data.ts`. */
export type Loads = Pick<RuntimeData, 'namesFiles' | 'hooks'>;

/** Returns null or `hooks: false` if the application cannot load other files: module hooks take half of a worker's start. */
export function loadsOf({ units }: Graph): Loads | null {
  if (!units.some(({ text }) => loadsFiles(text))) return null;
  if (!units.some(({ text }) => namesFiles(text))) return { namesFiles: false, hooks: false };
  const files = new Set(units.map(({ file }) => file));
  const hooks = packageFiles(units[0]!.file).some((file) => !files.has(file) && !isTool(file));
  return { namesFiles: true, hooks };
}

/** Finds the files that the entries reach. Rejects as `compileFiles` does. */
export async function graphOf(
  files: readonly string[],
  reached: Set<string>,
): Promise<{ graph: Graph; entries: Unit[] }> {
  const graph = new Graph();
  const entries: Unit[] = [];
  try {
    for (const file of files) entries.push(isUserFile(file) ? await graph.add(file) : asItIs(file));
  } catch (error) {
    throw syntaxError(error as BuildFailure);
  } finally {
    for (const unit of graph.units) reached.add(unit.file);
  }
  return { graph, entries };
}

/** An entry, compiled or unchanged. */
export function compiledFile(entry: Unit, folder: string, names: ReadonlyMap<Unit, string>): CompiledFile {
  const name = names.get(entry);
  return {
    url: pathToFileURL(name === undefined ? entry.file : path.join(folder, name)).href,
    source: entry.file,
    isScript: entry.format === 'cjs' && (name !== undefined || isScript(entry.file)),
  };
}

/** A published program of a package runs unchanged. */
function asItIs(file: string): Unit {
  return {
    file,
    id: -1,
    format: formatOf(file),
    text: '',
    map: '',
    digest: '',
    imports: new Set(),
    foreign: false,
    known: undefined,
    broken: '',
  };
}

/** Converts esbuild's first error to an OptionError. */
export function syntaxError(error: BuildFailure): Error {
  const [first] = error.errors ?? [];
  if (first === undefined) return error;
  if (first.detail instanceof OptionError) return first.detail;
  const more = error.errors.length > 1 ? ` (and ${error.errors.length - 1} more)` : '';
  return new OptionError('TSGI_ERR_APP_SYNTAX', `Cannot compile the application: ${textOf(error)}${more}`, {
    cause: error,
  });
}

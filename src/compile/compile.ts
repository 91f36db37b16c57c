/**
 * An application's files → plain files that workers import directly: transpiled once, ahead, without loader hooks in
 * any thread. tsx is the model of what an application may rely on.
 *
 * Law: the door of this room. Never blocks the caller's thread for long: esbuild runs beside it.
 */
import { existsSync, statSync } from 'node:fs';
import path from 'node:path';
import { pathToFileURL } from 'node:url';
import type { BuildFailure } from 'esbuild';
import { OptionError } from '../errors.ts';
import { emit } from './emit.ts';
import { formatOf, isProgram, isScript, isUserFile } from './format.ts';
import { Graph, type Unit } from './graph.ts';
import { missingMetadata } from './metadata.ts';

export interface CompiledFile {
  /** What workers import, a file: URL. */
  readonly url: string;
  /** Absolute path of the entry. */
  readonly source: string;
  /** The entry is CommonJS. */
  readonly isScript: boolean;
}

/**
 * @param file absolute path of the entry
 * @param reached is given the absolute path of every file of the user's that was reached, also when that failed
 * @throws OptionError TSGI_ERR_APP_NOT_FOUND, or TSGI_ERR_APP_SYNTAX with file, line and column
 */
export async function compileApplication(
  file: string,
  reached: Set<string> = new Set(),
): Promise<CompiledFile> {
  checkEntry(file);
  const { compiled } = await compileFiles([file], reached);
  return compiled[0]!;
}

export interface CompiledFiles {
  /** An entry each. */
  readonly compiled: CompiledFile[];
  /** What does not stop them from running, and is to be told. */
  readonly warnings: readonly string[];
}

/** Like `compileApplication`, for at least one entry: a file that several of them reach is one module. */
export async function compileFiles(files: readonly string[], reached: Set<string>): Promise<CompiledFiles> {
  const graph = new Graph();
  const entries: Unit[] = [];
  try {
    for (const file of files) entries.push(isUserFile(file) ? await graph.add(file) : asItIs(file));
  } catch (error) {
    throw syntaxError(error as BuildFailure);
  } finally {
    for (const unit of graph.units) reached.add(unit.file);
  }
  const places = emit(graph.units, entries[0]!.file);
  const warning = await missingMetadata(graph.units);
  return {
    compiled: entries.map((entry) => ({
      url: pathToFileURL(places.get(entry) ?? entry.file).href,
      source: entry.file,
      isScript: entry.format === 'cjs' && (places.has(entry) || isScript(entry.file)),
    })),
    warnings: warning === undefined ? [] : [warning],
  };
}

/** A program of a package's own is run as it was published. */
function asItIs(file: string): Unit {
  return { file, id: -1, format: formatOf(file), text: '', map: '', imports: new Set(), foreign: false };
}

/** @throws OptionError TSGI_ERR_APP_NOT_FOUND when this cannot be an application's file */
export function checkEntry(file: string): void {
  const shown = path.relative(process.cwd(), file) || '.';
  if (!existsSync(file)) {
    throw new OptionError('TSGI_ERR_APP_NOT_FOUND', `Cannot find the application: ${shown} does not exist`);
  }
  if (statSync(file).isDirectory())
    throw new OptionError(
      'TSGI_ERR_APP_NOT_FOUND',
      `Cannot use ${shown} as the application: it is a folder; give a file in it`,
    );
  if (!statSync(file).isFile() || !(isUserFile(file) || isProgram(file)) || file.endsWith('.json')) {
    const endings = '.ts .tsx .mts .cts .js .jsx .mjs .cjs';
    throw new OptionError(
      'TSGI_ERR_APP_NOT_FOUND',
      `Cannot use ${shown} as the application: give a file that ends with one of ${endings}`,
    );
  }
}

function syntaxError(error: BuildFailure): Error {
  const [first] = error.errors ?? [];
  if (first === undefined) return error;
  const { location, text, detail } = first;
  if (detail instanceof OptionError) return detail;
  // What our part of the build throws has a place in it, or in esbuild.
  const isOurs = location === null || detail instanceof Error;
  const place = isOurs ? '' : `${location.file}:${location.line}:${location.column + 1}: `;
  const more = error.errors.length > 1 ? ` (and ${error.errors.length - 1} more)` : '';
  return new OptionError('TSGI_ERR_APP_SYNTAX', `Cannot compile the application: ${place}${text}${more}`, {
    cause: error,
  });
}

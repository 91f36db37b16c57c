/**
 * Finds the file of the application that the user named.
 *
 * Law: names and existence; `compile.ts` decides what the file is.
 */
import { existsSync } from 'node:fs';
import path from 'node:path';
import { fileURLToPath } from 'node:url';
import { OptionError } from '../errors.ts';

/** The application as `createServer` or the command line names it. */
export interface NamedApplication {
  /** A path with or without `:export`, or a file: URL. */
  readonly app: string | URL;
  /** Absolute folders for a relative path, in order: the working directory, then the folder of the caller's file. */
  readonly folders: readonly string[];
}

export interface LocatedApplication {
  /** Absolute path of a file that may not exist. */
  readonly file: string;
  /** `name`, or `name()` for a factory; '' for the usual names. */
  readonly exportName: string;
}

/** Returns the first path that exists. If none exists, returns the path in the first folder. */
export function locateApplication({ app, folders }: NamedApplication): LocatedApplication {
  if (app instanceof URL) return { file: fileURLToPath(app), exportName: '' };
  // A Windows drive letter is not a file name.
  const match = /^(.+\.[cm]?[jt]sx?):([^/\\:]+)$/.exec(app);
  const name = match?.[1] ?? app;
  const places = placesOf(name, folders);
  return { file: places.find((place) => existsSync(place)) ?? places[0]!, exportName: match?.[2] ?? '' };
}

function placesOf(name: string, folders: readonly string[]): string[] {
  if (name.startsWith('file:')) return [fileURLToPath(name)];
  return [...new Set(folders.map((folder) => path.resolve(folder, name)))];
}

/** @throws OptionError TSGI_ERR_APP_NOT_FOUND that lists each path that was tried */
export function checkExistence(named: NamedApplication): void {
  const { file } = locateApplication(named);
  if (existsSync(file)) return;
  const given = String(named.app);
  const name = given.endsWith(path.basename(file)) ? given : given.slice(0, given.lastIndexOf(':'));
  const isRelative = !path.isAbsolute(name) && !name.startsWith('file:');
  const [first, second] = isRelative ? placesOf(name, named.folders) : [];
  const tried = first === undefined ? '' : `; tried ${first} (${named.folders[0]} is the working directory)`;
  const beside = second === undefined ? '' : ` and ${second} (beside the file that calls createServer)`;
  throw new OptionError(
    'TSGI_ERR_APP_NOT_FOUND',
    `Cannot find the application: ${name} does not exist${tried}${beside}`,
  );
}

/**
 * An application that `tsgi-threads build` has compiled, as workers load it.
 *
 * Law: reads and checks, writes nothing, needs no compiler. `build-application.ts` writes the files that this module reads.
 */
import { existsSync, readFileSync, realpathSync } from 'node:fs';
import path from 'node:path';
import { pathToFileURL } from 'node:url';
import { OptionError } from '../errors.ts';
import { VERSION } from '../version.ts';
import type { Loads } from './compile.ts';
import { digestOf } from './format.ts';
import { readManifest } from './manifest.ts';
import { whyDamaged } from './place.ts';
import type { TypeScriptProgram, ProgramOptions } from './typescript-program.ts';
import { RUNTIME, type RuntimeData } from './runtime/data.ts';

/** File in the folder of `--out`. */
export const BUILD_FILE = 'tsgi-build.json';

/** Content of the file. Paths are relative to its folder. */
export interface BuildFile {
  /** Version of this package. */
  readonly version: string;
  /** Major version of Node. */
  readonly node: string;
  /** Name of the folder with the compiled files. */
  readonly folder: string;
  readonly app: {
    /** The file that workers import. */
    readonly file: string;
    readonly source: string;
    readonly exportName: string;
    readonly isScript: boolean;
  };
  /** If the module is not a file (`node:…`, `data:…`), `file` is its specifier. */
  readonly imports: readonly { readonly name: string; readonly file: string; readonly isPath: boolean }[];
  /** Null: the application loads nothing but its imports. */
  readonly loads: Loads | null;
}

/** True if the folder contains a build. */
export function isBuild(folder: string): boolean {
  return existsSync(path.join(folder, BUILD_FILE));
}

export function nodeMajor(): string {
  return process.versions.node.split('.')[0]!;
}

/**
 * @param given absolute path of the build's folder
 * @throws OptionError TSGI_ERR_BUILD if it does not fit: another version, Node or `--import`, changed sources, damaged files
 */
export function readBuild(given: string, { imports, watch }: ProgramOptions): TypeScriptProgram {
  const shown = path.relative(process.cwd(), given) || '.';
  const refuse = (why: string): OptionError =>
    new OptionError(
      'TSGI_ERR_BUILD',
      `Cannot use the build in ${shown}: ${why}. Run \`tsgi-threads build\` again.`,
    );
  if (watch)
    throw new OptionError(
      'TSGI_ERR_BUILD',
      `Cannot watch the build in ${shown}: --watch compiles sources. Start the source file, or omit --watch.`,
    );
  const parent = realpathSync(given);
  const build = parse(path.join(parent, BUILD_FILE), refuse);
  if (build.version !== VERSION)
    throw refuse(`tsgi-threads ${build.version} made it, and this is tsgi-threads ${VERSION}`);
  if (build.node !== nodeMajor())
    throw refuse(`it was made for Node.js ${build.node}, and this is Node.js ${nodeMajor()}`);
  const names = build.imports.map(({ name }) => name);
  if (imports.length > 0 && imports.join('\0') !== names.join('\0'))
    throw refuse(
      `it was made with --import ${names.join(', ') || '(none)'}, and --import is now ${imports.join(', ')}`,
    );
  const folder = path.join(parent, build.folder);
  const damage = whyDamaged(folder);
  if (damage !== undefined) throw refuse(`it is damaged: ${damage}`);
  const changed = changedSource(folder);
  if (changed !== undefined) throw refuse(`${path.relative(process.cwd(), changed)} has changed since`);
  const urlOf = (file: string) => pathToFileURL(path.resolve(parent, file)).href;
  const source = path.resolve(parent, build.app.source);
  return {
    url: urlOf(build.app.file),
    exportName: build.app.exportName,
    source,
    isScript: build.app.isScript,
    imports: build.imports.map(({ name, file, isPath }) => ({ name, url: isPath ? urlOf(file) : file })),
    runtime: runtimeOf(build.loads, { folder, sealed: true, entry: source, cacheDir: '' }),
    assets: [],
    warnings: [],
  };
}

function runtimeOf(loads: Loads | null, where: Omit<RuntimeData, keyof Loads>): TypeScriptProgram['runtime'] {
  return loads === null ? null : { url: RUNTIME, data: { ...where, ...loads } };
}

function parse(file: string, refuse: (why: string) => OptionError): BuildFile {
  try {
    return JSON.parse(readFileSync(file, 'utf8')) as BuildFile;
  } catch (error) {
    throw refuse(`it is damaged: ${file}: ${(error as Error).message}`);
  }
}

/** Returns the first source that has changed since the build. A source that does not exist is not an error. */
function changedSource(folder: string): string | undefined {
  for (const [source, { digest }] of readManifest(folder))
    if (existsSync(source) && digestOf(readFileSync(source, 'utf8')) !== digest) return source;
  return undefined;
}

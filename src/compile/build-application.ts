/**
 * `tsgi-threads build`: compiles an application into a folder for deployment. `built.ts` reads that folder.
 *
 * Law: the build contains all of the user's code. This includes the other TypeScript of the packages, which may be loaded by a
 * path. `tsgi-build.json` is replaced in one step when everything else is on the disk. The previous build stays: a server that
 * runs it goes on, and loads the new one at its next reload.
 */
import {
  closeSync,
  existsSync,
  fsyncSync,
  mkdirSync,
  openSync,
  readdirSync,
  readFileSync,
  realpathSync,
  renameSync,
  rmSync,
  writeFileSync,
} from 'node:fs';
import path from 'node:path';
import { fileURLToPath } from 'node:url';
import type { BuildFailure } from 'esbuild';
import { OptionError } from '../errors.ts';
import { VERSION } from '../version.ts';
import { BUILD_FILE, type BuildFile, nodeMajor } from './built.ts';
import { compiledFile, graphOf, type Loads, loadsOf, syntaxError } from './compile.ts';
import { emit } from './emit.ts';
import { withEsbuild } from './esbuild.ts';
import type { Graph } from './graph.ts';
import { missingMetadata } from './metadata.ts';
import { isTool, packageFiles, packageOf } from './package-files.ts';
import { placeDurably } from './place.ts';
import { type Located, locateProgram } from './typescript-program.ts';

/** Builds, and files that a process left when it died while it wrote one. */
const OURS = /^(?:[0-9a-f]{16}(?:\..*)?|tsgi-build\.json\.\d+)$/;

export interface Built {
  /** Number of compiled sources. */
  readonly files: number;
  /** Problems that do not stop the application from running, a line each. */
  readonly warnings: readonly string[];
}

/**
 * @param app a path with or without `:export`
 * @param out folder; made if it does not exist
 * @param imports as in `compileProgram`
 * @throws OptionError TSGI_ERR_APP_NOT_FOUND, TSGI_ERR_APP_SYNTAX, TSGI_ERR_BUILD
 */
export async function buildApplication(app: string, out: string, imports: readonly string[]): Promise<Built> {
  const located = locateProgram({ app, folders: [process.cwd()] }, imports, new Set());
  const parent = outFolder(out);
  const { graph, entries, loads } = await withEsbuild(false, async () => {
    const found = await graphOf(located.files, new Set());
    const loads = loadsOf(found.graph);
    await found.graph.addTolerantly(moreFiles(found.graph, parent)).catch((error: unknown) => {
      throw syntaxError(error as BuildFailure);
    });
    return { ...found, loads };
  });
  const { files, names } = emit(graph, { parent, all: true });
  try {
    const folder = placeDurably(parent, files);
    const compiled = entries.map((entry) => compiledFile(entry, folder, names));
    writeBuildFile(parent, describe(parent, folder, located, compiled, loads));
  } catch (error) {
    const why = (error as Error).message;
    throw new OptionError('TSGI_ERR_BUILD', `Cannot write the build into ${out}: ${why}`, { cause: error });
  }
  const metadata = await missingMetadata(graph.units);
  const broken = graph.units.map((unit) => unit.broken).filter((text) => text !== '');
  return {
    files: names.size,
    warnings: [
      ...(metadata === undefined ? [] : [metadata]),
      ...broken.map((text) => `${text}. No file imports it; loading it throws this error.`),
    ],
  };
}

/** @throws OptionError TSGI_ERR_BUILD for a folder that contains other files */
function outFolder(out: string): string {
  try {
    mkdirSync(out, { recursive: true });
    const folder = realpathSync(out);
    if (readdirSync(folder).length === 0 || existsSync(path.join(folder, BUILD_FILE))) return folder;
  } catch (error) {
    throw new OptionError(
      'TSGI_ERR_BUILD',
      `Cannot make the folder ${out} (--out): ${(error as Error).message}`,
      {
        cause: error,
      },
    );
  }
  throw new OptionError(
    'TSGI_ERR_BUILD',
    `Cannot build into ${out} (--out): the folder contains files that are no build. Empty it, or choose another folder.`,
  );
}

/** TypeScript in the application's own packages that no file imports. */
function moreFiles({ units }: Graph, out: string): string[] {
  const own = units.filter(({ file }) => !file.split(path.sep).includes('node_modules'));
  const roots = new Map(own.map(({ file }) => [packageOf(path.dirname(file)) ?? path.dirname(file), file]));
  const known = new Set(units.map(({ file }) => file));
  return [...roots.values()]
    .flatMap((file) => packageFiles(file))
    .filter((file) => !known.has(file) && !isTool(file) && !file.startsWith(out + path.sep));
}

function describe(
  parent: string,
  folder: string,
  { file: application, exportName, imports, own }: Located,
  compiled: readonly { readonly url: string; readonly source: string; readonly isScript: boolean }[],
  loads: Loads | null,
): BuildFile {
  const relative = (file: string) => path.relative(parent, file).replaceAll(path.sep, '/');
  const fileAt = (index: number) => relative(fileURLToPath(compiled.at(index)!.url));
  if (application === '' || compiled.length === 0) throw new Error('there is no application');
  return {
    version: VERSION,
    node: nodeMajor(),
    folder: path.basename(folder),
    app: {
      file: fileAt(0),
      source: relative(compiled[0]!.source),
      exportName,
      isScript: compiled[0]!.isScript,
    },
    imports: imports.map(({ name, at }) => {
      const index = own.indexOf(at);
      if (index !== -1) return { name, file: fileAt(index - own.length), isPath: true };
      return path.isAbsolute(at)
        ? { name, file: relative(at), isPath: true }
        : { name, file: at, isPath: false };
    }),
    loads,
  };
}

function writeBuildFile(parent: string, build: BuildFile): void {
  const file = path.join(parent, BUILD_FILE);
  const before = existsSync(file) ? (JSON.parse(readFileSync(file, 'utf8')) as BuildFile).folder : undefined;
  const beside = `${file}.${process.pid}`;
  const descriptor = openSync(beside, 'w', 0o644);
  writeFileSync(descriptor, `${JSON.stringify(build, null, 2)}\n`);
  fsyncSync(descriptor);
  closeSync(descriptor);
  renameSync(beside, file);
  for (const name of readdirSync(parent))
    if (OURS.test(name) && name !== build.folder && name !== before)
      rmSync(path.join(parent, name), { recursive: true, force: true });
}

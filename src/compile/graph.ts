/**
 * The user's files that an entry reaches, each transpiled to one file of its own.
 *
 * Law: esbuild transpiles and finds files. It bundles nothing together, so that a module stays one module. Specifiers of user
 * files are tokens at first. Whether a file needs compiling is known only when the whole graph is known; `emit.ts` then inserts
 * the names.
 */
import { realpathSync } from 'node:fs';
import { readFile } from 'node:fs/promises';
import { builtinModules } from 'node:module';
import path from 'node:path';
import type {
  BuildFailure,
  BuildOptions,
  Loader,
  Message,
  OnResolveArgs,
  OnResolveResult,
  PluginBuild,
} from 'esbuild';
import { OptionError } from '../errors.ts';
import { renameComputedImports } from './computed.ts';
import { onEsbuild } from './esbuild.ts';
import { digestOf, type Format, formatOf, isForeignKind, isPlain, isUserFile } from './format.ts';
import { nodeResolve, strictResolve } from './node-resolve.ts';

/** One user file. */
export interface Unit {
  readonly file: string;
  readonly id: number;
  format: Format;
  text: string;
  map: string;
  /** SHA-256 of the source. */
  digest: string;
  /** Ids of the user files that the file imports. */
  readonly imports: Set<number>;
  /**
   * True if Node cannot run the file unchanged, because of its syntax, or a specifier that Node would resolve to another file.
   */
  foreign: boolean;
  /** Absolute path of its compiled file, if an earlier build has it. */
  readonly known: string | undefined;
  /** The error that its compiled file throws, if the file cannot be compiled; '' if it can. */
  broken: string;
}

/** An imported file that neither Node nor this room can load. */
export interface Asset {
  readonly file: string;
  readonly importer: string;
}

/** Represents a file in an output: `tsgi-<unit or dep>:<id>:<kind>`. */
export const TOKEN = /"tsgi-(unit|dep):(\d+):(import|require|resolve)"/g;

const BUILTINS = new Set([...builtinModules, ...builtinModules.map((name) => `node:${name}`)]);
const OURS = { ours: true };
/** Identifiers for the values of a source, such as its URL; `emit.ts` declares them. */
const SELF = {
  'import.meta.url': '__tsgi_url',
  'import.meta.dirname': '__tsgi_dirname',
  'import.meta.filename': '__tsgi_filename',
  'import.meta.resolve': '__tsgi_resolve',
  __dirname: '__tsgi_dirname',
  __filename: '__tsgi_filename',
};

export class Graph {
  readonly units: Unit[] = [];
  /** Absolute paths of imported files that stay at their place. */
  readonly dependencies: string[] = [];
  readonly assets: Asset[] = [];
  readonly #known: ReadonlyMap<string, string>;
  readonly #byFile: Map<string, Unit> = new Map();
  #wave: Unit[] = [];

  /** @param known source → compiled file of an earlier build. Those files are not read again. */
  constructor(known: ReadonlyMap<string, string> = new Map()) {
    this.#known = known;
  }

  /** Transpiles an entry and everything that it reaches, one wave of imports at a time. */
  async add(entry: string): Promise<Unit> {
    const unit = this.#unitOf(realpathSync(entry));
    await this.#drain((wave, format) => this.#transpile(wave, format));
    return unit;
  }

  /** Like `add`, for files that may never be loaded. A file that cannot be compiled throws when it is loaded. */
  async addTolerantly(files: readonly string[]): Promise<void> {
    for (const file of files) this.#unitOf(realpathSync(file));
    await this.#drain((wave, format) => this.#tryTranspile(wave, format));
  }

  async #drain(transpile: (wave: Unit[], format: Format) => Promise<void>): Promise<void> {
    while (this.#wave.length > 0) {
      const wave = this.#wave;
      this.#wave = [];
      await Promise.all((['esm', 'cjs'] as const).map((format) => transpile(wave, format)));
    }
  }

  #unitOf(file: string): Unit {
    const found = this.#byFile.get(file);
    if (found !== undefined) return found;
    const known = this.#known.get(file);
    const unit: Unit = {
      file,
      id: this.units.length,
      format: known === undefined ? formatOf(file) : formatOf(known),
      text: '',
      map: '',
      digest: '',
      imports: new Set(),
      foreign: known !== undefined || !isPlain(file),
      known,
      broken: '',
    };
    this.units.push(unit);
    this.#byFile.set(file, unit);
    if (known === undefined) this.#wave.push(unit);
    return unit;
  }

  async #transpile(wave: Unit[], format: Format): Promise<void> {
    const units = wave.filter((unit) => unit.format === format);
    if (units.length === 0) return;
    try {
      await this.#build(units, format);
    } catch (error) {
      // Top-level await has no CommonJS form. Without a package "type" it decides for ESM, as in Node.
      const waiting = units.filter(
        (unit) => format === 'cjs' && usesTopLevelAwait(error as BuildFailure, unit.file),
      );
      if (waiting.length === 0) throw error;
      for (const unit of waiting) unit.format = 'esm';
      await this.#transpile(wave, format);
      await this.#build(waiting, 'esm');
    }
  }

  /** One bad file fails the build of all. Each file then gets a build of its own. */
  async #tryTranspile(wave: Unit[], format: Format): Promise<void> {
    try {
      await this.#transpile(wave, format);
    } catch {
      for (const unit of wave.filter((each) => each.format === format)) {
        try {
          await this.#transpile([unit], format);
        } catch (error) {
          unit.broken = `Cannot compile ${textOf(error)}`;
          unit.text = `throw new SyntaxError(${JSON.stringify(unit.broken)});\n`;
          unit.map = EMPTY_MAP;
        }
      }
    }
  }

  async #build(units: Unit[], format: Format): Promise<void> {
    const options = {
      entryPoints: units.map((unit) => ({ in: unit.file, out: String(unit.id) })),
      outdir: path.parse(process.cwd()).root,
      bundle: true,
      write: false,
      format,
      platform: 'node',
      target: 'node20',
      treeShaking: false,
      sourcemap: 'external',
      logLevel: 'silent',
      define: SELF,
      supported: { 'import-attributes': false },
      loader: { '.node': 'copy' },
      plugins: [{ name: 'tsgi-resolve', setup: (setup: PluginBuild) => this.#setup(setup, format) }],
    } satisfies BuildOptions;
    const { outputFiles, warnings } = await onEsbuild(({ build }) => build<typeof options>(options));
    checkConfiguration(warnings);
    for (const output of outputFiles) {
      const [id, , isMap] = path.basename(output.path).split('.');
      if (isMap === undefined) this.units[Number(id)]!.text = output.text;
      else this.units[Number(id)]!.map = output.text;
    }
  }

  #setup(setup: PluginBuild, format: Format): void {
    setup.onLoad({ filter: /\.(?:[cm]?[jt]sx?|json)$/ }, async ({ path: file }) => {
      const source = await readFile(file, 'utf8');
      const unit = this.#byFile.get(file);
      if (unit !== undefined) unit.digest = digestOf(source);
      if (file.endsWith('.json')) return { contents: source, loader: 'json' };
      const contents = await renameComputedImports(source);
      return contents === undefined ? undefined : { contents, loader: loaderOf(file) };
    });
    setup.onResolve({ filter: /.*/ }, async (args): Promise<OnResolveResult | undefined> => {
      if (args.kind === 'entry-point' || args.pluginData === OURS) return undefined;
      if (BUILTINS.has(args.path)) return { path: args.path, external: true };
      const importer = this.#byFile.get(args.importer);
      if (importer === undefined) return undefined;
      return this.#resolve(setup, args, importer, format);
    });
  }

  async #resolve(
    setup: PluginBuild,
    args: OnResolveArgs,
    importer: Unit,
    format: Format,
  ): Promise<OnResolveResult> {
    const { kind, resolveDir } = args;
    const found = await setup.resolve(args.path, {
      kind,
      resolveDir,
      importer: args.importer,
      pluginData: OURS,
    });
    if (found.errors.length === 0 && isUserFile(found.path))
      return this.#userFile(args, importer, found.path, format);
    const isImport = kind === 'dynamic-import' || (kind === 'import-statement' && format === 'esm');
    const file = nodeResolve(args.path, importer.file, isImport ? 'esm' : 'cjs');
    if (file !== undefined) return this.#dependency(args, importer, file, isImport);
    const isStatic = kind === 'import-statement' && args.path.startsWith('.');
    if (isStatic) return { errors: [{ text: `Cannot find ${args.path}` }] };
    // The import may be optional: the application's own try/catch catches the error at run time.
    return { path: args.path, external: true };
  }

  #userFile(args: OnResolveArgs, importer: Unit, file: string, format: Format): OnResolveResult {
    const { kind } = args;
    const isImport = kind === 'dynamic-import' || (kind === 'import-statement' && format === 'esm');
    const attributed = args.with.type === 'json';
    if (strictResolve(args.path, importer.file, isImport ? 'esm' : 'cjs') !== file) importer.foreign = true;
    if (path.extname(file) === '.json') {
      // CommonJS reads JSON by itself. ESM would need an attribute, so the JSON becomes a module.
      if (!isImport) return this.#dependency(args, importer, file, false);
      if (!attributed) importer.foreign = true;
    }
    const unit = this.#unitOf(file);
    if (path.extname(file) === '.json' && unit.known === undefined) unit.format = 'esm';
    importer.imports.add(unit.id);
    return { path: `tsgi-unit:${unit.id}:${wayOf(kind, isImport)}`, external: true };
  }

  #dependency(args: OnResolveArgs, importer: Unit, file: string, isImport: boolean): OnResolveResult {
    if (!path.isAbsolute(file)) return { path: file, external: true };
    if (isForeignKind(file)) this.assets.push({ file, importer: importer.file });
    const id = this.dependencies.push(file) - 1;
    return { path: `tsgi-dep:${id}:${wayOf(args.kind, isImport)}`, external: true };
  }
}

function wayOf(kind: OnResolveArgs['kind'], isImport: boolean): 'import' | 'require' | 'resolve' {
  if (kind === 'require-resolve') return 'resolve';
  return isImport ? 'import' : 'require';
}

const EMPTY_MAP = JSON.stringify({ version: 3, sources: [''], names: [], mappings: '' });

/** @throws OptionError TSGI_ERR_APP_SYNTAX if a tsconfig.json extends a file that does not exist: its options would be lost */
function checkConfiguration(warnings: readonly Message[]): void {
  for (const { id, text, location } of warnings) {
    const [, base] = /^Cannot find base config file "(.*)"$/.exec(text) ?? [];
    if (id !== 'tsconfig.json' || base === undefined || location === null) continue;
    throw new OptionError(
      'TSGI_ERR_APP_SYNTAX',
      `Cannot compile the application: ${location.file}:${location.line} extends ${base}, which does not exist. Correct the path, or install the package that contains it.`,
    );
  }
}

function loaderOf(file: string): Loader {
  const typed = /t(?=sx?$)/.test(path.extname(file)) ? 'ts' : 'js';
  return file.endsWith('x') ? `${typed}x` : typed;
}

function usesTopLevelAwait(error: BuildFailure, file: string): boolean {
  return (error.errors ?? []).some(
    ({ text, location }) =>
      /top-level await/i.test(text) && location !== null && path.resolve(location.file) === file,
  );
}

/** `file:line:column: text` of the first error of a build. */
export function textOf(error: unknown): string {
  const [first] = (error as BuildFailure).errors ?? [];
  if (first === undefined) return (error as Error).message;
  const { location, text, detail } = first;
  // An error of this room's plugin has no position, or a position in esbuild's code.
  const isOurs = location === null || detail instanceof Error;
  return isOurs ? text : `${location.file}:${location.line}:${location.column + 1}: ${text}`;
}

/**
 * The user's files reached from an entry, each transpiled to one file of its own.
 *
 * Law: esbuild transpiles and finds files; nothing is bundled together, so that a module stays one module. Specifiers
 * of user files are left as tokens, because whether a file needs compiling at all is known only when the whole graph
 * is (`emit.ts` puts the names in).
 */
import { realpathSync } from 'node:fs';
import { readFile } from 'node:fs/promises';
import { builtinModules } from 'node:module';
import path from 'node:path';
import { pathToFileURL } from 'node:url';
import {
  type BuildFailure,
  build,
  type BuildOptions,
  type Loader,
  type OnResolveArgs,
  type OnResolveResult,
  type PluginBuild,
} from 'esbuild';
import { renameComputedImports } from './computed.ts';
import { onEsbuild } from './esbuild.ts';
import { type Format, formatOf, isPlain, isUserFile } from './format.ts';
import { nodeResolve, strictResolve } from './resolve.ts';

/** One user file. */
export interface Unit {
  readonly file: string;
  readonly id: number;
  format: Format;
  text: string;
  map: string;
  /** Ids of the user files it imports. */
  readonly imports: Set<number>;
  /** Node cannot run it as it stands: its syntax, or a specifier that Node would resolve otherwise. */
  foreign: boolean;
}

/** Stands for a user file in an output: `tsgi-file:<id>:<kind>:`. */
export const TOKEN = /"tsgi-file:(\d+):([a-z]+)"/g;

const BUILTINS = new Set([...builtinModules, ...builtinModules.map((name) => `node:${name}`)]);
const OURS = { ours: true };
/** Identifiers that stand for what a file knows of itself; `emit.ts` declares them. */
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
  readonly #byFile: Map<string, Unit> = new Map();
  #wave: Unit[] = [];

  /** Transpiles an entry and everything it reaches, a wave of imports at a time. */
  async add(entry: string): Promise<Unit> {
    const unit = this.#unitOf(realpathSync(entry));
    while (this.#wave.length > 0) {
      const wave = this.#wave;
      this.#wave = [];
      await Promise.all((['esm', 'cjs'] as const).map((format) => this.#transpile(wave, format)));
    }
    return unit;
  }

  #unitOf(file: string): Unit {
    const known = this.#byFile.get(file);
    if (known !== undefined) return known;
    const unit: Unit = {
      file,
      id: this.units.length,
      format: formatOf(file),
      text: '',
      map: '',
      imports: new Set(),
      foreign: !isPlain(file),
    };
    this.units.push(unit);
    this.#byFile.set(file, unit);
    this.#wave.push(unit);
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
    const { outputFiles } = await onEsbuild(() => build<typeof options>(options));
    for (const output of outputFiles) {
      const [id, , isMap] = path.basename(output.path).split('.');
      if (isMap === undefined) this.units[Number(id)]!.text = output.text;
      else this.units[Number(id)]!.map = output.text;
    }
  }

  #setup(setup: PluginBuild, format: Format): void {
    setup.onLoad({ filter: /\.[cm]?[jt]sx?$/ }, async ({ path: file }) => {
      const contents = await renameComputedImports(await readFile(file, 'utf8'));
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
    const usesRequire =
      kind === 'require-call' ||
      kind === 'require-resolve' ||
      (kind === 'import-statement' && format === 'cjs');
    const file = nodeResolve(args.path, importer.file, usesRequire ? 'cjs' : 'esm');
    if (file !== undefined) return { path: usesRequire ? file : pathToFileURL(file).href, external: true };
    const isStatic = kind === 'import-statement' && args.path.startsWith('.');
    if (isStatic) return { errors: [{ text: `Cannot find ${args.path}` }] };
    // It may be optional: the application's own try/catch hears of it at run time.
    return { path: args.path, external: true };
  }

  #userFile(args: OnResolveArgs, importer: Unit, file: string, format: Format): OnResolveResult {
    const isImport = args.kind === 'dynamic-import' || (args.kind === 'import-statement' && format === 'esm');
    const attributed = args.with.type === 'json';
    if (strictResolve(args.path, importer.file, isImport ? 'esm' : 'cjs') !== file) importer.foreign = true;
    if (path.extname(file) === '.json') {
      // CommonJS reads JSON by itself; ESM would want an attribute, so it gets a module.
      if (!isImport) return { path: file, external: true };
      if (!attributed) importer.foreign = true;
    }
    const unit = this.#unitOf(file);
    if (path.extname(file) === '.json') unit.format = 'esm';
    importer.imports.add(unit.id);
    return { path: `tsgi-file:${unit.id}:${isImport ? 'import' : 'require'}`, external: true };
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

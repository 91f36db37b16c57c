/**
 * Turns a graph into the files of a build: their names, the declarations about each source, source maps, the manifest.
 *
 * Law: makes texts and writes nothing (`place.ts`). A compiled file uses paths relative to itself, so a build and the sources
 * can be moved together. Paths that this file writes begin with `././`: `runtime/commonjs.ts` resolves all others from the
 * source's folder.
 */
import { createHash } from 'node:crypto';
import path from 'node:path';
import type { Graph, Unit } from './graph.ts';
import { TOKEN } from './graph.ts';
import type { Manifest } from './manifest.ts';

export interface Emitted {
  /** Name → text. */
  readonly files: Map<string, string>;
  /** Name of each compiled unit. */
  readonly names: ReadonlyMap<Unit, string>;
}

/** The place of the files, and which files are compiled. */
export interface OutputLayout {
  /** Absolute real path of the folder that will contain the build's folder. */
  readonly parent: string;
  /** True: also compile files that Node can run unchanged, because the build must not need the sources. */
  readonly all: boolean;
}

/** Without `all`, the result is empty if no file must be compiled. */
export function emit(graph: Graph, { parent, all }: OutputLayout): Emitted {
  const units = all ? graph.units.filter(({ known }) => known === undefined) : unitsToCompile(graph.units);
  const names = new Map(units.map((unit) => [unit, nameOf(unit)]));
  const files = new Map<string, string>();
  if (units.length === 0 && !all) return { files, names };
  const writer = new Writer(graph, names, path.join(parent, 'build'));
  const manifest: Record<string, Manifest['sources'][string]> = {};
  for (const unit of units) {
    const name = names.get(unit)!;
    files.set(name, writer.code(unit));
    files.set(`${name}.map`, writer.map(unit));
    manifest[writer.relative(unit.file)] = { name, digest: unit.digest };
  }
  files.set('manifest.json', JSON.stringify({ sources: manifest } satisfies Manifest));
  return { files, names };
}

/** Returns the files that Node cannot run unchanged, and all files that import them. */
function unitsToCompile(units: Unit[]): Unit[] {
  const chosen = new Set(units.filter((unit) => unit.foreign));
  for (let size = -1; size !== chosen.size;) {
    size = chosen.size;
    for (const unit of units) if ([...unit.imports].some((id) => chosen.has(units[id]!))) chosen.add(unit);
  }
  return units.filter((unit) => chosen.has(unit) && unit.known === undefined);
}

function nameOf(unit: Unit): string {
  const hash = createHash('sha256').update(unit.file).digest('hex').slice(0, 8);
  const stem = path
    .basename(unit.file)
    .replace(/\.[^.]+$/, '')
    .replace(/[^\w-]/g, '-');
  return `${stem}-${hash}.${unit.format === 'esm' ? 'mjs' : 'cjs'}`;
}

class Writer {
  readonly #graph: Graph;
  readonly #names: ReadonlyMap<Unit, string>;
  readonly #folder: string;

  /** @param folder absolute path of the build's folder; only its depth matters */
  constructor(graph: Graph, names: ReadonlyMap<Unit, string>, folder: string) {
    this.#graph = graph;
    this.#names = names;
    this.#folder = folder;
  }

  /** Path from the build's folder, with slashes. An absolute path if there is no relative one. */
  relative(file: string): string {
    return path.relative(this.#folder, file).replaceAll(path.sep, '/');
  }

  code(unit: Unit): string {
    const code = unit.text.replace(TOKEN, (_, kind: string, id: string, way: string) => {
      const target = kind === 'unit' ? this.#graph.units[Number(id)]! : undefined;
      const source = target?.file ?? this.#graph.dependencies[Number(id)]!;
      if (way === 'resolve') return this.#pathOf(source, unit.format === 'esm');
      const name = target === undefined ? undefined : this.#names.get(target);
      const place = name ?? this.relative(target?.known ?? source);
      return JSON.stringify(`././${way === 'import' ? encoded(place) : place}`);
    });
    return `${this.#banner(unit, code)}\n${code}\n//# sourceMappingURL=${this.#names.get(unit)!}.map\n`;
  }

  /** One line before the code: declares the values of the source that the file uses, such as its URL. */
  #banner(unit: Unit, code: string): string {
    const isModule = unit.format === 'esm';
    const parts: string[] = [];
    const uses = (name: string) => code.includes(name);
    const place = this.#pathOf(unit.file, isModule);
    const url = isModule ? this.#urlOf(unit.file) : `require("node:url").pathToFileURL(${place}).href`;
    if (uses('__tsgi_url')) parts.push(`const __tsgi_url = ${url};`);
    if (uses('__tsgi_filename')) parts.push(`const __tsgi_filename = ${place};`);
    if (uses('__tsgi_dirname'))
      parts.push(`const __tsgi_dirname = ${this.#pathOf(path.dirname(unit.file), isModule)};`);
    if (uses('__tsgi_resolve'))
      parts.push(`const __tsgi_resolve = (...args) => ${RUNTIME}.resolveFrom(${url}, ...args);`);
    if (uses('__tsgi_import'))
      parts.push(`const __tsgi_import = (...args) => ${RUNTIME}.importFrom(${url}, ...args);`);
    // The module uses `require`.
    if (isModule && /\brequire\b/.test(code) && !/\b(?:const|let|var|function)\s+require\b/.test(code))
      parts.unshift(
        `import { createRequire as __tsgi_createRequire } from "node:module"; const require = __tsgi_createRequire(${url});`,
      );
    const line = parts.join(' ');
    const needsPath = isModule && (uses('__tsgi_path') || line.includes('__tsgi_path'));
    return needsPath ? `import * as __tsgi_path from "node:path"; ${line}` : line;
  }

  /** An expression for the absolute path, wherever the build has been moved. */
  #pathOf(file: string, isModule: boolean): string {
    const relative = JSON.stringify(this.relative(file));
    return isModule
      ? `__tsgi_path.resolve(import.meta.dirname, ${relative})`
      : `require("node:path").resolve(module.path, ${relative})`;
  }

  #urlOf(file: string): string {
    return `new URL(${JSON.stringify(encoded(this.relative(file)))}, import.meta.url).href`;
  }

  /** esbuild's source map, moved down by the banner's line, with the source's path. */
  map(unit: Unit): string {
    const map = JSON.parse(unit.map) as { mappings: string; sources: string[] };
    map.mappings = `;${map.mappings}`;
    map.sources = [encoded(this.relative(unit.file))];
    return JSON.stringify(map);
  }
}

/** `runtime/install.ts` sets this property in each thread that runs compiled files. */
const RUNTIME = 'globalThis[Symbol.for("tsgi-threads.runtime")]';

function encoded(relative: string): string {
  return relative.split('/').map(encodeURIComponent).join('/');
}

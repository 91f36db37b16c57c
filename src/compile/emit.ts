/**
 * Writes a graph's files where workers import them.
 *
 * Law: names, banners, source maps, the cache folder. A build is written beside its place and renamed into it, so two
 * servers that start at once never see half of one; its name is the hash of what is in it.
 */
import { createHash } from 'node:crypto';
import {
  accessSync,
  constants,
  existsSync,
  lstatSync,
  mkdirSync,
  readdirSync,
  renameSync,
  rmSync,
  statSync,
  utimesSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { pathToFileURL } from 'node:url';
import { OptionError } from '../errors.ts';
import { TOKEN, type Unit } from './graph.ts';

const KEEP_MS = 7 * 24 * 3600 * 1000;
const RUNTIME = new URL('./runtime.js', import.meta.url).href;

/** Source file → compiled file, kept in the build for imports that are computed at run time. */
export type Manifest = Record<string, string>;

/**
 * Writes what must be compiled; returns where each of those units lies.
 *
 * @param beside absolute path of a file to whose project the cache belongs
 */
export function emit(units: Unit[], beside: string): Map<Unit, string> {
  const compiled = unitsToCompile(units);
  const names = new Map(compiled.map((unit) => [unit, nameOf(unit)]));
  if (compiled.length === 0) return new Map();
  const files = new Map<string, string>();
  for (const unit of compiled) {
    files.set(names.get(unit)!, codeOf(unit, units, names));
    files.set(`${names.get(unit)!}.map`, mapOf(unit));
  }
  const folder = path.join(cacheFolder(beside), hashOf(files));
  const manifest: Manifest = Object.fromEntries(
    compiled.map((unit) => [unit.file, path.join(folder, names.get(unit)!)]),
  );
  files.set('manifest.json', JSON.stringify(manifest));
  place(folder, files);
  return new Map(compiled.map((unit) => [unit, path.join(folder, names.get(unit)!)]));
}

/** What Node cannot run as it stands, and whatever imports that. */
function unitsToCompile(units: Unit[]): Unit[] {
  const chosen = new Set(units.filter((unit) => unit.foreign));
  for (let size = -1; size !== chosen.size;) {
    size = chosen.size;
    for (const unit of units) if ([...unit.imports].some((id) => chosen.has(units[id]!))) chosen.add(unit);
  }
  return units.filter((unit) => chosen.has(unit));
}

function nameOf(unit: Unit): string {
  const hash = createHash('sha256').update(unit.file).digest('hex').slice(0, 8);
  const stem = path
    .basename(unit.file)
    .replace(/\.[^.]+$/, '')
    .replace(/[^\w-]/g, '-');
  return `${stem}-${hash}.${unit.format === 'esm' ? 'mjs' : 'cjs'}`;
}

function codeOf(unit: Unit, units: Unit[], names: Map<Unit, string>): string {
  const code = unit.text.replace(TOKEN, (_, id: string, kind: string) => {
    const target = units[Number(id)]!;
    const name = names.get(target);
    if (name !== undefined) return JSON.stringify(`./${name}`);
    return JSON.stringify(kind === 'import' ? pathToFileURL(target.file).href : target.file);
  });
  return `${banner(unit, code)}\n${code}\n//# sourceMappingURL=${names.get(unit)!}.map\n`;
}

/** One line before the code that declares what the file knows of itself, as far as it uses it. */
function banner(unit: Unit, code: string): string {
  const url = JSON.stringify(pathToFileURL(unit.file).href);
  const isModule = unit.format === 'esm';
  const parts: string[] = [];
  const uses = (name: string) => code.includes(name);
  if (uses('__tsgi_url')) parts.push(`const __tsgi_url = ${url};`);
  if (uses('__tsgi_dirname'))
    parts.push(`const __tsgi_dirname = ${JSON.stringify(path.dirname(unit.file))};`);
  if (uses('__tsgi_filename')) parts.push(`const __tsgi_filename = ${JSON.stringify(unit.file)};`);
  if (uses('__tsgi_resolve'))
    parts.push(`const __tsgi_resolve = (...args) => ${load(isModule)}.resolveFrom(${url}, ...args);`);
  if (uses('__tsgi_import'))
    parts.push(
      `const __tsgi_import = async (specifier) => (await import(${JSON.stringify(RUNTIME)})).importFrom(${url}, ${here(isModule)}, specifier);`,
    );
  if (needsRequire(code, isModule)) parts.unshift(requireFrom(unit.file, isModule));
  if (isModule && uses('__tsgi_resolve'))
    parts.unshift(`import * as __tsgi_runtime from ${JSON.stringify(RUNTIME)};`);
  return parts.join(' ');
}

function load(isModule: boolean): string {
  return isModule ? '__tsgi_runtime' : `require(${JSON.stringify(new URL(RUNTIME).pathname)})`;
}

function here(isModule: boolean): string {
  return isModule ? 'import.meta.url' : 'require("node:url").pathToFileURL(module.filename).href';
}

/** ESM that says `require`, or CommonJS whose `require` is given an expression: both mean the original's place. */
function needsRequire(code: string, isModule: boolean): boolean {
  if (/\b(?:const|let|var|function)\s+require\b/.test(code)) return false;
  return isModule ? /\brequire\b/.test(code) : /\brequire\((?!["'`])|\brequire\.resolve\b/.test(code);
}

function requireFrom(file: string, isModule: boolean): string {
  const from = JSON.stringify(file);
  if (!isModule) return `require = require("node:module").createRequire(${from});`;
  return `import { createRequire as __tsgi_createRequire } from "node:module"; const require = __tsgi_createRequire(${from});`;
}

/** The map of esbuild, moved down by the banner's line, with the original's absolute place. */
function mapOf(unit: Unit): string {
  const map = JSON.parse(unit.map) as { mappings: string; sources: string[] };
  map.mappings = `;${map.mappings}`;
  map.sources = [pathToFileURL(unit.file).href];
  return JSON.stringify(map);
}

function hashOf(files: Map<string, string>): string {
  const hash = createHash('sha256').update(RUNTIME);
  for (const [name, text] of files) hash.update(name).update('\0').update(text).update('\0');
  return hash.digest('hex').slice(0, 16);
}

/** Under a node_modules folder of the application if it can be written, else under the system's temporary one. */
function cacheFolder(entry: string): string {
  const project = nearestModules(path.dirname(entry));
  const folder = project === undefined ? temporaryFolder() : path.join(project, '.cache', 'tsgi-threads');
  mkdirSync(folder, { recursive: true, mode: 0o700 });
  return folder;
}

function nearestModules(folder: string): string | undefined {
  const modules = path.join(folder, 'node_modules');
  if (existsSync(modules) && isWritable(modules)) return modules;
  const parent = path.dirname(folder);
  return parent === folder ? undefined : nearestModules(parent);
}

function isWritable(folder: string): boolean {
  try {
    accessSync(folder, constants.W_OK);
    return true;
  } catch {
    return false;
  }
}

/** Ours alone: code is run from it. */
function temporaryFolder(): string {
  const user = process.getuid?.() ?? 'user';
  const own = path.join(tmpdir(), `tsgi-threads-${user}`);
  mkdirSync(own, { recursive: true, mode: 0o700 });
  const { uid } = lstatSync(own);
  if (process.getuid !== undefined && uid !== process.getuid()) {
    throw new OptionError(
      'TSGI_ERR_APP_LOAD',
      `Cannot use ${own} for compiled files: it belongs to another user`,
    );
  }
  return path.join(own, 'node_modules', '.cache', 'tsgi-threads');
}

function place(folder: string, files: Map<string, string>): void {
  const now = new Date();
  if (existsSync(folder)) return utimesSync(folder, now, now);
  const beside = `${folder}.${process.pid}.${now.getTime()}`;
  mkdirSync(beside, { mode: 0o700 });
  for (const [name, text] of files) writeFileSync(path.join(beside, name), text);
  try {
    renameSync(beside, folder);
  } catch {
    // Another server was first with the same build.
    rmSync(beside, { recursive: true, force: true });
  }
  prune(path.dirname(folder), now.getTime());
}

function prune(cache: string, now: number): void {
  for (const name of readdirSync(cache)) {
    const folder = path.join(cache, name);
    if (now - (statSync(folder, { throwIfNoEntry: false })?.mtimeMs ?? now) > KEEP_MS)
      rmSync(folder, { recursive: true, force: true });
  }
}

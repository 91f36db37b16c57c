/**
 * Loads the application: what its module exports, or the server it listens with.
 *
 * Law: loads and decides; runs nothing but a factory. What an export is, is `exports.ts` and `detect.ts`; what the event
 * loop waits for, is `loop-watch.ts`.
 *
 * A program that listens is served by what it listens with, whatever it exports, and it may listen long after its module
 * is loaded. So an export waits: until the event loop has drained, where plain Node would end the program, or for a time.
 * The time is short for an application (it may hold a pool of connections for ever), and long for what only may be one.
 */
import { readFileSync } from 'node:fs';
import Module from 'node:module';
import { setImmediate as immediate } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import type { Hooks } from '../hooks.ts';
import { type Detected, fetchHandler, type Found, type InterfaceName, ownServer } from './detect.ts';
import {
  type Exports,
  findIn,
  findNamed,
  findUsual,
  hooksOf,
  isPlainObject,
  kindOf,
  noApplication,
  noSite,
  unusable,
  unwrap,
} from './exports.ts';
import type { LoopWatch } from './loop-watch.ts';
import type { Program } from './program.ts';

export interface Loaded {
  readonly detected: Detected;
  readonly hooks: Hooks;
}

/** What earlier workers of this server did with the same application; null for the first. */
export type Expected = 'listen' | 'export' | null;

export interface LoadParts {
  /** What is imported, a file: URL. */
  readonly url: string;
  /** Absolute path of the file as its user wrote it. */
  readonly source: string;
  /** It is CommonJS. */
  readonly isScript: boolean;
  /** The export: `name`, or `name()` for a factory; '' for the usual names. */
  readonly exportName: string;
  readonly interface: InterfaceName | 'auto';
  readonly expects: Expected;
  /** Receives the calls of `listen`. */
  readonly program: Program;
  readonly watch: LoopWatch;
}

/** How long an application that is exported waits for a call of `listen` while the event loop lives, ms. */
const PATIENCE_MS = { first: 500, listen: 5000, export: 0 };
/** The same for a factory: a program that exports its own `main` must not be run twice. */
const FACTORY_PATIENCE_MS = 5000;

/**
 * Resolves with what the module exports or, if it listens by itself, with its server: that may come before its import
 * ends, and long after.
 *
 * @throws OptionError TSGI_ERR_APP_EXPORT, or whatever the module throws while it loads
 */
export async function loadApplication(parts: LoadParts): Promise<Loaded> {
  const { program, exportName } = parts;
  const importing = importModule(parts);
  if (!mayListen(parts)) {
    const exports = await importing;
    const found =
      exportName === ''
        ? findUsual(exports, parts.interface)
        : findNamed(exports, exportName, parts.interface);
    return fromExport(exports, await found, parts);
  }
  const listens = program.captured.then(async (server): Promise<Loaded> => {
    // What its module does behind `listen`, above all routes it adds, is done first.
    await immediate();
    return { detected: ownServer(server), hooks: {} };
  });
  let loaded = false;
  importing.catch((error: unknown) => {
    // Serving already, so it is as in any program: an error that nobody caught.
    if (loaded) setImmediate(() => throwError(error));
  });
  const first = await Promise.race([listens, importing.then((exports) => choose(exports, parts, listens))]);
  loaded = true;
  return first;
}

/** Whether a call of `listen` decides how the application is served. */
export function mayListen(parts: Pick<LoadParts, 'exportName' | 'interface'>): boolean {
  return parts.exportName === '' && (parts.interface === 'auto' || parts.interface === 'node');
}

/**
 * An application that is here already.
 *
 * @throws OptionError TSGI_ERR_APP_EXPORT
 */
export async function takeApplication(application: object, chosen: LoadParts['interface']): Promise<Loaded> {
  const found = await findIn(application, chosen);
  const detected = await detectedFrom(found, chosen);
  if (detected !== undefined) return { detected, hooks: {} };
  const got =
    found?.kind === 'unusable' ? `${found.what}; ${found.remedy}` : `that is ${kindOf(application)}`;
  throw unusable(
    `option app takes a path, a function, an object with fetch, or an app of a framework, and ${got}`,
  );
}

async function choose(exports: Exports, parts: LoadParts, listens: Promise<Loaded>): Promise<Loaded> {
  const { program } = parts;
  if (program.asked !== null) return listens;
  const found = await findUsual(exports, parts.interface);
  const runsItself =
    found?.kind === 'factory' && found.name !== null && isRunByItself(parts.source, found.name);
  await listening(parts, runsItself ? Number.POSITIVE_INFINITY : patienceFor(found, parts.expects));
  if (program.asked !== null) return listens;
  if (runsItself)
    throw unusable(
      `the file runs its export ${found.name} itself and has ended without a call of listen; export the application, or name its factory with file:name()`,
    );
  const chosen = await fromExport(exports, found, parts);
  return program.asked === null ? chosen : listens;
}

function patienceFor(found: Found | undefined, expects: Expected): number {
  if (found?.kind === 'factory') return FACTORY_PATIENCE_MS;
  return found?.kind === 'application' ? PATIENCE_MS[expects ?? 'first'] : Number.POSITIVE_INFINITY;
}

/** Resolves when the program has called `listen`, when its event loop has drained, or after so many milliseconds. */
async function listening({ program, watch }: LoadParts, milliseconds: number): Promise<void> {
  if (program.asked !== null || milliseconds === 0) return;
  let timer: NodeJS.Timeout | undefined;
  const late = new Promise<void>((resolve) => {
    if (milliseconds === Number.POSITIVE_INFINITY) return;
    timer = setTimeout(resolve, milliseconds);
    timer.unref();
  });
  await Promise.race([program.captured, watch.drained(), late]);
  clearTimeout(timer);
}

/** @throws OptionError TSGI_ERR_APP_EXPORT */
async function fromExport(exports: Exports, found: Found | undefined, parts: LoadParts): Promise<Loaded> {
  const detected = await detectedFrom(found, parts.interface);
  const { opened } = parts.program.otherPorts;
  if (detected === undefined && opened.length > 0) throw noSite(opened);
  if (detected === undefined) throw noApplication(exports, parts.exportName, found);
  return { detected, hooks: hooksOf(exports) };
}

/** @throws OptionError TSGI_ERR_APP_EXPORT for a factory that makes no application */
async function detectedFrom(
  found: Found | undefined,
  chosen: InterfaceName | 'auto',
): Promise<Detected | undefined> {
  if (found?.kind === 'application') return found.take();
  if (found?.kind !== 'factory') return undefined;
  const made = await found.make();
  if (isResponse(made)) return fetchHandler(found.make, 'the export returns a Response');
  const inner = await findIn(made, chosen);
  if (inner?.kind === 'application') {
    const detected = await inner.take();
    if (found.name === null) return detected;
    return { ...detected, why: detected.why.replace('the export', 'what the exported factory returned') };
  }
  throw unusable(
    `the export is a function without parameters, which was called to make the application, and it returned ${kindOf(made)}; return an application from it, or take the parameters of one: (request, response), (request) or (environ, startResponse)`,
  );
}

/** By what it can do: to look at `Response` would load Node's HTTP client. */
function isResponse(value: unknown): boolean {
  return typeof value === 'object' && value !== null && 'arrayBuffer' in value && 'headers' in value;
}

/** How a file says that it is started by itself. */
const RUN_AS_MAIN =
  /\brequire\.main\b|\bmodule\.parent\b|\bimport\.meta\.main\b|\bprocess\.argv\s*\[\s*1\s*\]/;

/** Whether the file calls the function that it exports, at once or if it is what was started. */
function isRunByItself(source: string, name: string): boolean {
  try {
    const text = readFileSync(source, 'utf8');
    if (RUN_AS_MAIN.test(text)) return true;
    if (!/^[\w$]+$/.test(name) || name === 'default') return false;
    const escaped = name.replaceAll('$', '\\$');
    return new RegExp(`^(?:await |void )?${escaped}\\(`, 'm').test(text);
  } catch {
    return false;
  }
}

function throwError(error: unknown): never {
  throw error;
}

/** As `node file.js` would load it. */
async function importModule({ url, isScript }: LoadParts): Promise<Exports> {
  if (!isScript) return unwrap((await import(url)) as Exports);
  const main: unknown = (Module as unknown as Loader)._load(fileURLToPath(url), null, true);
  return unwrap(isPlainObject(main) ? { default: main, ...main } : { default: main });
}

interface Loader {
  _load(file: string, parent: null, isMain: true): unknown;
}

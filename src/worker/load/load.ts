/**
 * Loads the application: what its module exports, or the server it listens with.
 *
 * Law: loads and decides; runs nothing but a factory. What an export is, is `exports.ts` and `detect.ts`; what the event
 * loop waits for, is `loop-watch.ts`; what the file's text shows, is `own-start.ts`.
 *
 * A program that listens is served by what it listens with, whatever it exports, and it may listen long after its module
 * is loaded. An application that is exported is served at once all the same: a later `listen` takes its place. Two signs make
 * it wait, until the event loop has drained, where plain Node would end the program, or for a time: its file may start a
 * server, or it is a function that may not be meant for requests at all.
 */
import Module from 'node:module';
import { setImmediate as immediate } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import type { Hooks } from '../../hooks.ts';
import { type Detected, fetchHandler, type Found, type InterfaceName, ownServer } from './detect.ts';
import {
  type Exports,
  findIn,
  findNamed,
  findUsual,
  hooksOf,
  isPlainObject,
  describeExport,
  noApplication,
  noSite,
  unusable,
  unwrap,
} from './exports.ts';
import type { LoopWatch } from './loop-watch.ts';
import { OwnStart } from './own-start.ts';
import type { ListeningProgram } from './listening-program.ts';

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
  readonly program: ListeningProgram;
  readonly watch: LoopWatch;
  /** A call of `listen` is noticed after the application is loaded, too. Not so in the caller's own thread. */
  readonly hearsLater: boolean;
}

/** How long an export waits for a call of `listen` while the event loop lives, ms. */
const PATIENCE_MS = {
  /** Its file may start a server: the server then listens in the right place from its start. */
  mayListen: 500,
  /** A function that its file calls: it must not be run twice. */
  called: 5000,
  /** An earlier worker's program listened. */
  listen: 5000,
};

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
    found?.kind === 'unusable' ? `${found.what}; ${found.remedy}` : `that is ${describeExport(application)}`;
  throw unusable(
    `option app takes a path, a function, an object with fetch, or an app of a framework, and ${got}`,
  );
}

async function choose(exports: Exports, parts: LoadParts, listens: Promise<Loaded>): Promise<Loaded> {
  const { program } = parts;
  if (program.asked !== null) return listens;
  const found = await findUsual(exports, parts.interface);
  const ownStart = OwnStart.read(parts.source, parts.url);
  const runsItself = isRunByItself(found, ownStart);
  await listening(parts, runsItself ? Number.POSITIVE_INFINITY : patienceFor(found, parts, ownStart));
  if (program.asked !== null) return listens;
  if (runsItself)
    throw unusable(
      `the file runs its export ${nameOf(found)} itself and has ended without a call of listen; export the application, or name its factory with file:name()`,
    );
  const chosen = await fromExport(exports, found, parts);
  return program.asked === null ? chosen : listens;
}

/** Of a function that its file may have exported to run it, rather than to have it called for requests. */
function nameOf(found: Found | undefined): string | null {
  if (found?.kind === 'factory') return found.name;
  return found?.kind === 'application' ? (found.guessed ?? null) : null;
}

/** Whether the file calls the function that it exports, at once or if it is what was started. */
function isRunByItself(found: Found | undefined, ownStart: OwnStart): boolean {
  const name = nameOf(found);
  if (name === null) return false;
  if (found?.kind === 'factory' && ownStart.checksMain) return true;
  return ownStart.runs(name) || (ownStart.checksMain && ownStart.calls(name));
}

function patienceFor(found: Found | undefined, parts: LoadParts, ownStart: OwnStart): number {
  if (found === undefined || found.kind === 'unusable') return Number.POSITIVE_INFINITY;
  if (parts.expects === 'listen') return PATIENCE_MS.listen;
  if (parts.expects === 'export') return 0;
  const name = nameOf(found);
  if (name !== null && ownStart.calls(name)) return PATIENCE_MS.called;
  return ownStart.mayListen || !parts.hearsLater ? PATIENCE_MS.mayListen : 0;
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
    `the export is a function without parameters, which was called to make the application, and it returned ${describeExport(made)}; return an application from it, or take the parameters of one: (request, response), (request) or (environ, startResponse)`,
  );
}

/** By what it can do: to look at `Response` would load Node's HTTP client. */
function isResponse(value: unknown): boolean {
  return typeof value === 'object' && value !== null && 'arrayBuffer' in value && 'headers' in value;
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

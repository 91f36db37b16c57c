/**
 * Loads the application: what its module exports, or the server with which it listens.
 *
 * Law: loads and decides; runs nothing but a factory. `exports.ts` and `detect.ts` classify exports, `loop-watch.ts` watches
 * the event loop, and `own-start.ts` reads the file's text.
 *
 * A program that listens is served through its server, whatever it exports, and it may listen long after its module is loaded.
 * An exported application is served at once, and a later `listen` replaces it.
 *
 * Two signs make the export wait. Its file may start a server, or it is a function that may not be meant for requests. It waits
 * until the event loop has drained, where plain Node would end the program, or for a limited time.
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

/** How earlier workers of this server served the same application; null for the first worker. */
export type Expected = 'listen' | 'export' | null;

export interface LoadParts {
  /** The `file:` URL to import. */
  readonly url: string;
  /** Absolute path of the file as the user wrote it. */
  readonly source: string;
  /** True if the file is CommonJS. */
  readonly isScript: boolean;
  /** The export: `name`, or `name()` for a factory; '' for the usual names. */
  readonly exportName: string;
  readonly interface: InterfaceName | 'auto';
  readonly expects: Expected;
  /** Receives the calls of `listen`. */
  readonly program: ListeningProgram;
  readonly watch: LoopWatch;
  /** True if a call of `listen` is noticed after the application is loaded, too. False in the caller's own thread. */
  readonly hearsLater: boolean;
}

/** Milliseconds that an export waits for a call of `listen` while the event loop is alive. */
const PATIENCE_MS = {
  /** The file may start a server. The server then listens in the right place from its start. */
  mayListen: 500,
  /** The file calls the exported function. It must not run twice. */
  called: 5000,
  /** An earlier worker's program listened. */
  listen: 5000,
};

/**
 * Resolves with the module's export or, if the program listens by itself, with its server. The program may listen before its
 * import ends, or long after.
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
    // The module's code after `listen` runs first: it may add routes.
    await immediate();
    return { detected: ownServer(server), hooks: {} };
  });
  let loaded = false;
  importing.catch((error: unknown) => {
    // The worker serves already, so this is an uncaught error, as in any program.
    if (loaded) setImmediate(() => throwError(error));
  });
  const first = await Promise.race([listens, importing.then((exports) => choose(exports, parts, listens))]);
  loaded = true;
  return first;
}

/** True if a call of `listen` decides how the application is served. */
export function mayListen(parts: Pick<LoadParts, 'exportName' | 'interface'>): boolean {
  return parts.exportName === '' && (parts.interface === 'auto' || parts.interface === 'node');
}

/**
 * Takes an application that is an object already.
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

/** Name of a function that its file may have exported to run it, and not to have it called for requests. */
function nameOf(found: Found | undefined): string | null {
  if (found?.kind === 'factory') return found.name;
  return found?.kind === 'application' ? (found.guessed ?? null) : null;
}

/** True if the file calls the function that it exports, at once or only as the main file. */
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

/** Resolves when the program has called `listen`, when its event loop has drained, or after `milliseconds`. */
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

/** Recognizes a `Response` by its properties: a read of `Response` would load Node's HTTP client. */
function isResponse(value: unknown): boolean {
  return typeof value === 'object' && value !== null && 'arrayBuffer' in value && 'headers' in value;
}

function throwError(error: unknown): never {
  throw error;
}

/** Loads the file as `node file.js` would. */
async function importModule({ url, isScript }: LoadParts): Promise<Exports> {
  if (!isScript) return unwrap((await import(url)) as Exports);
  const main: unknown = (Module as unknown as Loader)._load(fileURLToPath(url), null, true);
  return unwrap(isPlainObject(main) ? { default: main, ...main } : { default: main });
}

interface Loader {
  _load(file: string, parent: null, isMain: true): unknown;
}

/**
 * Finds the application: what its module exports, or the server it listens with.
 *
 * Law: loads and judges; runs nothing but a factory. Errors name what was found and the remedy. What an export is called
 * through is `detect.ts`.
 */
import Module from 'node:module';
import { setImmediate as immediate } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { OptionError } from '../errors.ts';
import type { Hooks } from '../hooks.ts';
import { Activity } from './activity.ts';
import { detect, type Detected, fetchHandler, type InterfaceName, ownServer } from './detect.ts';
import type { Program } from './program.ts';

export interface Loaded {
  readonly detected: Detected;
  readonly hooks: Hooks;
}

export interface LoadParts {
  /** What is imported, a file: URL. */
  readonly url: string;
  /** It is CommonJS. */
  readonly isScript: boolean;
  /** The export: `name`, or `name()` for a factory; '' for the usual names. */
  readonly exportName: string;
  readonly interface: InterfaceName | 'auto';
  /** Hears the program listen. */
  readonly program: Program;
}

type Exports = Record<string, unknown>;

const DEFAULT_NAMES = ['default', 'app', 'application', 'server'];
const FACTORY = 'createApp';

/**
 * Resolves with what the module exports or, if it listens by itself, with its server: that may come before its import
 * ends, and long after.
 *
 * @throws OptionError TSGI_ERR_APP_EXPORT, or whatever the module throws while it loads
 */
export async function loadApplication(parts: LoadParts): Promise<Loaded> {
  const { program, exportName } = parts;
  const activity = new Activity();
  const importing = importModule(parts);
  const mayListen = exportName === '' && (parts.interface === 'auto' || parts.interface === 'node');
  if (!mayListen) return (await fromExports(await importing, parts)) ?? nothing(await importing, exportName);
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
  const exported = importing.then(async (exports) => {
    if (program.asked !== null) return listens;
    return (await fromExports(exports, parts)) ?? lateListener(listens, exports, activity, program);
  });
  const first = await Promise.race([listens, exported]);
  loaded = true;
  return first;
}

/**
 * An application that is here already.
 *
 * @throws OptionError TSGI_ERR_APP_EXPORT
 */
export async function takeApplication(application: object, chosen: LoadParts['interface']): Promise<Loaded> {
  const detected = await detect(application, chosen);
  if (detected !== undefined) return { detected, hooks: {} };
  throw new OptionError(
    'TSGI_ERR_APP_EXPORT',
    `Cannot use the application: option app takes a path, a function, an object with fetch, or an app of a framework, and that is ${kindOf(application)}`,
  );
}

/** It has exported nothing that runs, and may still listen as long as anything goes on in it. */
function lateListener(
  listens: Promise<Loaded>,
  exports: Exports,
  activity: Activity,
  program: Program,
): Promise<Loaded> {
  const ended = activity.ended(() => program.asked !== null);
  return Promise.race([listens, ended.then(() => (program.asked === null ? nothing(exports, '') : listens))]);
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

async function fromExports(exports: Exports, parts: LoadParts): Promise<Loaded | undefined> {
  const detected =
    parts.exportName === '' ? await detectUsual(exports, parts) : await detectNamed(exports, parts);
  return detected && { detected, hooks: hooksOf(exports) };
}

async function detectUsual(exports: Exports, parts: LoadParts): Promise<Detected | undefined> {
  for (const name of DEFAULT_NAMES) {
    const detected = await detect(exports[name], parts.interface);
    if (detected !== undefined) return detected;
  }
  if (typeof exports.fetch === 'function' && parts.interface !== 'tsgi')
    return fetchHandler(exports.fetch, 'the export is named fetch');
  const factory = exports[FACTORY];
  if (typeof factory !== 'function') return undefined;
  return detect(await (factory as () => unknown)(), parts.interface);
}

async function detectNamed(exports: Exports, parts: LoadParts): Promise<Detected | undefined> {
  const { exportName } = parts;
  const isFactory = exportName.endsWith('()');
  const key = isFactory ? exportName.slice(0, -2) : exportName;
  const inner = exports.default as Exports | undefined;
  const found = exports[key] ?? inner?.[key];
  const application = isFactory && typeof found === 'function' ? await (found as () => unknown)() : found;
  return detect(application, parts.interface);
}

/** Of a framework's own object `init` is the framework's. */
function hooksOf(exports: Exports): Hooks {
  const inner = isPlainObject(exports.default) ? exports.default : {};
  const hook = (name: string) => {
    const found = exports[name] ?? inner[name];
    return typeof found === 'function' ? { [name]: found } : {};
  };
  return { ...hook('init'), ...hook('shutdown') };
}

/** A CommonJS module's exports arrive as the default export. */
function unwrap(exports: Exports): Exports {
  const inner = exports.default;
  if (typeof inner === 'object' && inner !== null && '__esModule' in inner) return inner as Exports;
  return exports;
}

function isPlainObject(value: unknown): value is Exports {
  if (typeof value !== 'object' || value === null) return false;
  const prototype: unknown = Object.getPrototypeOf(value);
  return prototype === Object.prototype || prototype === null;
}

function kindOf(value: unknown): string {
  if (Array.isArray(value)) return 'an array';
  return typeof value === 'object' ? 'an object' : `a ${typeof value}`;
}

/** @throws OptionError TSGI_ERR_APP_EXPORT that says what was found */
function nothing(exports: Exports, name: string): never {
  const inner = exports.default as Exports | undefined;
  const found = name === '' ? exports.default : (exports[name.replace('()', '')] ?? inner?.[name]);
  const wanted =
    name === ''
      ? 'an application as its default export (a function, an object with fetch, an app of a framework), or a call of listen'
      : `an application named ${name}`;
  const isNothing = found === undefined || found === null || isEmpty(found);
  const got = isNothing ? `it exports ${namesOf(exports)}` : `that is ${kindOf(found)}`;
  throw new OptionError(
    'TSGI_ERR_APP_EXPORT',
    `Cannot use the application: the file needs ${wanted}, and ${got}; name another export with file:name`,
  );
}

/** What CommonJS exports that exports nothing. */
function isEmpty(value: unknown): boolean {
  return isPlainObject(value) && Object.keys(value).length === 0;
}

function namesOf(exports: Exports): string {
  const names = Object.keys(exports).filter((name) => !isEmpty(exports[name]));
  const shown = names.map((name) => (exports[name] === undefined ? `${name}, which is undefined` : name));
  return shown.join(', ') || 'nothing';
}

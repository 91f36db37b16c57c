/**
 * Decides which of a module's exports is the application, and makes the error if none is.
 *
 * Law: reads exports, and awaits promises among them. `detect.ts` classifies one export.
 */
import { OptionError } from '../../errors.ts';
import type { Hooks } from '../../hooks.ts';
import { type Found, fetchHandler, type InterfaceName, recognise } from './detect.ts';

export type Exports = Record<string, unknown>;

const DEFAULT_NAMES = ['default', 'app', 'application', 'server'];
const FACTORY = 'createApp';
const ANOTHER = 'name another export with file:name, or file:name() for a factory';

/** Searches the usual names. Prefers an application, then a factory, then the first export that is neither. */
export async function findUsual(
  exports: Exports,
  chosen: InterfaceName | 'auto',
): Promise<Found | undefined> {
  const rest: Found[] = [];
  for (const name of DEFAULT_NAMES) {
    const found = await findIn(exports[name], chosen);
    if (found?.kind === 'application') return found;
    if (found !== undefined) rest.push(found);
  }
  const { fetch, [FACTORY]: factory } = exports;
  if (typeof fetch === 'function' && chosen !== 'tsgi')
    return { kind: 'application', take: async () => fetchHandler(fetch, 'the export is named fetch') };
  if (typeof factory === 'function') return { kind: 'factory', make: factory as () => unknown, name: null };
  return rest.find(({ kind }) => kind === 'factory') ?? rest[0];
}

/** Reads the export `name`, or `name()` for a factory. */
export async function findNamed(
  exports: Exports,
  name: string,
  chosen: InterfaceName | 'auto',
): Promise<Found | undefined> {
  const found = namedIn(exports, name);
  if (name.endsWith('()') && typeof found === 'function')
    return { kind: 'factory', make: found as () => unknown, name: null };
  return findIn(found, chosen);
}

/** Awaits promises, and unwraps exports that two module systems have wrapped into each other. */
export async function findIn(value: unknown, chosen: InterfaceName | 'auto'): Promise<Found | undefined> {
  if (isPromise(value)) return findIn(await value, chosen);
  if (isPlainObject(value) && typeof value.fetch !== 'function' && value.default !== undefined)
    return findIn(value.default, chosen);
  return recognise(value, chosen);
}

/** Ignores hooks of a framework's own object: its `init` is the framework's method. */
export function hooksOf(exports: Exports): Hooks {
  const inner = isPlainObject(exports.default) ? exports.default : {};
  const hook = (name: string) => {
    const found = exports[name] ?? inner[name];
    return typeof found === 'function' ? { [name]: found } : {};
  };
  return { ...hook('init'), ...hook('shutdown') };
}

/** The exports of a CommonJS module arrive as the default export. */
export function unwrap(exports: Exports): Exports {
  const inner = exports.default;
  if (typeof inner === 'object' && inner !== null && '__esModule' in inner) return inner as Exports;
  return exports;
}

export function isPlainObject(value: unknown): value is Exports {
  if (typeof value !== 'object' || value === null) return false;
  const prototype: unknown = Object.getPrototypeOf(value);
  return prototype === Object.prototype || prototype === null;
}

/** Tests the class, because Fastify's own object has a method `then` as well. */
function isPromise(value: unknown): value is Promise<unknown> {
  return value instanceof Promise;
}

export function describeExport(value: unknown): string {
  if (value === undefined || value === null) return 'nothing';
  if (Array.isArray(value)) return 'an array';
  return typeof value === 'object' ? 'an object' : `a ${typeof value}`;
}

/**
 * @param name name of the export, '' for the usual names
 * @param found the kind of the export, if it is not an application
 */
export function noApplication(exports: Exports, name: string, found: Found | undefined): OptionError {
  const wanted =
    name === ''
      ? 'an application as its default export (a function, an object with fetch, an app of a framework), or a call of listen'
      : `an application named ${name}`;
  const [got, remedy] =
    found?.kind === 'unusable' ? [found.what, found.remedy] : [whatIsThere(exports, name), ANOTHER];
  return unusable(`the file needs ${wanted}, and ${got}; ${remedy}`);
}

/** The application listens, but not for HTTP over TCP. */
export function noSite(opened: readonly string[]): OptionError {
  return new OptionError(
    'TSGI_ERR_APP_LISTEN',
    `The application listens on ${opened.join(' and ')}, and not on a TCP port with node:http: the server serves HTTP over TCP. Listen on a port with node:http as well, export an application, or run the program with node.`,
  );
}

export function unusable(why: string): OptionError {
  return new OptionError('TSGI_ERR_APP_EXPORT', `Cannot use the application: ${why}`);
}

function whatIsThere(exports: Exports, name: string): string {
  const found = name === '' ? exports.default : namedIn(exports, name);
  const isNothing = found === undefined || found === null || isEmpty(found);
  return isNothing ? `it exports ${namesOf(exports)}` : `that is ${describeExport(found)}`;
}

function namedIn(exports: Exports, name: string): unknown {
  const key = name.replace(/\(\)$/, '');
  const inner = exports.default as Exports | undefined;
  return exports[key] ?? inner?.[key];
}

/** True for the exports of a CommonJS module that exports nothing. */
function isEmpty(value: unknown): boolean {
  return isPlainObject(value) && Object.keys(value).length === 0;
}

function namesOf(exports: Exports): string {
  const names = Object.keys(exports).filter((name) => !isEmpty(exports[name]));
  const shown = names.map((name) => (exports[name] === undefined ? `${name}, which is undefined` : name));
  return shown.join(', ') || 'nothing';
}

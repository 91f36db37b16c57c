/**
 * Finds the application in a module: which export, and whether it is a factory.
 *
 * Law: loads and judges; runs nothing but a factory. Errors name what was found and the remedy.
 */
import { OptionError } from '../errors.ts';
import type { Hooks } from '../hooks.ts';
import type { Application } from '../tsgi/types.ts';

export interface Loaded {
  readonly application: Application;
  readonly hooks: Hooks;
}

type Exports = Record<string, unknown>;

const DEFAULT_NAMES = ['default', 'app', 'application'];
const FACTORY = 'createApp';

/**
 * @param url what workers import
 * @param name the export: `name`, or `name()` for a factory; '' for the usual names
 * @throws OptionError TSGI_ERR_APP_EXPORT, or whatever the module throws while it loads
 */
export async function loadApplication(url: string, name: string): Promise<Loaded> {
  const exports = unwrap((await import(url)) as Exports);
  const found = name === '' ? await findUsual(exports) : await findNamed(exports, name);
  if (typeof found === 'function') return { application: found as Application, hooks: hooksOf(exports) };
  throw new OptionError('TSGI_ERR_APP_EXPORT', explain(exports, name, found));
}

function hooksOf(exports: Exports): Hooks {
  const inner = exports.default as Exports | undefined;
  const hook = (name: string) => {
    const found = exports[name] ?? (typeof inner === 'object' ? inner?.[name] : undefined);
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

async function findUsual(exports: Exports): Promise<unknown> {
  for (const name of DEFAULT_NAMES) if (typeof exports[name] === 'function') return exports[name];
  const factory = exports[FACTORY];
  return typeof factory === 'function' ? await (factory as () => unknown)() : exports.default;
}

async function findNamed(exports: Exports, name: string): Promise<unknown> {
  const isFactory = name.endsWith('()');
  const key = isFactory ? name.slice(0, -2) : name;
  const inner = exports.default as Exports | undefined;
  const found = exports[key] ?? inner?.[key];
  if (!isFactory || typeof found !== 'function') return found;
  return await (found as () => unknown)();
}

function explain(exports: Exports, name: string, found: unknown): string {
  const names = Object.keys(exports);
  const has = names.length === 0 ? 'it exports nothing' : `it exports ${names.join(', ')}`;
  const wanted = name === '' ? 'a function as its default export' : `a function named ${name}`;
  const got =
    found === undefined ? has : `that is ${Array.isArray(found) ? 'an array' : `a ${typeof found}`}`;
  return `Cannot use the application: the file needs ${wanted}, and ${got}; name another export with file:name`;
}

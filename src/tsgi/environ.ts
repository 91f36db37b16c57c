/**
 * Makes an environ from a request: the names, the path and the one lazy key, for every server and adapter in this folder.
 *
 * Law: reads parsed values and checks nothing. A name or value of the client never becomes a property without the prefix
 * `HTTP_`, so `__proto__` and similar names are data. Needs nothing of Node.
 */
import { isWithheld } from './hop-by-hop.ts';
import type { Environ, ErrorStream, FileWrapper, InputStream } from './types.ts';

export const TSGI_VERSION: readonly [major: 1, minor: 0] = Object.freeze([1, 0]) as readonly [1, 0];

/** The result of `environKey` for a field that has no key. */
export const OMIT = '';

/** Field name as sent → key. Bounded in number and length, because clients choose the names. */
const KEYS: Map<string, string> = new Map();
const MOST_KEYS = 1000;
const LONGEST_KNOWN = 64;

/** The key of a header field: `HTTP_…`, CONTENT_TYPE, CONTENT_LENGTH, or OMIT. */
export function environKey(name: string): string {
  const known = KEYS.get(name);
  if (known !== undefined) return known;
  const upper = name.toUpperCase().replaceAll('-', '_');
  let key = `HTTP_${upper}`;
  // A name with '_' would have the same key as the name with '-'.
  if (name.includes('_') || isWithheld(name)) key = OMIT;
  else if (upper === 'CONTENT_TYPE' || upper === 'CONTENT_LENGTH') key = upper;
  if (name.length <= LONGEST_KNOWN) remember(name, key);
  return key;
}

function remember(name: string, key: string): void {
  // Made-up names must not displace the real names forever.
  if (KEYS.size >= MOST_KEYS) KEYS.clear();
  // A copy: the name may be a slice, which would keep the whole head in memory.
  KEYS.set([...name].join(''), key);
}

/** Adds a field as its client sent it. Repeated fields are joined in order. */
export function addField(environ: Record<string, unknown>, name: string, value: string): void {
  const key = environKey(name);
  if (key === OMIT) return;
  const before = environ[key];
  if (before === undefined || before === '') environ[key] = value;
  else environ[key] = `${before as string}${key === 'HTTP_COOKIE' ? '; ' : ', '}${value}`;
}

const utf8 = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true });
const PERCENT = 37;

/** Percent-decodes a path: UTF-8 if the bytes are valid, otherwise Latin-1. A '%' without two hexadecimal digits stays. */
export function decodePath(path: string): string {
  if (!path.includes('%')) return path;
  const bytes = new Uint8Array(path.length);
  let length = 0;
  for (let i = 0; i < path.length; i++) {
    let byte = path.charCodeAt(i);
    if (byte === PERCENT) {
      const high = hexDigit(path.charCodeAt(i + 1));
      const low = hexDigit(path.charCodeAt(i + 2));
      if (high !== -1 && low !== -1) {
        byte = high * 16 + low;
        i += 2;
      }
    }
    bytes[length++] = byte;
  }
  return decodeBytes(bytes.subarray(0, length));
}

function decodeBytes(bytes: Uint8Array): string {
  try {
    return utf8.decode(bytes);
  } catch {
    let text = '';
    for (const byte of bytes) text += String.fromCharCode(byte);
    return text;
  }
}

/** The value of a hexadecimal digit's character code, −1 for any other. */
function hexDigit(code: number): number {
  if (code >= 48 && code <= 57) return code - 48;
  const lower = code | 32;
  return lower >= 97 && lower <= 102 ? lower - 87 : -1;
}

/** Percent-encodes the characters that a path must not contain (RFC 3986 §3.3), as UTF-8. */
export function encodePath(path: string): string {
  return encodeURI(path.replaceAll(/\p{Surrogate}/gu, '\ufffd')).replaceAll(/[?#]/g, encodeURIComponent);
}

export interface Target {
  /** The authority of an absolute-form target (RFC 9112 §3.2.2), otherwise ''. */
  readonly authority: string;
  /** Still percent-encoded; '' for `*`. */
  readonly path: string;
  readonly query: string;
}

/** Splits a request target into its parts. */
export function splitTarget(target: string): Target {
  if (target === '*') return { authority: '', path: '', query: '' };
  const start = target.charCodeAt(0) === SLASH ? 0 : target.indexOf('://') + 3;
  const end = start === 0 ? 0 : endOfAuthority(target, start);
  const question = target.indexOf('?', end);
  const path = target.slice(end, question === -1 ? undefined : question);
  return {
    authority: target.slice(start, end),
    path: path === '' ? '/' : path,
    query: question === -1 ? '' : target.slice(question + 1),
  };
}

const SLASH = 47;
const QUESTION = 63;

function endOfAuthority(target: string, start: number): number {
  for (let i = start; i < target.length; i++) {
    const code = target.charCodeAt(i);
    if (code === SLASH || code === QUESTION) return i;
  }
  return target.length;
}

export interface SignalSource {
  /** Returns the same signal each time. The first call makes it. */
  signal(): AbortSignal;
}

/** The environ's key for the source of its signal. */
export const SIGNAL_SOURCE: unique symbol = Symbol('tsgi.signal');

/** One accessor for all environs. In a literal, each environ would get a function of its own, at five times the cost. */
const SIGNAL: PropertyDescriptor & ThisType<{ [SIGNAL_SOURCE]: SignalSource }> = {
  get() {
    return this[SIGNAL_SOURCE].signal();
  },
  /** A middleware may replace the signal by its own, as with every other key. */
  set(value: AbortSignal) {
    Object.defineProperty(this, 'tsgi.signal', {
      value,
      writable: true,
      enumerable: true,
      configurable: true,
    });
  },
  enumerable: true,
  configurable: true,
};

/** Defines `tsgi.signal` in an environ that has a SIGNAL_SOURCE. */
export function defineSignal(environ: object): void {
  Object.defineProperty(environ, 'tsgi.signal', SIGNAL);
}

/** The parts of a request that an adapter provides. */
export interface RequestParts {
  readonly method: string;
  /** The target as the client sent it. */
  readonly target: string;
  /** Path at which the application is mounted, percent-encoded; '' at the root. Not part of `path`. */
  readonly mount?: string;
  /** The target below the mount, if it differs from the whole target. */
  readonly below?: string;
  readonly protocol: string;
  readonly scheme: 'http' | 'https';
  /** Fields as the client sent them, in order. */
  readonly fields: Iterable<readonly [name: string, value: string]>;
  readonly serverName: string;
  readonly serverPort: string;
  readonly remoteAddress: string;
  readonly remotePort: string;
  readonly input: InputStream;
  readonly errors: ErrorStream;
  readonly signal: SignalSource;
}

/** The values that are the same for every request of an adapter. */
export interface AdapterContext {
  /** SERVER_SOFTWARE. */
  readonly software: string;
  readonly multithread: boolean;
  readonly multiprocess: boolean;
  readonly runOnce: boolean;
  readonly concurrent: boolean;
  readonly blockingInput: boolean;
  readonly fileWrapper?: FileWrapper;
}

const PREFIX = Math.random().toString(36).slice(2, 8);
let serial = 0;

export function createEnviron(parts: RequestParts, context: AdapterContext): Environ {
  const { authority, path, query } = splitTarget(parts.below ?? parts.target);
  const environ: Record<string | symbol, unknown> = {
    REQUEST_METHOD: parts.method,
    SCRIPT_NAME: decodePath(parts.mount ?? ''),
    PATH_INFO: decodePath(path),
    QUERY_STRING: query,
    CONTENT_TYPE: '',
    CONTENT_LENGTH: '',
    SERVER_NAME: parts.serverName,
    SERVER_PORT: parts.serverPort,
    SERVER_PROTOCOL: parts.protocol,
    SERVER_SOFTWARE: context.software,
    REMOTE_ADDR: parts.remoteAddress,
    REMOTE_PORT: parts.remotePort,
    REQUEST_URI: parts.target,
    'tsgi.version': TSGI_VERSION,
    'tsgi.url_scheme': parts.scheme,
    'tsgi.input': parts.input,
    'tsgi.errors': parts.errors,
    'tsgi.multithread': context.multithread,
    'tsgi.multiprocess': context.multiprocess,
    'tsgi.run_once': context.runOnce,
    'tsgi.concurrent': context.concurrent,
    'tsgi.blocking_input': context.blockingInput,
    'tsgi.deadline': undefined,
    'tsgi.request_id': `${PREFIX}-${(serial++).toString(36)}`,
    [SIGNAL_SOURCE]: parts.signal,
  };
  defineSignal(environ);
  if (context.fileWrapper !== undefined) environ['tsgi.file_wrapper'] = context.fileWrapper;
  for (const [name, value] of parts.fields) addField(environ, name, value);
  if (authority !== '') environ.HTTP_HOST = authority;
  return environ as unknown as Environ;
}

/**
 * A request → environ, as TSGI 1.0 names it.
 *
 * Law: reads the head that was parsed and allowed already; judges nothing. What a client chooses (names, values)
 * never becomes a property that is not `HTTP_…`, so `__proto__` and its kin are data here.
 */
import { isUtf8 } from 'node:buffer';
import { Flag } from '../http/flags.ts';
import type { Environ, ErrorStream, InputStream } from '../tsgi/types.ts';

/** A parsed request; `ring/message.ts` fills it. */
export interface RequestView {
  readonly flags: number;
  /** The whole head, Latin-1. */
  readonly head: string;
  /** 4 words a field from `spansStart`: name offset, name length, value offset, value length. */
  readonly spans: Int32Array;
  readonly spansStart: number;
  readonly headerCount: number;
  readonly methodLength: number;
  readonly targetOffset: number;
  readonly targetLength: number;
  readonly remoteAddress: string;
  readonly remotePort: number;
  readonly localAddress: string;
  readonly localPort: number;
  readonly serial: number;
}

/** What is the same for every request of a worker. */
export interface EnvironContext {
  /** SERVER_SOFTWARE. */
  readonly software: string;
  readonly multithread: boolean;
  readonly multiprocess: boolean;
  readonly concurrent: boolean;
  readonly blockingInput: boolean;
  readonly requestIdPrefix: string;
}

export interface SignalSource {
  /** The same signal each time; made at the first. */
  signal(): AbortSignal;
}

export interface EnvironParts {
  readonly input: InputStream;
  readonly errors: ErrorStream;
  /** Asked for `tsgi.signal` when that is read. */
  readonly exchange: SignalSource;
  /** ms since the epoch. */
  readonly deadline: number | undefined;
}

const VERSION = Object.freeze([1, 0]) as readonly [number, number];

/** What becomes of a field: an `HTTP_…` key, or one of these. */
const OMIT = '';
const CONTENT_TYPE = 'CONTENT_TYPE';
const CONTENT_LENGTH = 'CONTENT_LENGTH';

/** The connection's own fields, and Proxy, which would pass for a CGI variable (httpoxy). */
const OMITTED = new Set([
  'CONNECTION',
  'KEEP-ALIVE',
  'PROXY',
  'PROXY-AUTHENTICATE',
  'PROXY-AUTHORIZATION',
  'PROXY-CONNECTION',
  'TE',
  'TRAILER',
  'TRANSFER-ENCODING',
  'UPGRADE',
]);

/** Field name as sent → key. Bounded in number and length: clients choose names. */
const KEYS: Map<string, string> = new Map();
const MOST_KEYS = 1000;
const LONGEST_KNOWN = 64;

function keyOf(name: string): string {
  const known = KEYS.get(name);
  if (known !== undefined) return known;
  const upper = name.toUpperCase();
  let key = `HTTP_${upper.replaceAll('-', '_')}`;
  // A name with '_' would pass for its twin with '-'.
  if (name.includes('_') || OMITTED.has(upper)) key = OMIT;
  else if (upper === 'CONTENT-TYPE') key = CONTENT_TYPE;
  else if (upper === 'CONTENT-LENGTH') key = CONTENT_LENGTH;
  if (name.length <= LONGEST_KNOWN) remember(name, key);
  return key;
}

function remember(name: string, key: string): void {
  // Made-up names must not keep the real ones out for ever.
  if (KEYS.size >= MOST_KEYS) KEYS.clear();
  // A copy: the name is a slice, which would keep alive the whole head it was cut from.
  KEYS.set(Buffer.from(name, 'latin1').toString('latin1'), key);
}

export function buildEnviron(request: RequestView, context: EnvironContext, parts: EnvironParts): Environ {
  const { head, targetOffset } = request;
  const target = head.slice(targetOffset, targetOffset + request.targetLength);
  let path = target;
  let authority = '';
  if ((request.flags & Flag.ABSOLUTE_TARGET) !== 0) {
    const start = target.indexOf('//') + 2;
    const end = endOfAuthority(target, start);
    authority = target.slice(start, end);
    path = target.charCodeAt(end) === SLASH ? target.slice(end) : `/${target.slice(end)}`;
  } else if (target === '*') path = '';
  const question = path.indexOf('?');
  const environ = base(request, context, parts);
  environ.REQUEST_METHOD = head.slice(0, request.methodLength);
  environ.REQUEST_URI = target;
  environ.PATH_INFO = decodePath(question === -1 ? path : path.slice(0, question));
  environ.QUERY_STRING = question === -1 ? '' : path.slice(question + 1);
  addFields(environ, request);
  if (authority !== '') environ.HTTP_HOST = authority;
  return environ as unknown as Environ;
}

const SLASH = 47;

function endOfAuthority(target: string, start: number): number {
  for (let i = start; i < target.length; i++) {
    const code = target.charCodeAt(i);
    if (code === SLASH || code === 63) return i;
  }
  return target.length;
}

/** Where an environ keeps what makes its signal. */
const EXCHANGE = Symbol('exchange');
/** One accessor for all environs: in the literal below each would get a function of its own, at five times the cost. */
const SIGNAL: PropertyDescriptor & ThisType<{ [EXCHANGE]: SignalSource }> = {
  get() {
    return this[EXCHANGE].signal();
  },
  /** A middleware may put a signal of its own in its place, as with every other key. */
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

/** Every key in one order, so that all environs share a hidden class up to their fields. */
function base(request: RequestView, context: EnvironContext, parts: EnvironParts): Record<string, unknown> {
  const environ = {
    REQUEST_METHOD: '',
    SCRIPT_NAME: '',
    PATH_INFO: '',
    QUERY_STRING: '',
    CONTENT_TYPE: '',
    CONTENT_LENGTH: '',
    SERVER_NAME: request.localAddress,
    SERVER_PORT: String(request.localPort),
    SERVER_PROTOCOL: (request.flags & Flag.HTTP_1_1) !== 0 ? 'HTTP/1.1' : 'HTTP/1.0',
    SERVER_SOFTWARE: context.software,
    REMOTE_ADDR: request.remoteAddress,
    REMOTE_PORT: String(request.remotePort),
    REQUEST_URI: '',
    'tsgi.version': VERSION,
    'tsgi.url_scheme': 'http',
    'tsgi.input': parts.input,
    'tsgi.errors': parts.errors,
    'tsgi.multithread': context.multithread,
    'tsgi.multiprocess': context.multiprocess,
    'tsgi.run_once': false,
    'tsgi.concurrent': context.concurrent,
    'tsgi.blocking_input': context.blockingInput,
    'tsgi.deadline': parts.deadline,
    'tsgi.request_id': `${context.requestIdPrefix}-${(request.serial >>> 0).toString(36)}`,
    [EXCHANGE]: parts.exchange,
  };
  return Object.defineProperty(environ, 'tsgi.signal', SIGNAL);
}

function addFields(environ: Record<string, unknown>, request: RequestView): void {
  const { head, spans } = request;
  let at = request.spansStart;
  for (let i = 0; i < request.headerCount; i++, at += 4) {
    const nameStart = spans[at]!;
    const valueStart = spans[at + 2]!;
    const key = keyOf(head.slice(nameStart, nameStart + spans[at + 1]!));
    if (key === OMIT) continue;
    const value = head.slice(valueStart, valueStart + spans[at + 3]!);
    const before = environ[key];
    if (before === undefined || before === '') environ[key] = value;
    else environ[key] = `${before as string}${key === 'HTTP_COOKIE' ? '; ' : ', '}${value}`;
  }
}

const PERCENT = 37;

/** Percent-decodes a path: UTF-8 if the bytes are, else Latin-1. A '%' that is no escape stays. */
export function decodePath(path: string): string {
  if (!path.includes('%')) return path;
  const bytes = Buffer.allocUnsafe(path.length);
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
  return bytes.toString(isUtf8(bytes.subarray(0, length)) ? 'utf8' : 'latin1', 0, length);
}

/** The value of a hexadecimal digit's character code, −1 for any other. */
function hexDigit(code: number): number {
  if (code >= 48 && code <= 57) return code - 48;
  const lower = code | 32;
  return lower >= 97 && lower <= 102 ? lower - 87 : -1;
}

/**
 * The one table of options. From it come the types, the defaults, the environment variables, the command line with
 * its help (`cli.ts`) and docs/options.md (`scripts/docs.js`).
 *
 * Law: an option exists here or nowhere. Precedence: what is given (a flag, a property) > environment > default.
 */
import { OptionError } from './errors.ts';
import { nearestOf } from './nearest.ts';
import { detectThreads } from './threads.ts';

const MS = 1;
const SECONDS = 1000 * MS;
const MINUTES = 60 * SECONDS;
const HOURS = 60 * MINUTES;
const KIB = 1024;
const MIB = 1024 * KIB;

type Kind = 'count' | 'bytes' | 'time' | 'text' | 'threads' | 'flag';
type Group = 'Listening' | 'Workers' | 'Development' | 'Time limits' | 'Size limits' | 'Queue' | 'Shutdown';

export type OptionValue = number | string | boolean;

interface Row {
  readonly kind: Kind;
  /** Bytes, milliseconds, a count, text, or for a flag whether it is on. */
  readonly default: OptionValue;
  readonly group: Group;
  /** One sentence, no full stop. */
  readonly help: string;
  readonly min?: number;
  readonly max?: number;
  /** A variable besides TSGI_<NAME>. */
  readonly env?: string;
}

export const OPTIONS = {
  port: {
    kind: 'count',
    default: 8000,
    max: 65535,
    group: 'Listening',
    env: 'PORT',
    help: 'TCP port to listen on; 0 picks a free one',
  },
  host: {
    kind: 'text',
    default: '127.0.0.1',
    group: 'Listening',
    help: 'Address to listen on; 0.0.0.0 when only PORT is set in the environment',
  },
  backlog: {
    kind: 'count',
    default: 1024,
    min: 1,
    group: 'Listening',
    help: 'Connections the kernel may hold before they are accepted',
  },
  maxConnections: {
    kind: 'count',
    default: 10_000,
    min: 1,
    group: 'Listening',
    help: 'Open connections; above it new ones are answered 503',
  },
  threads: {
    kind: 'threads',
    default: 'auto',
    max: 64,
    group: 'Workers',
    help: 'Worker threads; auto is one a core, 0 runs the application in the main thread',
  },
  concurrency: {
    kind: 'count',
    default: 64,
    min: 1,
    group: 'Workers',
    help: 'Requests a worker may hold whose response has not begun',
  },
  maxStreams: {
    kind: 'count',
    default: 10_000,
    min: 1,
    group: 'Workers',
    help: 'Requests a worker may hold in all, begun responses included',
  },
  maxRequests: {
    kind: 'count',
    default: 0,
    group: 'Workers',
    help: 'Requests after which a worker is recycled, a tenth more or less; 0 is never',
  },
  maxLifetime: {
    kind: 'time',
    default: 0,
    group: 'Workers',
    help: 'Time after which a worker is recycled, a tenth more or less; 0 is never',
  },
  maxWorkerMemory: {
    kind: 'bytes',
    default: 0,
    group: 'Workers',
    help: 'Heap and external memory above which a worker is recycled; 0 is any',
  },
  maxPending: {
    kind: 'count',
    default: 1024,
    min: 1,
    max: 32_768,
    group: 'Queue',
    help: 'Requests that may wait for a worker; above it 503',
  },
  pendingTimeout: {
    kind: 'time',
    default: 10 * SECONDS,
    min: 1,
    group: 'Queue',
    help: 'How long a request may wait for a worker; then 503',
  },
  maxBuffered: {
    kind: 'bytes',
    default: 64 * MIB,
    min: MIB,
    group: 'Queue',
    help: 'Memory for requests that wait for a worker; above it 503',
  },
  bootTimeout: {
    kind: 'time',
    default: 60 * SECONDS,
    min: 1,
    group: 'Time limits',
    help: 'How long the application may take to load',
  },
  handlerTimeout: {
    kind: 'time',
    default: 30 * SECONDS,
    group: 'Time limits',
    help: 'How long the application may take to begin its response; then 504; 0 is for ever',
  },
  killGrace: {
    kind: 'time',
    default: 1 * SECONDS,
    group: 'Time limits',
    help: 'How long after a 504 a worker whose loop is stuck may live',
  },
  headersTimeout: {
    kind: 'time',
    default: 15 * SECONDS,
    min: 1,
    group: 'Time limits',
    help: 'How long a client may take to send a request head; then 408',
  },
  bodyTimeout: {
    kind: 'time',
    default: 30 * SECONDS,
    group: 'Time limits',
    help: 'How long a client may be silent within a body; then 408; 0 is for ever',
  },
  minBodyRate: {
    kind: 'count',
    default: 500,
    group: 'Time limits',
    help: 'Bytes a second a body must have on average after 5 s; below it 408; 0 is any',
  },
  writeTimeout: {
    kind: 'time',
    default: 60 * SECONDS,
    group: 'Time limits',
    help: 'How long a client may take nothing of a response; then a reset; 0 is for ever',
  },
  keepAliveTimeout: {
    kind: 'time',
    default: 75 * SECONDS,
    min: 1,
    group: 'Time limits',
    help: 'How long an idle connection is kept',
  },
  maxRequestLine: {
    kind: 'bytes',
    default: 8 * KIB,
    min: 64,
    max: MIB,
    group: 'Size limits',
    help: 'Method, target and version; above it 414',
  },
  maxHeaderSize: {
    kind: 'bytes',
    default: 32 * KIB,
    min: 256,
    max: MIB,
    group: 'Size limits',
    help: 'All header fields of a request; above it 431',
  },
  maxHeaders: {
    kind: 'count',
    default: 100,
    min: 1,
    max: 2000,
    group: 'Size limits',
    help: 'Number of header fields of a request; above it 431',
  },
  maxBodySize: {
    kind: 'bytes',
    default: 10 * MIB,
    group: 'Size limits',
    help: 'Body of a request, decoded; above it 413',
  },
  bodyBuffer: {
    kind: 'bytes',
    default: 64 * KIB,
    max: 16 * MIB,
    group: 'Size limits',
    help: 'Bodies up to this are complete before the application sees the request',
  },
  validate: {
    kind: 'flag',
    default: false,
    group: 'Development',
    help: 'Hold the application to every rule of TSGI; a violation is an error that names the rule',
  },
  shutdownDelay: {
    kind: 'time',
    default: 0,
    group: 'Shutdown',
    help: 'How long a close goes on accepting, for load balancers that are slow to notice; part of shutdownTimeout',
  },
  shutdownTimeout: {
    kind: 'time',
    default: 25 * SECONDS,
    group: 'Shutdown',
    help: 'How long a graceful close may take before what is left is cut',
  },
} as const satisfies Record<string, Row>;

type Table = typeof OPTIONS;
type Resolved<R extends Row> = R['kind'] extends 'text'
  ? string
  : R['kind'] extends 'flag'
    ? boolean
    : number;
type Given<R extends Row> = R['kind'] extends 'flag'
  ? boolean
  : R['kind'] extends 'threads'
    ? number | 'auto'
    : R['kind'] extends 'count'
      ? number
      : R['kind'] extends 'text'
        ? string
        : number | string;

export type OptionName = keyof Table;

/** What a program may give: sizes as bytes or '10MiB', times as milliseconds or '30s'. All optional. */
export type Options = { readonly [Name in OptionName]?: Given<Table[Name]> | undefined };

/** Every option: sizes in bytes, times in milliseconds. */
export type ResolvedOptions = { readonly [Name in OptionName]: Resolved<Table[Name]> };

const NAMES = Object.keys(OPTIONS) as OptionName[];

export function rowOf(name: OptionName): Row {
  return OPTIONS[name];
}

/** `maxBodySize` → `--max-body-size`. */
export function flagOf(name: OptionName): string {
  return `--${name.replace(/[A-Z]/g, (letter) => `-${letter.toLowerCase()}`)}`;
}

/** `maxBodySize` → `TSGI_MAX_BODY_SIZE`. */
export function variableOf(name: OptionName): string {
  return `TSGI_${name.replace(/[A-Z]/g, (letter) => `_${letter}`).toUpperCase()}`;
}

/** A default as a person writes it: `10MiB`, `30s`. */
export function showDefault(name: OptionName): string {
  const row = rowOf(name);
  return typeof row.default === 'number' ? showNumber(row.kind, row.default) : String(row.default);
}

/** A resolved value as a person writes it, with its flag: `maxBodySize 10MiB (--max-body-size)`. */
export function showOption(name: OptionName, value: OptionValue): string {
  const shown = typeof value === 'number' ? showNumber(rowOf(name).kind, value) : String(value);
  return `${name} ${shown} (${flagOf(name)})`;
}

type Environment = Readonly<Record<string, string | undefined>>;

/**
 * Fills in environment and defaults.
 *
 * @throws OptionError TSGI_ERR_OPTION that names the option, its value and what is allowed
 */
export function resolveOptions(given: Readonly<Record<string, unknown>>, env: Environment): ResolvedOptions {
  for (const name of Object.keys(given)) if (!(name in OPTIONS)) throw unknownOption(name);
  const resolved: Record<string, OptionValue> = {};
  for (const name of NAMES) resolved[name] = resolveOne(name, given[name], env);
  return resolved as unknown as ResolvedOptions;
}

function resolveOne(name: OptionName, given: unknown, env: Environment): OptionValue {
  if (given !== undefined) return parse(name, given, flagOf(name));
  const row = rowOf(name);
  const variables = row.env === undefined ? [variableOf(name)] : [variableOf(name), row.env];
  const variable = variables.find((candidate) => env[candidate] !== undefined && env[candidate] !== '');
  if (variable !== undefined) return parse(name, env[variable], variable);
  // A platform that gives PORT routes to it from outside.
  if (name === 'host' && env.PORT !== undefined && env.PORT !== '') return '0.0.0.0';
  return row.kind === 'threads' ? detectThreads().threads : row.default;
}

/** @param source how the user may have called it: a flag, a variable */
function parse(name: OptionName, value: unknown, source: string): OptionValue {
  const row = rowOf(name);
  if (row.kind === 'text') {
    if (typeof value === 'string' && value !== '') return value;
    throw badValue(name, source, value, 'a text');
  }
  if (row.kind === 'flag') {
    const flag = FLAGS.get(value);
    if (flag !== undefined) return flag;
    throw badValue(name, source, value, 'true or false');
  }
  if (row.kind === 'threads' && value === 'auto') return detectThreads().threads;
  const number = typeof value === 'number' ? value : parseNumber(row.kind, value);
  const { min = 0, max = row.kind === 'time' ? 24 * HOURS : Number.MAX_SAFE_INTEGER } = row;
  if (Number.isSafeInteger(number) && number >= min && number <= max) return number;
  throw badValue(name, source, value, allowed(row.kind, min, max));
}

const FLAGS: ReadonlyMap<unknown, boolean> = new Map<unknown, boolean>([
  [true, true],
  ['true', true],
  ['1', true],
  [false, false],
  ['false', false],
  ['0', false],
]);

const UNITS: Record<Kind, Readonly<Record<string, number>>> = {
  count: { '': 1 },
  threads: { '': 1 },
  text: {},
  flag: {},
  bytes: {
    '': 1,
    b: 1,
    kb: 1000,
    mb: 1_000_000,
    gb: 1_000_000_000,
    kib: KIB,
    k: KIB,
    mib: MIB,
    m: MIB,
    gib: KIB * MIB,
    g: KIB * MIB,
  },
  time: { '': MS, ms: MS, s: SECONDS, m: MINUTES, min: MINUTES, h: HOURS },
};

function parseNumber(kind: Kind, value: unknown): number {
  const match = /^\s*(\d+(?:\.\d+)?)\s*([a-z]*)\s*$/i.exec(String(value));
  const unit = match === null ? undefined : UNITS[kind][match[2]!.toLowerCase()];
  return unit === undefined ? Number.NaN : Number(match![1]) * unit;
}

function allowed(kind: Kind, min: number, max: number): string {
  const top = max === Number.MAX_SAFE_INTEGER ? ' or more' : ` to ${showNumber(kind, max)}`;
  const what = {
    bytes: 'a size such as 10MiB',
    time: 'a time such as 30s',
    count: 'a whole number',
    threads: "'auto' or a whole number",
    text: 'a text',
    flag: 'true or false',
  }[kind];
  return `${what}, ${showNumber(kind, min)}${top}`;
}

function showNumber(kind: Kind, value: number): string {
  if (kind === 'time') return value % SECONDS === 0 ? `${value / SECONDS}s` : `${value}ms`;
  if (kind !== 'bytes') return String(value);
  if (value > 0 && value % MIB === 0) return `${value / MIB}MiB`;
  return value > 0 && value % KIB === 0 ? `${value / KIB}KiB` : `${value}B`;
}

function badValue(name: OptionName, source: string, value: unknown, what: string): OptionError {
  const shown = JSON.stringify(value) ?? String(value);
  return new OptionError(
    'TSGI_ERR_OPTION',
    `Option ${name} (${source}) is invalid: ${shown}; it takes ${what}`,
  );
}

function unknownOption(name: string): OptionError {
  const nearest = nearestOf(name, NAMES);
  const hint = nearest === undefined ? 'see the options in docs/options.md' : `did you mean ${nearest}?`;
  return new OptionError('TSGI_ERR_OPTION', `Unknown option ${name}: ${hint}`);
}

/**
 * The one table of options, and the types that follow from it. From it come the defaults, the environment variables, the
 * command line with its help (`cli/`) and docs/options.md (`scripts/docs.js`).
 *
 * Law: an option exists here or nowhere. Data and types only.
 */
export const MS = 1;
export const SECONDS = 1000 * MS;
export const MINUTES = 60 * SECONDS;
export const HOURS = 60 * MINUTES;
export const KIB = 1024;
export const MIB = 1024 * KIB;

export type OptionKind = 'count' | 'bytes' | 'time' | 'text' | 'threads' | 'flag' | 'choice' | 'list';
type Group = 'Listening' | 'Workers' | 'Development' | 'Time limits' | 'Size limits' | 'Queue' | 'Shutdown';

export type OptionValue = number | string | boolean | readonly string[];

export interface Row {
  readonly kind: OptionKind;
  /** Bytes, milliseconds, a count, text, texts, or for a flag whether it is on ('auto': as the help says). */
  readonly default: OptionValue;
  readonly group: Group;
  /** One sentence, no full stop. */
  readonly help: string;
  readonly min?: number;
  readonly max?: number;
  /** A variable besides TSGI_<NAME>; false: there is none at all. */
  readonly env?: string | false;
  /** What a choice is made of. */
  readonly choices?: readonly string[];
  /** What the value, or one of a list, is called in --help. */
  readonly item?: string;
  /** What a text must look like, and how that is said. */
  readonly pattern?: RegExp;
  readonly looks?: string;
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
    help: 'Address to listen on; 0.0.0.0 when only PORT is set in the environment. A program that listens by itself keeps its own port and host unless an option or a TSGI_ variable sets them',
  },
  backlog: {
    kind: 'count',
    default: 1024,
    min: 1,
    max: 65_535,
    group: 'Listening',
    help: 'Connections the kernel may hold before they are accepted',
  },
  maxConnections: {
    kind: 'count',
    default: 10_000,
    min: 1,
    group: 'Listening',
    help: 'Open connections; from 90 % on each new one closes the one that is idle for longest, above it new ones are answered 503',
  },
  threads: {
    kind: 'threads',
    default: 'auto',
    max: 64,
    group: 'Workers',
    help: 'Worker threads; auto is one a core, 0 runs the application in the main thread',
  },
  interface: {
    kind: 'choice',
    default: 'auto',
    choices: ['auto', 'tsgi', 'fetch', 'node'],
    group: 'Workers',
    help: 'How the application is called: auto, tsgi, fetch or node; auto goes by what it exports',
  },
  import: {
    kind: 'list',
    default: [],
    item: 'module',
    group: 'Workers',
    help: 'Module that every worker loads before the application; may be given more than once, in the variable with commas',
  },
  cacheDir: {
    kind: 'text',
    default: '',
    item: 'folder',
    group: 'Workers',
    help: 'Folder for compiled TypeScript. Default: the node_modules/.cache of the application if only this user can write it, otherwise a private folder for temporary files',
  },
  affinity: {
    kind: 'text',
    default: '',
    item: 'key',
    pattern: /^(?:(?:query|cookie|header):[!#$%&'*+.^_`|~\w-]+|path:[1-9]\d?|address)$/,
    looks:
      'query:NAME, cookie:NAME or header:NAME; path:N, a segment of the path (1 to 99); or address, that of the client',
    group: 'Workers',
    help: 'Requests with the same key go to the same worker; the key is query:NAME, cookie:NAME, header:NAME, path:N (the Nth segment of the path) or address (the client’s)',
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
  maxZombies: {
    kind: 'count',
    default: 4,
    group: 'Workers',
    help: 'Killed threads that have not ended, because they are in native calls; above it the process is replaced, or closed',
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
    // Offsets in it are 31 bits.
    max: 2 * KIB * MIB,
    group: 'Queue',
    help: 'Memory for requests that wait for a worker, and for bodies that have not come whole; above it 503',
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
    help: 'How long a client may take to send a request head; then 408. Without this option, the server object of a program may set the limit',
  },
  requestTimeout: {
    kind: 'time',
    default: 5 * MINUTES,
    group: 'Time limits',
    help: 'Time for a client to send a whole request, head and body; then 408; 0 disables the limit. Without this option, the server object of a program may set the limit',
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
    help: 'How long an idle connection is kept. Without this option, the server object of a program may set the limit',
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
    help: 'Number of header fields of a request; above it 431. Without this option, maxHeadersCount of a server object of the program may set the limit',
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
    help: 'Bodies up to this are complete before a TSGI or fetch application is called; a Node listener is called at the head',
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
  drainSockets: {
    kind: 'time',
    default: 10 * SECONDS,
    group: 'Shutdown',
    help: 'How long a worker that ends waits for the connections its application has taken over, WebSockets above all; within shutdownTimeout',
  },
  shutdownTimeout: {
    kind: 'time',
    default: 25 * SECONDS,
    group: 'Shutdown',
    help: 'How long a graceful close may take before what is left is cut',
  },
} as const satisfies Record<string, Row>;

/** Of the command line only; a program that calls `createServer` has ways of its own. */
export const COMMAND_OPTIONS = {
  envFile: {
    kind: 'list',
    default: [],
    item: 'file',
    env: false,
    group: 'Workers',
    help: 'File of environment variables, read once at the start; may be given more than once, the last wins, and what is set already wins over all',
  },
  watch: {
    kind: 'flag',
    default: false,
    group: 'Development',
    help: 'Load the application anew when a file it is made of changes; shows what is wrong in the browser',
  },
  supervise: {
    kind: 'flag',
    default: 'auto',
    group: 'Workers',
    help: 'Serve from a child process that is started again when it dies; off with --watch, --threads 0 and under a debugger',
  },
  watchdogTimeout: {
    kind: 'time',
    default: 5 * SECONDS,
    group: 'Time limits',
    help: 'How long the event loop of the supervised process may stand still before the process is killed and started again; 0 disables the watchdog',
  },
} as const satisfies Record<string, Row>;

type Table = typeof OPTIONS;
interface ResolvedKinds<R extends Row> {
  readonly count: number;
  readonly bytes: number;
  readonly time: number;
  readonly text: string;
  readonly threads: number;
  readonly flag: boolean;
  readonly choice: R extends { readonly choices: readonly (infer Choice)[] } ? Choice : never;
  readonly list: readonly string[];
}
type Resolved<R extends Row> = ResolvedKinds<R>[R['kind']];
interface GivenKinds<R extends Row> extends Omit<ResolvedKinds<R>, 'bytes' | 'time' | 'threads' | 'list'> {
  readonly bytes: number | string;
  readonly time: number | string;
  readonly threads: number | 'auto';
  readonly list: string | readonly string[];
}
type Given<R extends Row> = GivenKinds<R>[R['kind']];

export type OptionName = keyof Table;
export type CommandOptionName = keyof typeof COMMAND_OPTIONS;

/** What a program may give: sizes as bytes or '10MiB', times as milliseconds or '30s', a list of one as itself. All optional. */
export type Options = { readonly [Name in OptionName]?: Given<Table[Name]> | undefined };

/** Every option: sizes in bytes, times in milliseconds. */
export type ResolvedOptions = { readonly [Name in OptionName]: Resolved<Table[Name]> };

/** What the command line goes by once it runs; 'auto' where nobody decided. */
export interface CommandOptions {
  readonly supervise: boolean | 'auto';
  readonly watch: boolean;
  /** Milliseconds; 0: none. */
  readonly watchdogTimeout: number;
}

/**
 * The table of options. It determines the defaults, the environment variables, the flags with their help (`cli/`), the type
 * `Options` (`options.ts`) and docs/reference/options.md. `scripts/docs.js` writes the last two.
 *
 * Law: data and the types that follow from it. Every option of the server and of the command line has its row here.
 */
import { type Bytes, GIB, KIB, MIB, type Milliseconds, MINUTES, SECONDS } from '../units.ts';

export type OptionKind = 'count' | 'bytes' | 'time' | 'text' | 'threads' | 'flag' | 'choice' | 'list';
type Group = 'Listening' | 'Workers' | 'Development' | 'Time limits' | 'Size limits' | 'Queue' | 'Shutdown';

export type OptionValue = number | string | boolean | readonly string[];

export interface Row {
  readonly kind: OptionKind;
  /** Unit: bytes, milliseconds, a count, or text. A flag is a boolean, or `auto` if the server chooses as `help` explains. */
  readonly default: OptionValue;
  readonly group: Group;
  /** Sentences. The first one begins with a noun or an imperative. */
  readonly help: string;
  /** Help of `--no-<flag>`, for a flag that is on by default. */
  readonly helpOff?: string;
  /** Default: 0. */
  readonly min?: number;
  /** Default: 24 hours for a time, otherwise the largest safe integer. */
  readonly max?: number;
  /** A second variable besides TSGI_<NAME>. False: the option has no variable. */
  readonly env?: string | false;
  /** The values of a choice. */
  readonly choices?: readonly string[];
  /** The name of the value, or of one value of a list, in --help. */
  readonly item?: string;
  /** What a text must match. `looks` describes it in errors. */
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
    help: 'TCP port to listen on. 0 picks a free port.',
  },
  host: {
    kind: 'text',
    default: '127.0.0.1',
    group: 'Listening',
    help: 'Address to listen on. If the environment sets only PORT, the default is 0.0.0.0. A program that listens by itself keeps its own host and port unless an option or a TSGI_ variable sets them.',
  },
  backlog: {
    kind: 'count',
    default: 1024,
    min: 1,
    max: 65_535,
    group: 'Listening',
    help: 'Connections that the kernel may queue before the server accepts them.',
  },
  maxConnections: {
    kind: 'count',
    default: 10_000,
    min: 1,
    group: 'Listening',
    help: 'Open connections. From 90 % on, each new connection closes the connection that has been idle longest. Above the limit, the server answers new connections with 503.',
  },
  threads: {
    kind: 'threads',
    default: 'auto',
    max: 64,
    group: 'Workers',
    help: 'Worker threads. auto starts one worker per core. 0 runs the application in the main thread.',
  },
  interface: {
    kind: 'choice',
    default: 'auto',
    choices: ['auto', 'tsgi', 'fetch', 'node'],
    group: 'Workers',
    help: 'Interface of the application: auto, tsgi, fetch or node. auto chooses by the exports of the application.',
  },
  import: {
    kind: 'list',
    default: [],
    item: 'module',
    group: 'Workers',
    help: 'Module that every worker loads before the application. Repeat the flag for several modules, or separate them by commas in the variable.',
  },
  cacheDir: {
    kind: 'text',
    default: '',
    item: 'folder',
    group: 'Workers',
    help: 'Folder for compiled TypeScript. Default: node_modules/.cache of the application if only this user can write it, otherwise a private folder for temporary files.',
  },
  affinity: {
    kind: 'text',
    default: '',
    item: 'key',
    pattern: /^(?:(?:query|cookie|header):[!#$%&'*+.^_`|~\w-]+|path:[1-9]\d?|address)$/,
    looks:
      'query:NAME, cookie:NAME or header:NAME; path:N, a segment of the path (1 to 99); or address, the address of the client',
    group: 'Workers',
    help: 'Key that selects the worker: requests with the same key go to the same worker. The key is query:NAME, cookie:NAME, header:NAME, path:N (segment N of the path) or address (the client’s address).',
  },
  concurrency: {
    kind: 'count',
    default: 64,
    min: 1,
    group: 'Workers',
    help: 'Requests that a worker may hold before their responses begin.',
  },
  maxStreams: {
    kind: 'count',
    default: 10_000,
    min: 1,
    group: 'Workers',
    help: 'Requests that a worker may hold in all, including requests whose responses have begun.',
  },
  maxRequests: {
    kind: 'count',
    default: 0,
    group: 'Workers',
    help: 'Requests after which a worker is recycled, varied by 10 %. 0 disables the limit.',
  },
  maxLifetime: {
    kind: 'time',
    default: 0,
    group: 'Workers',
    help: 'Time after which a worker is recycled, varied by 10 %. 0 disables the limit.',
  },
  maxWorkerMemory: {
    kind: 'bytes',
    default: 0,
    group: 'Workers',
    help: 'Heap and external memory above which a worker is recycled. 0 disables the limit.',
  },
  maxZombies: {
    kind: 'count',
    default: 4,
    group: 'Workers',
    help: 'Terminated threads that may still run because they are in native calls. Above the limit, the supervisor replaces the process. Without a supervisor, the server closes.',
  },
  maxPending: {
    kind: 'count',
    default: 1024,
    min: 1,
    max: 32_768,
    group: 'Queue',
    help: 'Requests that may wait for a worker. Above the limit, the server answers with 503.',
  },
  pendingTimeout: {
    kind: 'time',
    default: 10 * SECONDS,
    min: 1,
    group: 'Queue',
    help: 'Time that a request may wait for a worker. After it, the server answers with 503.',
  },
  maxBuffered: {
    kind: 'bytes',
    default: 64 * MIB,
    min: MIB,
    // Offsets in the slab have 31 bits.
    max: 2 * GIB,
    group: 'Queue',
    help: 'Memory for waiting requests and incomplete bodies. Above the limit, the server answers with 503.',
  },
  bootTimeout: {
    kind: 'time',
    default: 60 * SECONDS,
    min: 1,
    group: 'Time limits',
    help: 'Time for the application to load.',
  },
  handlerTimeout: {
    kind: 'time',
    default: 30 * SECONDS,
    group: 'Time limits',
    help: 'Time for the application to begin its response. After it, the server answers with 504. 0 disables the limit.',
  },
  killGrace: {
    kind: 'time',
    default: 1 * SECONDS,
    group: 'Time limits',
    help: 'Time between a 504 and the termination of a worker whose event loop is blocked.',
  },
  headersTimeout: {
    kind: 'time',
    default: 15 * SECONDS,
    min: 1,
    group: 'Time limits',
    help: 'Time for a client to send a request head. After it, the server answers with 408. Without this option, the server object of a program may set the limit.',
  },
  requestTimeout: {
    kind: 'time',
    default: 5 * MINUTES,
    group: 'Time limits',
    help: 'Time for a client to send a whole request, head and body. After it, the server answers with 408. 0 disables the limit. Without this option, the server object of a program may set the limit.',
  },
  bodyTimeout: {
    kind: 'time',
    default: 30 * SECONDS,
    group: 'Time limits',
    help: 'Time that a client may send nothing within a body. After it, the server answers with 408. 0 disables the limit.',
  },
  minBodyRate: {
    kind: 'count',
    default: 500,
    group: 'Time limits',
    help: 'Average bytes per second that a body must reach after 5 s. Below the limit, the server answers with 408. 0 disables the limit.',
  },
  writeTimeout: {
    kind: 'time',
    default: 60 * SECONDS,
    group: 'Time limits',
    help: 'Time that a client may read nothing of a response. After it, the server resets the connection. 0 disables the limit.',
  },
  keepAliveTimeout: {
    kind: 'time',
    default: 75 * SECONDS,
    min: 1,
    group: 'Time limits',
    help: 'Time after which the server closes an idle connection. Without this option, the server object of a program may set the limit.',
  },
  maxRequestLine: {
    kind: 'bytes',
    default: 8 * KIB,
    min: 64,
    max: MIB,
    group: 'Size limits',
    help: 'Bytes of method, target and version. Above the limit, the server answers with 414.',
  },
  maxHeaderSize: {
    kind: 'bytes',
    default: 32 * KIB,
    min: 256,
    max: MIB,
    group: 'Size limits',
    help: 'Bytes of all header fields of a request. Above the limit, the server answers with 431.',
  },
  maxHeaders: {
    kind: 'count',
    default: 100,
    min: 1,
    max: 2000,
    group: 'Size limits',
    help: 'Number of header fields of a request. Above the limit, the server answers with 431. Without this option, maxHeadersCount of the program’s server object may set the limit.',
  },
  maxBodySize: {
    kind: 'bytes',
    default: 10 * MIB,
    group: 'Size limits',
    help: 'Bytes of a request body after decoding. Above the limit, the server answers with 413.',
  },
  bodyBuffer: {
    kind: 'bytes',
    default: 64 * KIB,
    max: 16 * MIB,
    group: 'Size limits',
    help: 'Largest body that a TSGI or fetch application receives complete when it is called. A Node listener is called at the head.',
  },
  validate: {
    kind: 'flag',
    default: false,
    group: 'Development',
    help: 'Check every rule of TSGI. A violation is an error that names the rule.',
  },
  shutdownDelay: {
    kind: 'time',
    default: 0,
    group: 'Shutdown',
    help: 'Time that a closing server still accepts connections, for load balancers that react slowly. Counts toward shutdownTimeout.',
  },
  drainSockets: {
    kind: 'time',
    default: 10 * SECONDS,
    group: 'Shutdown',
    help: 'Time that an ending worker waits for connections that its application took over, such as WebSockets. Counts toward shutdownTimeout.',
  },
  shutdownTimeout: {
    kind: 'time',
    default: 25 * SECONDS,
    group: 'Shutdown',
    help: 'Time for a graceful shutdown. After it, the server cuts the remaining connections.',
  },
} as const satisfies Record<string, Row>;

/** Options that only the command line has. */
export const COMMAND_OPTIONS = {
  envFile: {
    kind: 'list',
    default: [],
    item: 'file',
    env: false,
    group: 'Workers',
    help: 'File of environment variables, read once at the start. Repeat the flag for several files: a later file overrides an earlier one. Variables that are already set override all files.',
  },
  watch: {
    kind: 'flag',
    default: false,
    group: 'Development',
    help: 'Reload the application when one of its files changes. The browser shows errors.',
  },
  supervise: {
    kind: 'flag',
    default: 'auto',
    group: 'Workers',
    help: 'Serve from a child process that a supervisor restarts when it dies. Off with --watch, --threads 0 and under a debugger.',
    helpOff: 'Serve without a supervisor process.',
  },
  watchdogTimeout: {
    kind: 'time',
    default: 5 * SECONDS,
    group: 'Time limits',
    help: 'Time that the event loop of the supervised process may block. After it, the supervisor kills and restarts the process. 0 disables the watchdog.',
  },
} as const satisfies Record<string, Row>;

interface ResolvedKinds<R extends Row> {
  readonly count: number;
  readonly bytes: Bytes;
  readonly time: Milliseconds;
  readonly text: string;
  readonly threads: number;
  readonly flag: boolean;
  readonly choice: R extends { readonly choices: readonly (infer Choice)[] } ? Choice : never;
  readonly list: readonly string[];
}
type Resolved<R extends Row> = ResolvedKinds<R>[R['kind']];

export type OptionName = keyof typeof OPTIONS;
export type CommandOptionName = keyof typeof COMMAND_OPTIONS;

/** Every option with its value: sizes in bytes, times in milliseconds. */
export type ResolvedOptions = { readonly [Name in OptionName]: Resolved<(typeof OPTIONS)[Name]> };

/** Resolved options of the command line. `auto`: no flag and no variable decides. */
export interface CommandOptions {
  readonly supervise: boolean | 'auto';
  readonly watch: boolean;
  /** 0 disables the watchdog. */
  readonly watchdogTimeout: Milliseconds;
}

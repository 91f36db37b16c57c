/**
 * The options of a server, as a program gives them.
 *
 * Law: `npm run docs` writes this file from `table.ts`. Change the table.
 */
import type { Duration, Size } from '../units.ts';

export interface Options {
  /**
   * TCP port to listen on. 0 picks a free port.
   *
   * @default 8000
   */
  readonly port?: number | undefined;
  /**
   * Address to listen on. If the environment sets only PORT, the default is 0.0.0.0. A program that listens by
   * itself keeps its own host and port unless an option or a TSGI_ variable sets them.
   *
   * @default '127.0.0.1'
   */
  readonly host?: string | undefined;
  /**
   * Connections that the kernel may queue before the server accepts them.
   *
   * @default 1024
   */
  readonly backlog?: number | undefined;
  /**
   * Open connections. From 90 % on, each new connection closes the connection that has been idle longest. Above
   * the limit, the server answers new connections with 503.
   *
   * @default 10000
   */
  readonly maxConnections?: number | undefined;
  /**
   * Worker threads. auto starts one worker per core. 0 runs the application in the main thread.
   *
   * @default 'auto'
   */
  readonly threads?: number | 'auto' | undefined;
  /**
   * Interface of the application: auto, tsgi, fetch or node. auto chooses by the exports of the application.
   *
   * @default 'auto'
   */
  readonly interface?: 'auto' | 'tsgi' | 'fetch' | 'node' | undefined;
  /**
   * Module that every worker loads before the application. Repeat the flag for several modules, or separate them
   * by commas in the variable.
   *
   * @default []
   */
  readonly import?: string | readonly string[] | undefined;
  /**
   * Folder for compiled TypeScript. Default: node_modules/.cache of the application if only this user can write
   * it, otherwise a private folder for temporary files.
   */
  readonly cacheDir?: string | undefined;
  /**
   * Key that selects the worker: requests with the same key go to the same worker. The key is query:NAME,
   * cookie:NAME, header:NAME, path:N (segment N of the path) or address (the client’s address).
   */
  readonly affinity?: string | undefined;
  /**
   * Requests that a worker may hold before their responses begin.
   *
   * @default 64
   */
  readonly concurrency?: number | undefined;
  /**
   * Requests that a worker may hold in all, including requests whose responses have begun.
   *
   * @default 10000
   */
  readonly maxStreams?: number | undefined;
  /**
   * Requests after which a worker is recycled, varied by 10 %. 0 disables the limit.
   *
   * @default 0
   */
  readonly maxRequests?: number | undefined;
  /**
   * Time after which a worker is recycled, varied by 10 %. 0 disables the limit.
   *
   * @default 0
   */
  readonly maxLifetime?: Duration | undefined;
  /**
   * Heap and external memory above which a worker is recycled. 0 disables the limit.
   *
   * @default 0
   */
  readonly maxWorkerMemory?: Size | undefined;
  /**
   * Terminated threads that may still run because they are in native calls. Above the limit, the supervisor
   * replaces the process. Without a supervisor, the server closes.
   *
   * @default 4
   */
  readonly maxZombies?: number | undefined;
  /**
   * Requests that may wait for a worker. Above the limit, the server answers with 503.
   *
   * @default 1024
   */
  readonly maxPending?: number | undefined;
  /**
   * Time that a request may wait for a worker. After it, the server answers with 503.
   *
   * @default '10s'
   */
  readonly pendingTimeout?: Duration | undefined;
  /**
   * Memory for waiting requests and incomplete bodies. Above the limit, the server answers with 503.
   *
   * @default '64MiB'
   */
  readonly maxBuffered?: Size | undefined;
  /**
   * Time for the application to load.
   *
   * @default '60s'
   */
  readonly bootTimeout?: Duration | undefined;
  /**
   * Time for the application to begin its response. After it, the server answers with 504. 0 disables the limit.
   *
   * @default '30s'
   */
  readonly handlerTimeout?: Duration | undefined;
  /**
   * Time between a 504 and the termination of a worker whose event loop is blocked.
   *
   * @default '1s'
   */
  readonly killGrace?: Duration | undefined;
  /**
   * Time for a client to send a request head. After it, the server answers with 408. Without this option, the
   * server object of a program may set the limit.
   *
   * @default '15s'
   */
  readonly headersTimeout?: Duration | undefined;
  /**
   * Time for a client to send a whole request, head and body. After it, the server answers with 408. 0 disables
   * the limit. Without this option, the server object of a program may set the limit.
   *
   * @default '300s'
   */
  readonly requestTimeout?: Duration | undefined;
  /**
   * Time that a client may send nothing within a body. After it, the server answers with 408. 0 disables the
   * limit.
   *
   * @default '30s'
   */
  readonly bodyTimeout?: Duration | undefined;
  /**
   * Average bytes per second that a body must reach after 5 s. Below the limit, the server answers with 408. 0
   * disables the limit.
   *
   * @default 500
   */
  readonly minBodyRate?: number | undefined;
  /**
   * Time that a client may read nothing of a response. After it, the server resets the connection. 0 disables the
   * limit.
   *
   * @default '60s'
   */
  readonly writeTimeout?: Duration | undefined;
  /**
   * Time after which the server closes an idle connection. Without this option, the server object of a program may
   * set the limit.
   *
   * @default '75s'
   */
  readonly keepAliveTimeout?: Duration | undefined;
  /**
   * Bytes of method, target and version. Above the limit, the server answers with 414.
   *
   * @default '8KiB'
   */
  readonly maxRequestLine?: Size | undefined;
  /**
   * Bytes of all header fields of a request. Above the limit, the server answers with 431.
   *
   * @default '32KiB'
   */
  readonly maxHeaderSize?: Size | undefined;
  /**
   * Number of header fields of a request. Above the limit, the server answers with 431. Without this option,
   * maxHeadersCount of the program’s server object may set the limit.
   *
   * @default 100
   */
  readonly maxHeaders?: number | undefined;
  /**
   * Bytes of a request body after decoding. Above the limit, the server answers with 413.
   *
   * @default '10MiB'
   */
  readonly maxBodySize?: Size | undefined;
  /**
   * Largest body that a TSGI or fetch application receives complete when it is called. A Node listener is called
   * at the head.
   *
   * @default '64KiB'
   */
  readonly bodyBuffer?: Size | undefined;
  /**
   * Check every rule of TSGI. A violation is an error that names the rule.
   *
   * @default false
   */
  readonly validate?: boolean | undefined;
  /**
   * Time that a closing server still accepts connections, for load balancers that react slowly. Counts toward
   * shutdownTimeout.
   *
   * @default 0
   */
  readonly shutdownDelay?: Duration | undefined;
  /**
   * Time that an ending worker waits for connections that its application took over, such as WebSockets. Counts
   * toward shutdownTimeout.
   *
   * @default '10s'
   */
  readonly drainSockets?: Duration | undefined;
  /**
   * Time for a graceful shutdown. After it, the server cuts the remaining connections.
   *
   * @default '25s'
   */
  readonly shutdownTimeout?: Duration | undefined;
}

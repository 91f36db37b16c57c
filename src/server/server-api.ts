/**
 * The types of the programming interface of a server.
 *
 * Law: types only. `server.ts` implements them.
 */
import type { AcceptorStats } from '../acceptor/acceptor-api.ts';
import type { LiveSettings } from '../acceptor/connection/live-settings.ts';
import type { Journal } from '../journal.ts';
import type { Binder, ListenOptions } from './listening.ts';
import type { Logger } from './logger.ts';
import type { Options } from '../options/options.ts';
import type { Application } from '../tsgi/types.ts';

export type { Binder, ListenOptions };

/** The options of `createServer`. A property that is undefined counts as missing. */
export interface ServerOptions extends Options {
  /**
   * The application. One of:
   *
   * - The path of its file, with or without `:export`. A relative path is resolved against the working directory, then
   *   against the folder of the file that calls `createServer`.
   * - A `file:` URL, as a string or a `URL`.
   * - With `threads: 0`, the application itself: a TSGI application, a fetch handler, a Node listener or a framework's
   *   object.
   */
  readonly app: string | URL | Application | object;
  /**
   * The arguments of a program. It finds them in `process.argv` after its path.
   *
   * @default []
   */
  readonly args?: readonly string[] | undefined;
  /**
   * Receives the server's log lines, including errors of the application.
   *
   * @default errors and warnings to standard error
   */
  readonly logger?: Logger | undefined;
}

export interface ServerStats extends AcceptorStats {
  /** Worker threads that serve. */
  readonly workers: number;
  /** Terminated threads that have not ended. */
  readonly zombies: number;
}

export interface WorkerExit {
  readonly slot: number;
  readonly threadId: number;
  readonly code: number;
  /** Whether the server ended the worker. */
  readonly planned: boolean;
}

/** Settings that only the command line and `node:http` use. */
export interface CommandParts {
  /** A relative path of the application is also resolved against this folder. */
  readonly callerFolder?: string | undefined;
  readonly binder?: Binder | undefined;
  /** The settings of a `node:http` server in the application. They may change while the server runs. */
  readonly live?: LiveSettings | undefined;
  /**
   * Creates the journal of the requests in flight, which a supervisor reads. Receives the prefix of this server's request
   * ids.
   */
  readonly makeJournal?: ((requestIdPrefix: string) => Journal) | undefined;
  /** Called when the program listens for these signals. */
  readonly onSignals?: (names: readonly NodeJS.Signals[]) => void;
  /** The process has no other work than this server. Default: false. */
  readonly ownsProcess?: boolean;
  /** Start without the application, and show this problem instead. */
  readonly problem?: string;
  /** The application is loaded again when one of its files changes. */
  readonly watch?: boolean;
}

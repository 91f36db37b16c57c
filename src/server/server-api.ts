/**
 * What a program says to a server and hears from it.
 *
 * Law: types only; `server.ts` fulfils them.
 */
import type { AcceptorStats } from '../acceptor/acceptor-api.ts';
import type { LiveSettings } from '../acceptor/connection/live-settings.ts';
import type { Journal } from '../journal.ts';
import type { Binder, ListenOptions } from './listening.ts';
import type { Logger } from './logger.ts';
import type { Options } from '../options/options.ts';
import type { Application } from '../tsgi/types.ts';

export type { Binder, ListenOptions };

/** What `createServer` takes. A property that is undefined counts as one that is missing. */
export interface ServerOptions extends Options {
  /**
   * The application. One of:
   *
   * - the path of its file, with or without `:export`; a relative path is looked up in the working directory, then in the
   *   folder of the file that calls `createServer`
   * - a `file:` URL, as a string or a `URL`
   * - with `threads: 0`, the application itself: a TSGI application, a fetch handler, a Node listener or a framework's object
   */
  readonly app: string | URL | Application | object;
  /**
   * Arguments of a program, which finds them in `process.argv` after its path.
   *
   * @default []
   */
  readonly args?: readonly string[] | undefined;
  /**
   * Receives the server's log lines, errors of the application included.
   *
   * @default errors and warnings to standard error
   */
  readonly logger?: Logger | undefined;
}

export interface ServerStats extends AcceptorStats {
  /** Worker threads that serve. */
  readonly workers: number;
  /** Threads that were told to end and have not. */
  readonly zombies: number;
}

export interface WorkerExit {
  readonly slot: number;
  readonly threadId: number;
  readonly code: number;
  /** The server meant it. */
  readonly planned: boolean;
}

/** What the command line asks for besides. */
export interface CommandParts {
  /** A relative path of the application is tried against this, too. */
  readonly callerFolder?: string | undefined;
  readonly binder?: Binder | undefined;
  /** What a server of Node's that is served here decides while it runs. */
  readonly live?: LiveSettings | undefined;
  /** Where a supervisor reads what was in flight; made for the prefix of this server's request ids. */
  readonly makeJournal?: ((requestIdPrefix: string) => Journal) | undefined;
  /** The program listens for these signals. */
  readonly onSignals?: (names: readonly NodeJS.Signals[]) => void;
  /** The process has no other work than this server. Default: false. */
  readonly ownsProcess?: boolean;
  /** Start without the application, and show this instead. */
  readonly problem?: string;
  /** The application is loaded anew whenever one of its files changes. */
  readonly watch?: boolean;
}

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
import type { Options } from '../options/table.ts';
import type { Application } from '../tsgi/types.ts';

export type { Binder, ListenOptions };

export interface ServerOptions extends Omit<Options, 'threads'> {
  /**
   * The application: a path (against the working directory, else the folder of the calling file) with or without `:export`, a `file:` URL, or, with
   * `threads: 0` only, the application itself: whatever a file would export, of any interface.
   */
  readonly app: string | URL | Application | object;
  /** What the application, if it is a program of its own, finds in `process.argv` behind its path. */
  readonly args?: readonly string[];
  /** Where errors of the application and of the server go. Default: standard error. */
  readonly logger?: Logger;
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

/**
 * The options of the pool, and the acceptor and the log as the pool uses them.
 *
 * Law: types only.
 */
import type { MessagePort } from 'node:worker_threads';
import type { SharedBuffers } from '../ring/shared.ts';
import type { ServerLimits } from '../server-limits.ts';
import type { Readiness } from '../worker/pool-messages.ts';
import type { CommonTask } from './incarnation.ts';

export type { Readiness };

export interface PoolOptions {
  /** The number of worker threads. 0 runs one worker in the caller's thread. */
  readonly threads: number;
  readonly bootTimeout: number;
  /** Milliseconds after which the pool kills a worker that is closing. */
  readonly shutdownTimeout: number;
  /** Milliseconds after which a worker is recycled. 0 disables the limit. */
  readonly maxLifetime: number;
  readonly shared: SharedBuffers;
  /** Whether a debugger is attached. A debugger may hold a worker while it loads. */
  readonly isDebugged: () => boolean;
  /** The task of the first workers. `reload` replaces it. */
  readonly task: CommonTask;
  readonly application: PoolApplication;
}

/** The application, as the pool uses it. */
export interface PoolApplication {
  /** Called before a thread is started, because a thread needs an existing working directory. */
  enterDirectory(): void;
  /** Returns the task. If the compiled file that it names was deleted, compiles the application again. */
  renew(task: CommonTask): Promise<CommonTask>;
}

/** The clients of a program's servers, by the numbers of their listening places. */
export interface ProgramClients {
  setLimits(place: number, own: Partial<ServerLimits>): void;
  /** Closes connections that no worker serves now. `idleOnly`: only connections without an unanswered request. */
  cutUnserved(place: number, idleOnly: boolean): void;
}

/** The acceptor, as the pool uses it. */
export interface PoolAcceptor extends ProgramClients {
  attach(parts: {
    slot: number;
    index: number;
    responses: SharedArrayBuffer;
    inbound: SharedArrayBuffer;
    port: MessagePort;
  }): void;
  ready(
    slot: number,
    traits: {
      readonly halfOpen: boolean;
      readonly connects: boolean;
      readonly calledAtHead: boolean;
      readonly mayBlock: boolean;
    },
  ): void;
  retire(slot: number): void;
  /** Whether the worker has taken any exchange. */
  hasWorked(slot: number): boolean;
  /** The worker's thread has ended. `why`: how it ended, for the log. */
  detach(slot: number, why: string): void;
  /** No worker serves, and none will for `milliseconds`. */
  suspend(milliseconds: number): void;
}

export interface PoolLog {
  error(text: string): void;
  info(text: string): void;
}

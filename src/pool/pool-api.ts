/**
 * What the pool is made with: its options, and the acceptor and the log as far as it uses them.
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
  /** 0: one worker, in the caller's thread. */
  readonly threads: number;
  readonly bootTimeout: number;
  /** Milliseconds after which a worker that is told to end is cut. */
  readonly shutdownTimeout: number;
  /** Milliseconds after which a worker is recycled; 0: never. */
  readonly maxLifetime: number;
  readonly shared: SharedBuffers;
  /** Whether a debugger is attached, which may hold a worker while it loads. */
  readonly isDebugged: () => boolean;
  /** For the first workers; `reload` brings another. */
  readonly task: CommonTask;
  readonly application: PoolApplication;
}

/** The application, as far as the pool needs it. */
export interface PoolApplication {
  /** Called before a thread is started, which needs a working directory that exists. */
  enterDirectory(): void;
  /** The task, compiled again if the file that it names was deleted. */
  renew(task: CommonTask): Promise<CommonTask>;
}

/** The clients of a program's servers, by the places where those listen. */
export interface ProgramClients {
  setLimits(place: number, own: Partial<ServerLimits>): void;
  /** Cuts those that no worker serves now; `idleOnly`: those that have been answered. */
  cutUnserved(place: number, idleOnly: boolean): void;
}

/** The acceptor, as far as the pool needs it. */
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
  /** Whether the worker has begun any exchange. */
  hasWorked(slot: number): boolean;
  /** Its thread has ended. `why`: how, for the log. */
  detach(slot: number, why: string): void;
  /** No worker serves, and none will for so many milliseconds. */
  suspend(milliseconds: number): void;
}

export interface PoolLog {
  error(text: string): void;
  info(text: string): void;
}

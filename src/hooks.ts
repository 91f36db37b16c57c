/**
 * What an application's file may export beside the application, for the life of its worker.
 *
 * Law: types only. `worker/load.ts` finds them, `worker/main.ts` calls them.
 */

/** The worker that an application lives in. */
export interface WorkerInfo {
  /** A small number of its own among the workers that live now; a later worker may have it again. */
  readonly id: number;
  /** How many workers the server keeps. */
  readonly threads: number;
}

/** Why a worker ends: the server closes, new code is loaded, or this worker has served its time. */
export type ShutdownReason = 'close' | 'reload' | 'recycle';

export interface Hooks {
  /** Awaited before the worker's first request; what it throws is a worker that does not start. */
  readonly init?: (worker: WorkerInfo) => unknown;
  /** Awaited after the worker's last request; what it throws is logged. */
  readonly shutdown?: (reason: ShutdownReason) => unknown;
}

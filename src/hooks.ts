/**
 * What an application's file may export beside the application, for the life of its worker.
 *
 * Law: types only. `worker/load/load.ts` finds them, `worker/main.ts` calls them.
 */
import type { IncomingMessage } from 'node:http';
import type { Environ } from './tsgi/types.ts';

/** A request as an application is given it: environ, Node's, or the web's. */
export type AnyRequest = Environ | IncomingMessage | Request;

/** The worker that an application lives in: given to `init`, and in every environ as `tsgi_threads.worker`. */
export interface WorkerHandle {
  /**
   * Which of the server's workers this is, from 0 to `threads` − 1; also `TSGI_WORKER_INDEX` in its environment. Whoever
   * takes its place has the same, and is there for a moment beside it.
   */
  readonly index: number;
  /** How many workers the server keeps. */
  readonly threads: number;
  /** Asks for this worker to be replaced when its replacement is ready. `why` is logged. */
  recycle(why?: string): void;
  /**
   * The response to this request may begin as late as `milliseconds` from now, if that is later than `handlerTimeout`
   * and earlier calls say. Returns the deadline, ms since the epoch, also as `tsgi.deadline` of an environ; undefined
   * when handlers have no deadline.
   *
   * @param request what the application was called with; of a framework's own, the one of Node's or the web's within
   * @throws OptionError TSGI_ERR_OPTION for no whole number of 0 or more and for what is no request of this worker,
   *   TSGI_ERR_STATE when the request is over
   */
  extendDeadline(request: AnyRequest, milliseconds: number): number | undefined;
}

/** Why a worker ends: the server closes, new code is loaded, or this worker has served its time. */
export type ShutdownReason = 'close' | 'reload' | 'recycle';

export interface Hooks {
  /** Awaited before the worker's first request; what it throws is a worker that does not start. */
  readonly init?: (worker: WorkerHandle) => unknown;
  /**
   * Awaited when the worker is about to end: each of its requests has its response head, and responses that had begun were
   * given 50 ms to end. A stream that only the application can end should end here. If the hook throws, the error is logged.
   */
  readonly shutdown?: (reason: ShutdownReason) => unknown;
}

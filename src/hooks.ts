/**
 * Hooks that an application's file may export beside the application, for the life of its worker.
 *
 * Law: types only. `worker/load/load.ts` finds the hooks, `worker/main.ts` calls them.
 */
import type { IncomingMessage } from 'node:http';
import type { Environ } from './tsgi/types.ts';

/** A request as an application receives it: an environ, a request of Node, or a request of the web. */
export type AnyRequest = Environ | IncomingMessage | Request;

/** The worker of an application. `init` receives it, and every environ has it as `tsgi_threads.worker`. */
export interface WorkerHandle {
  /**
   * The index of this worker in the server, from 0 to `threads` − 1, also `TSGI_WORKER_INDEX` in its environment. A
   * replacement has the same index. Both run at the same time for a moment.
   */
  readonly index: number;
  /** The number of workers that the server keeps. */
  readonly threads: number;
  /** Requests a replacement for this worker. It ends when the replacement is ready. `why` is logged. */
  recycle(why?: string): void;
  /**
   * The response to this request may begin as late as `milliseconds` from now. An earlier deadline, from `handlerTimeout` or
   * a previous call, no longer applies. Returns the deadline in ms since the epoch, which an environ also has as
   * `tsgi.deadline`. Returns undefined if handlers have no deadline.
   *
   * @param request the request with which the application was called; if a framework wraps it, the request of Node or the web
   *   inside
   * @throws OptionError TSGI_ERR_OPTION if `milliseconds` is not a whole number of 0 or more, or if `request` is not a
   *   request of this worker; TSGI_ERR_STATE if the request is over
   */
  extendDeadline(request: AnyRequest, milliseconds: number): number | undefined;
}

/** Why a worker ends: the server closes, new code is loaded, or this worker is recycled. */
export type ShutdownReason = 'close' | 'reload' | 'recycle';

export interface Hooks {
  /** Awaited before the worker's first request. If it throws, the worker does not start. */
  readonly init?: (worker: WorkerHandle) => unknown;
  /**
   * Awaited when the worker is about to end. All of its requests then have a response head, and begun responses had 50 ms to
   * finish. A stream that only the application can end should end here. If the hook throws, the error is logged.
   */
  readonly shutdown?: (reason: ShutdownReason) => unknown;
}

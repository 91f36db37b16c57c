/**
 * The acceptor's options, the events that it reports to the server, and its figures.
 *
 * Law: types only. `acceptor.ts` implements them, and `server.ts` uses them.
 */
import type { Journal } from '../journal.ts';
import type { Blame, LostRequest } from './exchange/blame.ts';
import type { LiveSettings } from './connection/live-settings.ts';
import type { LimitOptions } from './connection/place-limits.ts';
import type { LoopState } from './turn/watchdog.ts';

export interface AcceptorOptions extends LimitOptions {
  readonly maxRequestLine: number;
  readonly maxHeaderSize: number;
  readonly maxPending: number;
  readonly maxConnections: number;
  /** File descriptors that connections and files may use together. */
  readonly descriptors: number;
  readonly maxBuffered: number;
  readonly handlerTimeout: number;
  readonly killGrace: number;
  /** The prefix of every request id of this server. */
  readonly requestIdPrefix: string;
  /** Requests after which a worker is worn, varied by up to 10 % for each worker. 0 disables the limit. */
  readonly maxRequests: number;
  /** Lists the requests in flight. A supervisor reads it after this process has died. */
  readonly journal?: Journal | undefined;
  readonly backlog: number;
  /** The settings of a `node:http` server in the application. They may change while the server runs. */
  readonly live?: LiveSettings | undefined;
  /** The interface of the application, if it is known before a worker loads it: auto, tsgi, fetch or node. */
  readonly interface: string;
  /** Whether a debugger is attached. A debugger may stop a worker, so then no request is late. */
  readonly isDebugged: () => boolean;
  /** The part of a request that holds the key which pins it to a worker. An empty string turns affinity off. */
  readonly affinity: string;
  /** `places`: exchanges without a response head that all workers together may hold. `streams`: open streams in addition. */
  readonly places: number;
  readonly streams: number;
}

/** A request whose deadline has passed. The acceptor has answered it with 504. */
export interface LateRequest {
  /** The slot of the worker that has the request. */
  readonly slot: number;
  /** Method and target of the request. */
  readonly request: string;
  readonly requestId: string;
  /** Milliseconds since the worker took the request, and milliseconds that the request waited before. Accurate to two ticks. */
  readonly age: number;
  readonly queued: number;
  readonly loop: LoopState;
}

export interface AcceptorEvents {
  /** The acceptor answered a request itself, without an application. */
  onRefused(status: number, detail: string, blame: Pick<Blame, 'cause' | 'request'>): void;
  /** A worker has ended, for the reason `why`, and clients still waited for its responses. */
  onLost?(slot: number, lost: readonly LostRequest[], why: string): void;
  /** A worker has answered its maximum number of requests (`maxRequests`). */
  onWorn(slot: number): void;
  onLate(late: LateRequest): void;
  /** A stray write has changed shared memory; `what` names the damaged words. This acceptor cannot continue. Called once. */
  onDamaged(what: string): void;
  /** A worker's event loop has been stuck for too long. The owner should terminate the worker. */
  onStuck(slot: number): void;
}

export interface AcceptorStats {
  readonly connections: number;
  readonly pending: number;
  readonly inFlight: number;
  readonly requests: number;
  readonly refused: number;
  readonly lateRecords: number;
  readonly buffered: number;
  readonly uploads: number;
}

/**
 * What the acceptor is given, what it reports to the hall, and its figures.
 *
 * Law: types only; `acceptor.ts` fulfils them, `server.ts` uses them.
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
  /** Descriptors that connections and files may use together. */
  readonly descriptors: number;
  readonly maxBuffered: number;
  readonly handlerTimeout: number;
  readonly killGrace: number;
  /** What the ids of this server's requests begin with. */
  readonly requestIdPrefix: string;
  /** Requests after which a worker is worn, a tenth more or less; 0: never. */
  readonly maxRequests: number;
  /** Where a supervisor reads what was in flight when this process died. */
  readonly journal?: Journal | undefined;
  readonly backlog: number;
  /** What a server of Node's that is served here decides while it runs. */
  readonly live?: LiveSettings | undefined;
  /** How applications are called, if that is known before they are loaded: auto, tsgi, fetch or node. */
  readonly interface: string;
  /** Whether a debugger is attached, which may hold a worker: then no request is late. */
  readonly isDebugged: () => boolean;
  /** Where a request carries the key that pins it to a worker; '': nowhere. */
  readonly affinity: string;
  /** Exchanges that all workers together may hold without a head; and open streams beside them. */
  readonly places: number;
  readonly streams: number;
}

/** A request whose deadline has passed: it was answered 504. */
export interface LateRequest {
  /** Of the worker that has it. */
  readonly slot: number;
  /** Method and target. */
  readonly request: string;
  readonly requestId: string;
  /** Milliseconds since the worker took it, and those it waited for one before; both to within two ticks. */
  readonly age: number;
  readonly queued: number;
  readonly loop: LoopState;
}

export interface AcceptorEvents {
  /** The acceptor answered itself. */
  onRefused(status: number, detail: string, blame: Pick<Blame, 'cause' | 'request'>): void;
  /** A worker has ended (`why`) with requests whose clients waited. */
  onLost?(slot: number, lost: readonly LostRequest[], why: string): void;
  /** A worker has answered as many requests as it may. */
  onWorn(slot: number): void;
  onLate(late: LateRequest): void;
  /** Shared memory was written over (`what` names the words): this acceptor cannot go on. Called once. */
  onDamaged(what: string): void;
  /** A worker's loop has stood still for too long: it should be terminated. */
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

/**
 * The messages between a supervisor and the serving process, and what the process inherits.
 *
 * Law: types, names and one interval. A change here changes both sides.
 */

/** Set in the environment of the serving process. The process deletes it before any other code can read it. */
export const SUPERVISED = 'TSGI_SUPERVISED';

/** The interval of the beats of a process, ms. `limit`: how long its event loop may stand still, ms. */
export function beatEvery(limit: number): number {
  return Math.min(1000, limit / 4);
}

/** The descriptor of the journal in the serving process. */
export const JOURNAL_FD = 3;

export type FromSupervisor =
  /** Close gracefully. If a graceful close is already under way, end now. */
  | { readonly type: 'close' }
  | { readonly type: 'end'; readonly code: number }
  | { readonly type: 'reload' }
  /** A signal that the server itself does not use. */
  | { readonly type: 'signal'; readonly name: NodeJS.Signals }
  /** The answer to `reserve`, and to `bind`. For `bind`, the socket is attached. */
  | { readonly type: 'bound' }
  /** Code and message of the operating system's error. */
  | { readonly type: 'refused'; readonly code: string | undefined; readonly message: string };

export interface SocketAddressRequest {
  readonly port: number;
  readonly host: string;
  /** True: `::` does not accept IPv4. */
  readonly ipv6Only?: boolean;
}

export type ToSupervisor =
  /** Bind this address, unless an address is already reserved. The process will probably need it. */
  | ({ readonly type: 'reserve' } & SocketAddressRequest)
  /**
   * The process is about to serve and needs the socket of this address. `place`: the number of the listening place. 0 is the
   * reserved one.
   */
  | ({ readonly type: 'bind'; readonly place: number } & SocketAddressRequest)
  | { readonly type: 'ready' }
  /** The event loop turns. `inspector`: the port on which the inspector listens or would listen. */
  | { readonly type: 'beat'; readonly inspector: number }
  /** The program listens for these signals. */
  | { readonly type: 'signals'; readonly names: readonly NodeJS.Signals[] }
  /** The process cannot continue: kill it. */
  | { readonly type: 'broken'; readonly why: string }
  /** The process requests its replacement. */
  | { readonly type: 'replace'; readonly why: string }
  /** The process ends by SIGKILL. `code` is the exit code that it should have. */
  | { readonly type: 'exit'; readonly code: number };

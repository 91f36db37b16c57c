/**
 * What a supervisor and the process it watches say to each other, and what the process is given.
 *
 * Law: types, names and one interval; a change here changes both sides.
 */

/** Set for the process that serves, and taken away by it before anybody else looks. */
export const SUPERVISED = 'TSGI_SUPERVISED';

/** How often a process that may stand still for `limit` ms shows that it does not, ms. */
export function beatEvery(limit: number): number {
  return Math.min(1000, limit / 4);
}

/** The descriptor it is given. */
export const JOURNAL_FD = 3;

export type FromSupervisor =
  /** Close gracefully; or, if it does that already, end now. */
  | { readonly type: 'close' }
  | { readonly type: 'end'; readonly code: number }
  | { readonly type: 'reload' }
  /** A signal that the server does not use. */
  | { readonly type: 'signal'; readonly name: NodeJS.Signals }
  /** The answers to `reserve`, and with the socket, to `bind`. */
  | { readonly type: 'bound' }
  /** Code and message of the operating system's error. */
  | { readonly type: 'refused'; readonly code: string | undefined; readonly message: string };

export interface SocketAddressRequest {
  readonly port: number;
  readonly host: string;
  /** `::` does not accept IPv4 as well. */
  readonly ipv6Only?: boolean;
}

export type ToSupervisor =
  /** Have this address ready, unless there is one already: it is likely to be asked for. */
  | ({ readonly type: 'reserve' } & SocketAddressRequest)
  /** It is about to serve, and wants the socket of this address. `place`: which of those where it listens; 0 is the reserved one. */
  | ({ readonly type: 'bind'; readonly place: number } & SocketAddressRequest)
  | { readonly type: 'ready' }
  /** Its event loop turns. `inspector`: the port on which its inspector listens, or would. */
  | { readonly type: 'beat'; readonly inspector: number }
  /** Its program listens for these signals. */
  | { readonly type: 'signals'; readonly names: readonly NodeJS.Signals[] }
  /** It cannot go on: kill it. */
  | { readonly type: 'broken'; readonly why: string }
  /** Another process should take its place. */
  | { readonly type: 'replace'; readonly why: string }
  /** It ends by SIGKILL, and means this code. */
  | { readonly type: 'exit'; readonly code: number };

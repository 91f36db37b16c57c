/**
 * What a supervisor and the process it watches say to each other, and what the process is given.
 *
 * Law: types and names only; a change here changes both sides.
 */

/** Set for the process that serves, and taken away by it before anybody else looks. */
export const SUPERVISED = 'TSGI_SUPERVISED';

/** Descriptors it is given. */
export const LISTENING_FD = 3;
export const JOURNAL_FD = 4;

export type FromSupervisor =
  /** Close gracefully; or, if it does that already, end now. */
  { readonly type: 'close' } | { readonly type: 'end'; readonly code: number } | { readonly type: 'reload' };

export type ToSupervisor =
  | { readonly type: 'ready' }
  /** Another process should take its place. */
  | { readonly type: 'replace'; readonly why: string }
  /** It ends by SIGKILL, and means this code. */
  | { readonly type: 'exit'; readonly code: number };

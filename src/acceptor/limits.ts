/**
 * What one connection may hold in the acceptor, in each of its states.
 *
 * Law: constants with their reasons. docs/internals/decisions/0002-memory-per-connection.md adds them up; change both
 * together. Two bounds are defined elsewhere, because both sides of the thread wall keep them: `WINDOW` and `PIECE`
 * (`ring/message.ts`). All sizes are in bytes.
 */

/**
 * Response bytes that the kernel has not taken. At this mark a connection begins no further request, reads nothing and
 * reads no more of a file, until all of these bytes have left. The kernel's own send buffer holds more than this, so a
 * client that reads continuously never waits. The socket's `writableHighWaterMark` is the same number: whenever the mark
 * is reached, 'drain' follows.
 */
export const UNSENT_MARK: number = 64 * 1024;

/**
 * Pipelined bytes behind the request in flight. At this limit the acceptor stops reading, so at most one read more is
 * kept. A thousand small requests fit, which is more than a browser or a proxy sends at once.
 */
export const STASH_LIMIT: number = 32 * 1024;

/** Bytes of one read of a file. One piece fills the socket up to its mark, so the next one waits. */
export const FILE_PIECE: number = 64 * 1024;

/**
 * Refused clients above `maxConnections` that still linger, so that a reset does not destroy their 503. Each has a
 * descriptor and a socket, and nothing that waits. If one more arrives, the first of them is cut.
 */
export const MOST_REFUSED = 32;

// How long a connection stays in states whose time no option sets, in milliseconds.

/** After a connection's last answer: how long the client may go on sending, and how long it may be silent. */
export const LINGER_MS = 5000;
export const LINGER_IDLE_MS = 1000;

/** How long a graceful close waits for the first byte of a connection that has sent none, and for the rest of a head. */
export const NEW_MS = 500;

/** Grace period after a client half-closes, for interfaces that treat a half-close as a disconnect. */
export const HALF_OPEN_MS = 50;

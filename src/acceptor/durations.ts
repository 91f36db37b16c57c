/**
 * How long a connection stays in states whose time no option sets, in milliseconds.
 *
 * Law: constants with their reasons.
 */

/** After a connection's last answer: how long the client may go on sending, and how long it may be silent. */
export const LINGER_MS = 5000;
export const LINGER_IDLE_MS = 1000;

/** How long a graceful close waits for the first byte of a connection that has sent none, and for the rest of a head. */
export const NEW_MS = 500;

/** Grace period after a client half-closes, for interfaces that treat a half-close as a disconnect. */
export const HALF_OPEN_MS = 50;

/**
 * What a request's head says, as bits: they go from the parser through the slab to the worker.
 *
 * Law: the values are those of `native/shim.c`.
 */
export const Flag = {
  HTTP_1_1: 1,
  KEEP_ALIVE: 2,
  CHUNKED: 4,
  HAS_LENGTH: 8,
  EXPECT_CONTINUE: 16,
  HEAD: 32,
  UPGRADE: 64,
  /** The target is in absolute-form: its authority stands over the Host field (RFC 9112 §3.2.2). */
  ABSOLUTE_TARGET: 128,
  /** The target is an authority, and what follows the head is no HTTP (RFC 9110 §9.3.6). UPGRADE is set as well. */
  CONNECT: 256,
} as const;

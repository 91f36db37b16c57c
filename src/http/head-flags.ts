/**
 * Properties of a request head, as bits. The parser sets them, and the worker reads them from the slab.
 *
 * Law: `native/shim.c` has the same values.
 */
export const Flag = {
  HTTP_1_1: 1,
  KEEP_ALIVE: 2,
  CHUNKED: 4,
  HAS_LENGTH: 8,
  EXPECT_CONTINUE: 16,
  HEAD: 32,
  UPGRADE: 64,
  /** The target is in absolute-form: its authority overrides the Host field (RFC 9112 §3.2.2). */
  ABSOLUTE_TARGET: 128,
  /** The target is an authority. The bytes after the head are not HTTP (RFC 9110 §9.3.6). UPGRADE is also set. */
  CONNECT: 256,
} as const;

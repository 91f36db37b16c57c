/**
 * Converts a program's writes to a socket into parts for the response ring.
 *
 * Law: pure.
 */

/** Returns text with one byte a character unchanged: the ring takes Latin-1. */
export function encodePart(
  data: Uint8Array | string,
  encoding: BufferEncoding | null | undefined,
): Uint8Array | string {
  if (typeof data !== 'string') return data;
  switch (encoding) {
    case 'latin1':
    case 'binary':
    case 'ascii':
      return data;
    case undefined:
    case null:
    case 'utf8':
    case 'utf-8':
      return Buffer.byteLength(data) === data.length ? data : Buffer.from(data);
    default:
      return Buffer.from(data, encoding);
  }
}

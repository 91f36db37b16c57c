/**
 * Converts text to bytes.
 *
 * Law: uses Node's functions if they exist, and needs none of them.
 */
import type { BodyChunk } from './types.ts';

const encoder = new TextEncoder();

/** Returns a chunk as bytes. A string is encoded as UTF-8. */
export function encodeChunk(chunk: BodyChunk): Uint8Array {
  return typeof chunk === 'string' ? encoder.encode(chunk) : chunk;
}

/** Returns a chunk as bytes that its application cannot change. The `slice` of a Buffer would be a view. */
export function copyOf(chunk: BodyChunk): Uint8Array {
  return typeof chunk === 'string' ? encoder.encode(chunk) : new Uint8Array(chunk);
}

const utf8Length: (text: string) => number =
  typeof Buffer === 'function' ? Buffer.byteLength : (text) => encoder.encode(text).length;

export function byteLength(chunk: BodyChunk): number {
  return typeof chunk === 'string' ? utf8Length(chunk) : chunk.byteLength;
}

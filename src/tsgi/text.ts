/**
 * Text as bytes.
 *
 * Law: uses what Node offers where it is there, and needs nothing of it.
 */
import type { BodyChunk } from './types.ts';

const encoder = new TextEncoder();

/** A chunk as bytes: a string is UTF-8. */
export function encodeChunk(chunk: BodyChunk): Uint8Array {
  return typeof chunk === 'string' ? encoder.encode(chunk) : chunk;
}

/** A chunk as bytes that its application cannot change. A Buffer's own `slice` would be a view. */
export function copyOf(chunk: BodyChunk): Uint8Array {
  return typeof chunk === 'string' ? encoder.encode(chunk) : new Uint8Array(chunk);
}

const utf8Length: (text: string) => number =
  typeof Buffer === 'function' ? Buffer.byteLength : (text) => encoder.encode(text).length;

export function byteLength(chunk: BodyChunk): number {
  return typeof chunk === 'string' ? utf8Length(chunk) : chunk.byteLength;
}

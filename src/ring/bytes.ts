/**
 * Types for Node's own Latin-1 and UTF-8 methods of Buffers. These methods skip the encoding look-up of
 * `toString(encoding)` and `write(string, encoding)`. For short strings, the look-up costs as much as the conversion.
 *
 * Law: a type, and functions that create, copy and compare bytes.
 */
import { Buffer } from 'node:buffer';

export interface ByteBuffer extends Buffer {
  latin1Slice(start: number, end: number): string;
  latin1Write(text: string, offset: number): number;
  utf8Write(text: string, offset: number): number;
}

export function bytesOf(buffer: SharedArrayBuffer, offset = 0): ByteBuffer {
  return Buffer.from(buffer, offset) as unknown as ByteBuffer;
}

/** Up to this many words, a loop is faster than `set`, which needs a view. */
const FEW_WORDS = 32;

/** Copies `count` words. `subarray` would look up the constructor on each call, at twice the cost. */
export function copyWords(to: Int32Array, at: number, from: Int32Array, start: number, count: number): void {
  if (count > FEW_WORDS) {
    to.set(new Int32Array(from.buffer, from.byteOffset + start * 4, count), at);
    return;
  }
  for (let i = 0; i < count; i++) to[at + i] = from[start + i]!;
}

/** Whether the bytes equal the text in Latin-1. */
export function says(bytes: Uint8Array, start: number, length: number, text: string): boolean {
  if (text.length !== length) return false;
  for (let i = 0; i < length; i++) if (bytes[start + i] !== text.charCodeAt(i)) return false;
  return true;
}

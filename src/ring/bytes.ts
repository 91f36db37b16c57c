/**
 * Node's own Latin-1 and UTF-8 readers and writers on Buffers, typed: they skip the encoding look-up of
 * `toString(encoding)` and `write(string, encoding)`, which at this size costs as much as the work.
 *
 * Law: a type and one function; nothing else.
 */
export interface Bytes extends Buffer {
  latin1Slice(start: number, end: number): string;
  latin1Write(text: string, offset: number): number;
  utf8Write(text: string, offset: number): number;
}

export function bytesOf(buffer: SharedArrayBuffer, offset = 0): Bytes {
  return Buffer.from(buffer, offset) as unknown as Bytes;
}

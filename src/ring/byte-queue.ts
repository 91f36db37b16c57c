/**
 * Bytes in order that wait for a reader: body bytes on their way from a socket to an application, pipelined requests, and
 * response bytes that a client has not taken.
 *
 * Law: copies what it is given and joins small pieces, so that its memory and its work depend on bytes, never on the
 * number of pieces. Knows no ring and no window.
 */

import { Buffer } from 'node:buffer';

/** Counts the memory of several queues. */
export interface MemoryAccount {
  bytes: number;
}

/** A piece of this size or more becomes a chunk of its own if the last chunk has no room for it. */
const LARGE_PIECE = 4 * 1024;
/** A chunk that joins small pieces has this many bytes at least and at most. */
const SMALLEST_CHUNK = 256;
const LARGEST_CHUNK = 64 * 1024;
/** Up to this many bytes are copied one by one: a view of them costs more than the copy. */
const FEW = 16;

interface Chunk {
  readonly bytes: Uint8Array;
  /** The bytes that wait: `bytes[start, end)`. */
  start: number;
  end: number;
  next: Chunk | null;
}

export class ByteQueue {
  /** Bytes that wait. */
  length = 0;
  /** New chunks come from Node's pool, if they are small: that is cheaper, and a chunk's memory is not its own. */
  pooled = false;
  readonly #account: MemoryAccount;
  #first: Chunk | null = null;
  #last: Chunk | null = null;

  /** `account`: the queue adds the memory that it allocates, and subtracts the memory that it drops. */
  constructor(account: MemoryAccount = { bytes: 0 }) {
    this.#account = account;
  }

  /** Adds a copy of `bytes`. */
  add(bytes: Uint8Array): void {
    const last = this.#last;
    const room = last === null ? 0 : Math.min(last.bytes.length - last.end, bytes.length);
    if (room > 0) {
      copy(last!.bytes, last!.end, bytes, 0, room);
      last!.end += room;
    }
    if (room < bytes.length) this.#addChunk(bytes, room);
    this.length += bytes.length;
  }

  #addChunk(bytes: Uint8Array, from: number): void {
    const length = bytes.length - from;
    // As much as waits already, so that the number of chunks grows with the logarithm of the bytes.
    const joined = Math.min(Math.max(this.length, SMALLEST_CHUNK), LARGEST_CHUNK);
    const size = length >= LARGE_PIECE || this.#last === null ? length : Math.max(length, joined);
    const memory = this.pooled ? Buffer.allocUnsafe(size) : new Uint8Array(size);
    const chunk = { bytes: memory, start: 0, end: length, next: null };
    copy(chunk.bytes, 0, bytes, from, length);
    this.#account.bytes += size;
    if (this.#last === null) this.#first = chunk;
    else this.#last.next = chunk;
    this.#last = chunk;
  }

  /**
   * The first bytes that wait, `most` at most, where they lie: valid until another method is called. Something must
   * wait.
   */
  peek(most: number): Uint8Array {
    const { bytes, start, end } = this.#first!;
    return bytes.subarray(start, Math.min(end, start + most));
  }

  /** Drops bytes that `peek` has shown. */
  drop(length: number): void {
    const first = this.#first!;
    first.start += length;
    this.length -= length;
    if (first.start === first.end) this.#removeFirst(first);
  }

  /** Copies the first bytes that wait to the start of `target`, `most` at most; they go on waiting. Returns how many it copied. */
  copyTo(target: Uint8Array, most: number): number {
    let copied = 0;
    for (let chunk = this.#first; chunk !== null && copied < most; chunk = chunk.next) {
      const length = Math.min(chunk.end - chunk.start, most - copied);
      target.set(chunk.bytes.subarray(chunk.start, chunk.start + length), copied);
      copied += length;
    }
    return copied;
  }

  /** Drops the first bytes that wait, in whatever chunks they lie. No more than wait. */
  skip(length: number): void {
    for (let left = length; left > 0;) {
      const { start, end } = this.#first!;
      const count = Math.min(left, end - start);
      this.drop(count);
      left -= count;
    }
  }

  /** Takes the first chunk out: unless it is pooled, its memory belongs to the caller alone. Undefined if nothing waits. */
  shift(): Uint8Array | undefined {
    const first = this.#first;
    if (first === null) return undefined;
    const { bytes, start, end } = first;
    this.length -= end - start;
    this.#removeFirst(first);
    if (end - start === bytes.length) return bytes;
    return this.pooled ? bytes.subarray(start, end) : bytes.slice(start, end);
  }

  #removeFirst(first: Chunk): void {
    this.#account.bytes -= first.bytes.length;
    this.#first = first.next;
    if (this.#first === null) this.#last = null;
  }

  clear(): void {
    while (this.#first !== null) this.#removeFirst(this.#first);
    this.length = 0;
  }
}

function copy(to: Uint8Array, at: number, from: Uint8Array, start: number, length: number): void {
  if (length <= FEW) for (let i = 0; i < length; i++) to[at + i] = from[start + i]!;
  else to.set(length === from.length ? from : from.subarray(start, start + length), at);
}

/**
 * A queue of bytes for one reader: request bodies, pipelined requests, and response bytes that a client has not read.
 *
 * Law: copies its input and joins small pieces, so its memory and its work depend on bytes, not on the number of pieces.
 * Knows no ring and no window.
 */

import { Buffer } from 'node:buffer';

/** Counts the memory of several queues. */
export interface MemoryAccount {
  bytes: number;
}

/** A piece of this size or more becomes a chunk of its own if the last chunk has no room for it. */
const LARGE_PIECE = 4 * 1024;
/** Bytes of the smallest and of the largest chunk that joins small pieces. */
const SMALLEST_CHUNK = 256;
const LARGEST_CHUNK = 64 * 1024;
/** Up to this many bytes are copied one by one: a view of them costs more than the copy. */
const FEW = 16;

interface Chunk {
  readonly bytes: Uint8Array;
  /** The queued bytes are `bytes[start, end)`. */
  start: number;
  end: number;
  next: Chunk | null;
}

export class ByteQueue {
  /** Bytes in the queue. */
  length = 0;
  /** Allocates small chunks from Node's pool. This is cheaper, but other Buffers then share the memory of a chunk. */
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
    // As large as the whole queue, so that the number of chunks grows with the logarithm of the bytes.
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
   * The first bytes of the queue, at most `most`, without a copy. The view is valid until the next call of a method. The
   * queue must not be empty.
   */
  peek(most: number): Uint8Array {
    const { bytes, start, end } = this.#first!;
    return bytes.subarray(start, Math.min(end, start + most));
  }

  /** Drops bytes that `peek` has returned. */
  drop(length: number): void {
    const first = this.#first!;
    first.start += length;
    this.length -= length;
    if (first.start === first.end) this.#removeFirst(first);
  }

  /** Copies the first bytes, at most `most`, to the start of `target`, and keeps them queued. Returns the number of bytes copied. */
  copyTo(target: Uint8Array, most: number): number {
    let copied = 0;
    for (let chunk = this.#first; chunk !== null && copied < most; chunk = chunk.next) {
      const length = Math.min(chunk.end - chunk.start, most - copied);
      target.set(chunk.bytes.subarray(chunk.start, chunk.start + length), copied);
      copied += length;
    }
    return copied;
  }

  /** Drops the first `length` bytes. The queue must have that many. */
  skip(length: number): void {
    for (let left = length; left > 0;) {
      const { start, end } = this.#first!;
      const count = Math.min(left, end - start);
      this.drop(count);
      left -= count;
    }
  }

  /** Removes and returns the first chunk, or undefined if the queue is empty. If `pooled` is off, the caller owns its memory. */
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

/**
 * The last bytes that a thread has written to its terminal. Another thread can read them after the writer blocks or dies.
 *
 * Law: bytes only; the reader makes lines of them. One writer, any number of readers.
 *
 *   word  0  RESERVED    writer   bytes written or being written so far, wrapping
 *   word 16  COMMITTED   writer   bytes written so far, wrapping
 *   byte 128 data[CAPACITY], circular
 *
 * The writer stores RESERVED, writes the bytes, stores COMMITTED. A reader loads COMMITTED, copies the bytes before it, and
 * then loads RESERVED. The writer may have overwritten bytes that lie more than CAPACITY before RESERVED, so the reader
 * drops them. A writer that dies between the two stores leaves RESERVED ahead, so the reader also drops what it overwrote.
 */
import { AtomicMemory } from './memory.ts';

const RESERVED = 0;
const COMMITTED = 16;
const CONTROL_BYTES = 128;
const CAPACITY = 4096;

export function textTailBuffer(): SharedArrayBuffer {
  return new SharedArrayBuffer(CONTROL_BYTES + CAPACITY);
}

/** Empties a tail for its next writer. No other thread may use the tail during the call. */
export function resetTextTail(buffer: SharedArrayBuffer): void {
  new Uint8Array(buffer).fill(0);
}

export class TextTail {
  readonly #memory: AtomicMemory;
  readonly #bytes: Uint8Array;

  constructor(buffer: SharedArrayBuffer) {
    this.#memory = new AtomicMemory(new Int32Array(buffer, 0, CONTROL_BYTES / 4));
    this.#bytes = new Uint8Array(buffer, CONTROL_BYTES);
  }

  // The writer alone calls this.

  write(bytes: Uint8Array): void {
    const last = bytes.subarray(Math.max(0, bytes.length - CAPACITY));
    const start = this.#memory.load(COMMITTED);
    const end = (start + last.length) | 0;
    this.#memory.store(RESERVED, end);
    const at = start & (CAPACITY - 1);
    const first = Math.min(last.length, CAPACITY - at);
    this.#bytes.set(last.subarray(0, first), at);
    this.#bytes.set(last.subarray(first), 0);
    this.#memory.store(COMMITTED, end);
  }

  // Any thread calls this.

  /** The last bytes written, at most CAPACITY. */
  read(): string {
    const end = this.#memory.load(COMMITTED);
    const copy = Buffer.alloc(CAPACITY);
    const at = end & (CAPACITY - 1);
    copy.set(this.#bytes.subarray(at), 0);
    copy.set(this.#bytes.subarray(0, at), CAPACITY - at);
    const overwritten = (this.#memory.load(RESERVED) - end) | 0;
    const text = copy.toString('utf8', Math.min(CAPACITY, overwritten));
    // Unwritten bytes are 0, and come first.
    return text.replace(/^\0+/, '');
  }
}

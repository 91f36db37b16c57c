/**
 * A queue of bytes to be sent, in the parts in which the application wrote them.
 *
 * Law: the cost of an operation does not depend on the length of the queue. Above some thousand entries `Array.shift` moves all
 * entries that are left, and an application can write any number of parts.
 */

export type Part = Uint8Array | string;

/** The queue removes taken parts when it has at least this many, and they are half of the array. */
const MANY_TAKEN = 1024;
/** The array of an empty queue. Most answers are one record and queue nothing, so they allocate no array. */
const NONE: Part[] = [];

export class PartQueue {
  #parts: Part[] = NONE;
  /** Index of the first part that was not taken. */
  #first = 0;
  /** The parts before this index need no copy. */
  #kept = 0;
  /** Bytes of all queued parts. Their lengths are read when they are pushed. */
  bytes = 0;

  get length(): number {
    return this.#parts.length - this.#first;
  }

  get first(): Part | undefined {
    return this.#parts[this.#first];
  }

  push(part: Part): void {
    if (this.#parts === NONE) this.#parts = [];
    this.#parts.push(part);
    this.bytes += part.length;
  }

  /** Takes `length` bytes off the first part, which has at least that many. */
  take(length: number): void {
    const part = this.#parts[this.#first]!;
    this.bytes -= length;
    if (length < part.length) {
      this.#parts[this.#first] = typeof part === 'string' ? part.slice(length) : part.subarray(length);
      return;
    }
    this.#parts[this.#first] = '';
    this.#first += 1;
    if (this.#first === this.#parts.length) this.clear();
    else if (this.#first >= MANY_TAKEN && this.#first * 2 >= this.#parts.length) this.#removeTaken();
  }

  #removeTaken(): void {
    this.#parts = this.#parts.slice(this.#first);
    this.#kept = Math.max(0, this.#kept - this.#first);
    this.#first = 0;
  }

  /** Copies the parts whose bytes are in `memory`, which will be overwritten. */
  keep(memory: ArrayBufferLike | undefined): void {
    const parts = this.#parts;
    for (let i = Math.max(this.#kept, this.#first); i < parts.length; i++) {
      const part = parts[i]!;
      if (typeof part !== 'string' && part.buffer === memory) parts[i] = Buffer.from(part);
    }
    this.#kept = parts.length;
  }

  clear(): void {
    this.#parts = NONE;
    this.#first = 0;
    this.#kept = 0;
    this.bytes = 0;
  }
}

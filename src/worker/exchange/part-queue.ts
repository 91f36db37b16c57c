/**
 * Bytes that wait to be sent, in the parts in which they were given.
 *
 * Law: every operation costs the same however much waits. `Array.shift` moves all that is left above some thousand entries,
 * and an application can write as many parts as it likes.
 */

export type Part = Uint8Array | string;

/** Parts that were taken are removed when there are so many, and half of the array are such. */
const MANY_TAKEN = 1024;
/** Most answers are one record and queue nothing: their queue makes no array. */
const NONE: Part[] = [];

export class PartQueue {
  #parts: Part[] = NONE;
  /** The first that was not taken. */
  #first = 0;
  /** Those before it need no copy. */
  #kept = 0;
  /** Of all parts, when they were given. */
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

  /** Takes so many bytes off the first part, which has as many or more. */
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

  /** Copies the parts that lie in `memory`, which will be used for others. */
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

/**
 * Bytes that wait, in order: copied in at the end, read and dropped at the front.
 *
 * Law: knows bytes, not whose they are. Memory is proportional to the bytes that wait, however small the pieces are in
 * which they came: pieces are joined in blocks. Each byte is copied once on its way in; nothing that waits is moved.
 */
import { Buffer } from 'node:buffer';
import { QUEUE_BLOCK } from './bounds.ts';

/** Bytes of a queue's first block. An empty queue keeps a block of this size, and no larger one. */
const FIRST_BLOCK = 1024;

export class ByteQueue {
  readonly #blocks: Buffer[] = [];
  /** Where the first byte lies in the first block, and where the next one goes in the last block. */
  #start = 0;
  #end = 0;
  /** Bytes that wait. */
  length = 0;

  /** Copies `bytes` to the end. */
  add(bytes: Uint8Array): void {
    let from = 0;
    while (from < bytes.length) {
      const block = this.#roomFor(bytes.length - from);
      const count = Math.min(block.length - this.#end, bytes.length - from);
      block.set(count === bytes.length ? bytes : bytes.subarray(from, from + count), this.#end);
      this.#end += count;
      from += count;
    }
    this.length += bytes.length;
  }

  /** Copies the first bytes to the start of `target`, at most `limit`. They still wait. Returns how many there are. */
  copyTo(target: Uint8Array, limit: number): number {
    let copied = 0;
    for (let i = 0; i < this.#blocks.length && copied < limit; i++) {
      const block = this.#blocks[i]!;
      const start = i === 0 ? this.#start : 0;
      const filled = i === this.#blocks.length - 1 ? this.#end : block.length;
      const count = Math.min(filled - start, limit - copied);
      block.copy(target, copied, start, start + count);
      copied += count;
    }
    return copied;
  }

  /** Drops the first `count` bytes; all, if there are fewer. */
  skip(count: number): void {
    if (count >= this.length) return this.#reset();
    this.length -= count;
    this.#start += count;
    while (this.#start >= this.#blocks[0]!.length) this.#start -= this.#blocks.shift()!.length;
  }

  /** Takes everything out. The pieces belong to the caller. */
  take(): Buffer[] {
    if (this.length === 0) return [];
    const blocks = this.#blocks.splice(0);
    const last = blocks.length - 1;
    blocks[last] = blocks[last]!.subarray(0, this.#end);
    blocks[0] = blocks[0]!.subarray(this.#start);
    this.#reset();
    return blocks;
  }

  clear(): void {
    this.#blocks.length = 0;
    this.#reset();
  }

  /** The last block, if it has room; otherwise a new one. Blocks double, so that a short queue stays small. */
  #roomFor(bytes: number): Buffer {
    const last = this.#blocks.at(-1);
    if (last !== undefined && this.#end < last.length) return last;
    const doubled = last === undefined ? FIRST_BLOCK : 2 * last.length;
    // Not pooled: what waits long must not keep a pool alive that others have left.
    const block = Buffer.allocUnsafeSlow(Math.min(QUEUE_BLOCK, Math.max(bytes, doubled)));
    this.#blocks.push(block);
    this.#end = 0;
    return block;
  }

  #reset(): void {
    this.length = 0;
    this.#start = 0;
    this.#end = 0;
    if (this.#blocks.length !== 1 || this.#blocks[0]!.length !== FIRST_BLOCK) this.#blocks.length = 0;
  }
}

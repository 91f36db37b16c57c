/**
 * Pipelined bytes: what a client sent behind the request in flight.
 *
 * Law: keeps bytes in order and passes them to the parser's buffer a piece at a time; parses nothing. Only the bytes of
 * the next message are copied there, not all that wait, so deep pipelining costs the same for each request.
 */
import { READ_BUFFER_SIZE } from '../../http/parser.ts';
import { ByteQueue } from '../../ring/byte-queue.ts';
import { STASH_LIMIT } from '../limits.ts';

/** Bytes of the first piece of a message: most requests are shorter. */
const FIRST_PIECE = 2 * 1024;

export class Stash {
  #bytes: ByteQueue = new ByteQueue();
  /** Bytes that were copied out and wait here until `parsed`. */
  #copied = 0;

  get empty(): boolean {
    return this.#bytes.length === 0;
  }

  /** The connection stops reading until the exchange in flight is over. */
  get full(): boolean {
    return this.#bytes.length >= STASH_LIMIT;
  }

  /** Adds a copy. */
  add(bytes: Uint8Array): void {
    this.#bytes.add(bytes);
  }

  /** Copies the next piece of a message to the start of `buffer`; `begins`: its first. Returns the number of bytes. */
  copyPiece(buffer: Uint8Array, begins: boolean): number {
    this.#copied = this.#bytes.copyTo(buffer, begins ? FIRST_PIECE : READ_BUFFER_SIZE);
    return this.#copied;
  }

  /** The piece was parsed, except for the last `left` bytes. Returns false if there is no such piece. */
  parsed(left: number): boolean {
    if (this.#copied === 0) return false;
    this.#bytes.skip(this.#copied - left);
    this.#copied = 0;
    return true;
  }

  /** Takes everything out. */
  take(): ByteQueue {
    const bytes = this.#bytes;
    this.#bytes = new ByteQueue();
    return bytes;
  }

  clear(): void {
    this.#copied = 0;
    this.#bytes.clear();
  }
}

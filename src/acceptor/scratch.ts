/**
 * Where bytes lie on their way from a ring to a socket, when they leave at once.
 *
 * Law: one buffer, used again and again; whoever finds that what was put there has not left leaves it to whom it is for,
 * and `renew`s. One for all acceptors of a thread: nothing stays in it for longer than a call.
 */
import { Buffer } from 'node:buffer';
import { PIECE } from '../ring/message.ts';

/** Bytes of an answer as most of them are. */
const SHORT = 1024;
/** From so many bytes on, a buffer for each would keep the garbage collector busy. */
const LARGE = 16 * 1024;

export class Scratch {
  readonly #size: number;
  #bytes: Buffer;
  /** By length: many answers of an application have one of few. */
  #parts: (Buffer | undefined)[] = [];

  constructor(size: number) {
    this.#size = size;
    this.#bytes = Buffer.allocUnsafeSlow(size);
  }

  /** Its first `length` bytes. */
  part(length: number): Buffer {
    if (length > SHORT) return this.#bytes.subarray(0, length);
    return (this.#parts[length] ??= this.#bytes.subarray(0, length));
  }

  renew(): void {
    this.#bytes = Buffer.allocUnsafeSlow(this.#size);
    this.#parts = [];
  }
}

const short = new Scratch(SHORT);
const large = new Scratch(PIECE);

/**
 * For so many bytes; null: they had better have a buffer of their own. A client that does not take all that it is sent would
 * pin a whole one for every few bytes, so `flows` says that it has so far.
 */
export function scratchFor(length: number, flows: boolean): Scratch | null {
  if (length >= LARGE) return large;
  return flows && length <= SHORT ? short : null;
}

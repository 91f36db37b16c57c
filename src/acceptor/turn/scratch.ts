/**
 * The buffer in which bytes travel from a ring to a socket that takes them immediately.
 *
 * Law: one buffer, used again and again. If the bytes have not left, the socket keeps the buffer and the caller calls
 * `renew`. All acceptors of a thread share one, because nothing stays in it after the call.
 */
import { Buffer } from 'node:buffer';
import { PIECE } from '../../ring/message.ts';

/** Most responses have at most this many bytes. */
const SHORT = 1024;
/** Responses of at least this size would keep the garbage collector busy if each had a new buffer. */
const LARGE = 16 * 1024;

export class Scratch {
  readonly #size: number;
  #bytes: Buffer;
  /** Views by length. The responses of an application often have the same few lengths. */
  #parts: (Buffer | undefined)[] = [];

  constructor(size: number) {
    this.#size = size;
    this.#bytes = Buffer.allocUnsafeSlow(size);
  }

  /** Returns the first `length` bytes of the buffer. */
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
 * The buffer for `length` bytes, or null if they need a buffer of their own. `flows`: nothing waits for the client. Then the
 * socket keeps the buffer if the kernel does not take all bytes. Otherwise the connection copies the bytes
 * (`connection-output.ts`), so any buffer can be reused.
 */
export function scratchFor(length: number, flows: boolean): Scratch | null {
  if (length >= LARGE || !flows) return large;
  return length <= SHORT ? short : null;
}

/**
 * Where bytes lie on their way from a ring to a socket, when they leave at once.
 *
 * Law: one buffer, used again and again; whoever finds that what was put there has not left leaves it to whom it is for,
 * and `renew`s. One for all acceptors of a thread: nothing stays in it for longer than a call.
 */
import { Buffer } from 'node:buffer';
import { PIECE } from '../../ring/message.ts';

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
 * The buffer for `length` bytes; null if they need one of their own. `flows`: nothing waits for the client, so the socket
 * keeps the buffer if the kernel does not take all bytes. Otherwise the connection copies them (`connection-output.ts`), and any
 * buffer is free again.
 */
export function scratchFor(length: number, flows: boolean): Scratch | null {
  if (length >= LARGE || !flows) return large;
  return length <= SHORT ? short : null;
}

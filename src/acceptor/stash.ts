/**
 * Pipelined bytes: what a client sent behind the request that is in flight.
 *
 * Law: keeps bytes in order; parses nothing.
 */

/** Above so many bytes reading stops, until the exchange in flight is over. */
const LIMIT = 64 * 1024;

export class Stash {
  #bytes: Buffer | null = null;

  get empty(): boolean {
    return this.#bytes === null;
  }

  get full(): boolean {
    return this.#bytes !== null && this.#bytes.length >= LIMIT;
  }

  /** Adds a copy. */
  add(bytes: Uint8Array): void {
    this.#bytes = this.#bytes === null ? Buffer.from(bytes) : Buffer.concat([this.#bytes, bytes]);
  }

  /** Takes everything out. */
  take(): Buffer | null {
    const bytes = this.#bytes;
    this.#bytes = null;
    return bytes;
  }
}

/**
 * Reads the begin of a stream: its bytes in one turn of the event loop, and whether the stream has ended.
 *
 * Law: reads and keeps bytes; sends nothing, and knows no response.
 */

export type Reader = ReadableStreamDefaultReader<Uint8Array>;
type Read = Awaited<ReturnType<Reader['read']>>;

/** The most bytes that are read ahead. */
const MOST_HELD = 64 * 1024;

export class StreamBegin {
  readonly #reader: Reader;
  readonly #held: Uint8Array[] = [];
  #length = 0;
  /** True once the stream has ended. */
  isWhole = false;
  /** True if the stream failed after its first bytes; `next` rejects with the error. */
  hasFailed = false;
  /** A read whose bytes have not arrived. */
  next: Promise<Read> | null = null;

  constructor(reader: Reader) {
    this.#reader = reader;
  }

  get isEmpty(): boolean {
    return this.#length === 0;
  }

  /**
   * Reads what is there without waiting. Rejects if the stream fails before its first byte. After a later failure, `next`
   * rejects.
   */
  async hold(): Promise<void> {
    const turn = new Promise<null>((resolve) => setImmediate(resolve, null));
    while (!this.isWhole && this.#length < MOST_HELD) {
      this.next ??= this.#reader.read();
      const read = await Promise.race([this.next, turn]).catch((error: Error) => {
        if (this.isEmpty) throw error;
        this.hasFailed = true;
        return null;
      });
      if (read === null) return;
      this.#add(read);
    }
  }

  /** Waits for `bytes` bytes or for the end. Returns all bytes that were read. */
  async first(bytes: number): Promise<Uint8Array> {
    while (!this.isWhole && this.#length < bytes) {
      this.next ??= this.#reader.read();
      this.#add(await this.next);
    }
    return this.bytes();
  }

  /** Returns all bytes that were read. */
  bytes(): Uint8Array {
    return this.#held.length === 1 ? this.#held[0]! : Buffer.concat(this.#held);
  }

  #add({ done, value }: Read): void {
    this.next = null;
    if (done) {
      this.isWhole = true;
      return;
    }
    const bytes = bytesOf(value);
    this.#held.push(bytes);
    this.#length += bytes.length;
  }
}

function bytesOf(chunk: unknown): Uint8Array {
  if (chunk instanceof Uint8Array) return chunk;
  if (typeof chunk === 'string') return Buffer.from(chunk);
  throw new TypeError(`The stream of a Response must contain bytes, but contains a ${typeof chunk}`);
}

/**
 * The body of one request on its way to a worker: bytes from the socket that wait for room in the ring.
 *
 * Law: never waits. Bytes that the inbound ring or the window has no room for stay here. Above the high-water mark, the
 * connection pauses its socket. Knows records and one producer; not sockets, not the parser.
 *
 * The window: the worker has at most WINDOW unread bytes of an exchange. The worker updates `consumed` when its application
 * reads. So an application that does not read fills its window and this queue, but never blocks the ring.
 */
import { ByteQueue } from '../../ring/byte-queue.ts';
import { INSUFFICIENT, type RingProducer } from '../../ring/byte-ring.ts';
import { BROKEN, END, RecordKind, WINDOW } from '../../ring/message.ts';

/** Bytes that wait here before the connection pauses its socket. */
export const UPLOAD_HIGH_WATER = 64 * 1024;
const LARGEST_RECORD = 64 * 1024;

export class Upload {
  /** The last byte has arrived from the client. */
  ended = false;
  /** The application has requested the body. Before that, nothing is sent. */
  wanted = false;
  /** The application has blocked its thread to wait for more bytes. */
  blocks = false;
  /** The END record was sent to the worker. */
  done = false;
  #broken = false;
  #sent = 0;
  readonly #queue: ByteQueue;

  /** @param queue bytes that came before the upload began; the upload owns the queue */
  constructor(queue: ByteQueue = new ByteQueue()) {
    this.#queue = queue;
  }

  /** Bytes that wait here. */
  get waiting(): number {
    return this.#queue.length;
  }

  /** Nothing is left to send now. */
  get idle(): boolean {
    return this.done || (this.waiting === 0 && !this.ended);
  }

  /** Whether the application has read everything that was sent. `consumed`: the bytes that it has read. */
  isRead(consumed: number): boolean {
    return this.#sent === consumed;
  }

  /** Adds a copy of the bytes, because they may be in the read buffer. */
  add(bytes: Uint8Array): void {
    if (!this.done) this.#queue.add(bytes);
  }

  /**
   * Writes the bytes directly into the ring if nothing waits and there is room. Otherwise adds them. Returns true if it
   * published them.
   */
  pass(
    bytes: Uint8Array,
    producer: RingProducer,
    exchange: number,
    generation: number,
    consumed: number,
  ): boolean {
    const room = WINDOW - ((this.#sent - consumed) | 0);
    const at = this.#mayPass(bytes.length, room) ? producer.claim(bytes.length) : INSUFFICIENT;
    if (at === INSUFFICIENT) {
      this.add(bytes);
      return false;
    }
    producer.bytes.set(bytes, at);
    producer.commit(bytes.length, RecordKind.BODY, exchange, generation);
    this.#sent = (this.#sent + bytes.length) | 0;
    return true;
  }

  #mayPass(length: number, room: number): boolean {
    return this.wanted && !this.done && this.#queue.length === 0 && length <= Math.min(room, LARGEST_RECORD);
  }

  /** The body is complete. `broken`: the client is gone before the end. */
  end(broken = false): void {
    this.ended = true;
    this.#broken = broken;
  }

  /** The exchange is over. Drops the bytes that wait. */
  close(): void {
    this.done = true;
    this.#queue.clear();
  }

  /** Moves as many bytes as fit into the ring. Returns true if it published any record. */
  pump(producer: RingProducer, exchange: number, generation: number, consumed: number): boolean {
    if (!this.wanted || this.done) return false;
    let published = false;
    while (this.#queue.length > 0) {
      const room = WINDOW - ((this.#sent - consumed) | 0);
      if (room <= 0 || !this.#sendPiece(producer, room, exchange, generation)) return published;
      published = true;
    }
    if (!this.ended || claim(producer, 0) === INSUFFICIENT) return published;
    producer.commit(0, RecordKind.BODY | END | (this.#broken ? BROKEN : 0), exchange, generation);
    this.done = true;
    return true;
  }

  #sendPiece(producer: RingProducer, room: number, exchange: number, generation: number): boolean {
    const piece = this.#queue.peek(Math.min(room, LARGEST_RECORD));
    const { length } = piece;
    const at = claim(producer, length);
    if (at === INSUFFICIENT) return false;
    producer.bytes.set(piece, at);
    producer.commit(length, RecordKind.BODY, exchange, generation);
    this.#sent = (this.#sent + length) | 0;
    this.#queue.drop(length);
    return true;
  }
}

/** Claims space. If there is none, requests a wake-up from the worker and tries once more. */
function claim(producer: RingProducer, length: number): number {
  const at = producer.claim(length);
  if (at !== INSUFFICIENT) return at;
  producer.awaitSpace();
  return producer.claim(length);
}

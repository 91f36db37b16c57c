/**
 * The body of one request on its way to a worker: bytes that came from the socket and wait for room.
 *
 * Law: never waits. What the inbound ring or the window has no room for stays here, and above the high-water mark
 * the socket is paused. Knows records and one producer; not sockets (its connection pauses them), not the parser.
 *
 * The window: at most WINDOW bytes of an exchange lie in the worker unread. `consumed` is written by the worker's
 * application as it reads, so an application that does not read pins its window and this queue, never the ring.
 */
import { ByteQueue } from '../../ring/byte-queue.ts';
import { INSUFFICIENT, type RingProducer } from '../../ring/byte-ring.ts';
import { BROKEN, END, RecordKind, WINDOW } from '../../ring/message.ts';

/** Bytes that wait here before the socket is paused. */
export const UPLOAD_HIGH_WATER = 64 * 1024;
const LARGEST_RECORD = 64 * 1024;

export class Upload {
  /** The last byte came from the client. */
  ended = false;
  /** The application asked for the body; before that nothing is sent. */
  wanted = false;
  /** The application has blocked its thread for more of it. */
  blocks = false;
  /** END was sent to the worker. */
  done = false;
  #broken = false;
  #sent = 0;
  readonly #queue: ByteQueue;

  /** `queue`: what came before the upload began, which the upload owns from now on. */
  constructor(queue: ByteQueue = new ByteQueue()) {
    this.#queue = queue;
  }

  /** Bytes that wait here. */
  get waiting(): number {
    return this.#queue.length;
  }

  /** There is nothing to send. */
  get idle(): boolean {
    return this.done || (this.waiting === 0 && !this.ended);
  }

  /** All that was sent has been taken by the application, which took so many bytes. */
  isRead(consumed: number): boolean {
    return this.#sent === consumed;
  }

  /** Adds bytes, which are copied: they may lie in the read buffer. */
  add(bytes: Uint8Array): void {
    if (!this.done) this.#queue.add(bytes);
  }

  /** The same, straight into the ring where nothing waits and there is room: true when it published them. */
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

  /** The body is complete; or, `broken`, the client is gone. */
  end(broken = false): void {
    this.ended = true;
    this.#broken = broken;
  }

  /** The exchange is over: what waits is dropped. */
  close(): void {
    this.done = true;
    this.#queue.clear();
  }

  /** Moves what there is room for into the ring; true when it published something. */
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

/** Without room the worker is asked to ring when there is some, and looked at once more. */
function claim(producer: RingProducer, length: number): number {
  const at = producer.claim(length);
  if (at !== INSUFFICIENT) return at;
  producer.awaitSpace();
  return producer.claim(length);
}

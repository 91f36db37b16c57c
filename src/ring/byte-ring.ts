/**
 * A ring of variable-length records between two threads: one producer, one consumer.
 *
 * Law: knows bytes and records; not the meaning of a record (`message.ts`), not how threads wake (`doorbell.ts`).
 * One ring serves one worker in one direction. Its memory serves another worker only after `resetByteRing`.
 *
 * A ring is a SharedArrayBuffer: three control lines, then the data.
 *
 *   word  0  PRODUCER_POSITION   producer     bytes published so far, wrapping
 *   word 16  CONSUMER_POSITION   consumer     bytes freed so far, wrapping
 *   word 32  WAITING             producer 1, consumer exchange 0: the producer waits for free space
 *   byte 192 data[capacity]      a power of two
 *
 *   a record, aligned to 16:  0      length of the payload in bytes
 *                             4      kind (low 8 bits; 0 = padding to the end of the data) | flags << 8
 *                             8      exchange index
 *                             12     generation
 *                             16…    payload
 *
 * What each side writes, and what happens if a thread dies at that point: a claim writes nothing shared. The producer
 * writes the payload and the header plainly after PRODUCER_POSITION, where the consumer does not read. One store of
 * PRODUCER_POSITION commits them, together with the padding that a wrap needed. A producer that dies in mid-record has
 * published nothing of it. The consumer reads, then stores CONSUMER_POSITION. The producer overwrites those bytes only
 * after it has loaded the new CONSUMER_POSITION. To abort a claim, the producer does not commit it.
 */
import { type ByteBuffer, bytesOf } from './bytes.ts';
import { AtomicMemory, type Memory } from './memory.ts';

const PRODUCER_POSITION = 0;
const CONSUMER_POSITION = 16;
const WAITING = 32;
const CONTROL_BYTES = 192;

export const RECORD_HEADER = 16;
const ALIGNMENT = 16;
const PADDING = 0;

/** `claim` found insufficient capacity. A later claim may succeed. */
export const INSUFFICIENT = -1;

function aligned(bytes: number): number {
  return (bytes + ALIGNMENT - 1) & ~(ALIGNMENT - 1);
}

/** Memory for a ring of `capacity` data bytes, a power of two. */
export function byteRingBuffer(capacity: number): SharedArrayBuffer {
  return new SharedArrayBuffer(CONTROL_BYTES + capacity);
}

/** Empties a ring for its next producer and consumer. No other thread may use the ring during the call. */
export function resetByteRing(buffer: SharedArrayBuffer): void {
  // The data stays: a consumer reads only what a producer has published since.
  new Int32Array(buffer, 0, CONTROL_BYTES / 4).fill(0);
}

/** The part that the producer and the consumer share. */
class RingEnd {
  readonly memory: Memory;
  /** The data, for payloads. `claim` returns an offset in it, and `next` sets `offset`. */
  readonly bytes: ByteBuffer;
  readonly words: Int32Array;
  readonly capacity: number;
  readonly mask: number;
  readonly #buffer: SharedArrayBuffer;

  constructor(buffer: SharedArrayBuffer, memory?: Memory) {
    this.#buffer = buffer;
    this.memory = memory ?? new AtomicMemory(new Int32Array(buffer, 0, CONTROL_BYTES / 4));
    this.bytes = bytesOf(buffer, CONTROL_BYTES);
    this.words = new Int32Array(buffer, CONTROL_BYTES);
    this.capacity = this.bytes.length;
    this.mask = this.capacity - 1;
  }

  /** A view of a part of the data, without a copy. */
  view(offset: number, length: number): Uint8Array {
    return new Uint8Array(this.#buffer, CONTROL_BYTES + offset, length);
  }
}

export class RingProducer extends RingEnd {
  /** Largest payload that fits an empty ring at every position. */
  readonly maxPayload: number;
  #position = 0;
  #cachedConsumer = 0;
  #start = 0;

  constructor(buffer: SharedArrayBuffer, memory?: Memory) {
    super(buffer, memory);
    this.maxPayload = this.capacity / 2 - RECORD_HEADER;
  }

  /** Claims space for a payload of up to `length` bytes. Returns its offset in `bytes`, or INSUFFICIENT. Publishes nothing. */
  claim(length: number): number {
    const size = aligned(RECORD_HEADER + length);
    const index = this.#position & this.mask;
    const toEnd = this.capacity - index;
    const padding = size > toEnd ? toEnd : 0;
    if (!this.#hasRoom(size + padding)) return INSUFFICIENT;
    if (padding > 0) this.#header(index, padding - RECORD_HEADER, PADDING);
    this.#start = (this.#position + padding) | 0;
    return (this.#start & this.mask) + RECORD_HEADER;
  }

  /** Publishes the claimed record with the first `length` bytes of its payload. */
  commit(length: number, kind: number, exchange: number, generation: number): void {
    const index = this.#start & this.mask;
    this.#header(index, length, kind);
    const word = index >> 2;
    this.words[word + 2] = exchange;
    this.words[word + 3] = generation;
    this.#position = (this.#start + aligned(RECORD_HEADER + length)) | 0;
    this.memory.store(PRODUCER_POSITION, this.#position);
  }

  /** Wakes a consumer that blocks in `waitForRecord`. */
  notify(): void {
    this.memory.notify(PRODUCER_POSITION);
  }

  /**
   * Requests a wake from the consumer when it frees space. Claim once more after this call: the consumer may have freed
   * everything between the failed claim and this call.
   */
  awaitSpace(): void {
    this.memory.store(WAITING, 1);
  }

  /** False: a stray write has changed PRODUCER_POSITION, or has set CONSUMER_POSITION to an impossible value. */
  isSound(): boolean {
    const used = (this.#position - this.memory.load(CONSUMER_POSITION)) | 0;
    return this.memory.load(PRODUCER_POSITION) === this.#position && used >= 0 && used <= this.capacity;
  }

  #hasRoom(size: number): boolean {
    if (((this.#position + size - this.#cachedConsumer) | 0) <= this.capacity) return true;
    this.#cachedConsumer = this.memory.load(CONSUMER_POSITION);
    return ((this.#position + size - this.#cachedConsumer) | 0) <= this.capacity;
  }

  #header(index: number, length: number, kind: number): void {
    const word = index >> 2;
    this.words[word] = length;
    this.words[word + 1] = kind;
  }
}

export class RingConsumer extends RingEnd {
  // The record that `next` found.
  kind = 0;
  exchange = 0;
  generation = 0;
  /** Offset of the record's payload in `bytes`. */
  offset = 0;
  length = 0;

  #position = 0;
  #producer = 0;
  #size = 0;
  #isBroken = false;

  /** False: a stray write has changed CONSUMER_POSITION or a record, or has set PRODUCER_POSITION to an impossible value. */
  isSound(): boolean {
    const waiting = (this.memory.load(PRODUCER_POSITION) - this.#position) | 0;
    const isOwn = this.memory.load(CONSUMER_POSITION) === this.#position;
    return isOwn && !this.#isBroken && waiting >= 0 && waiting <= this.capacity;
  }

  /** Whether a committed record waits. */
  ready(): boolean {
    return this.#position !== this.memory.load(PRODUCER_POSITION);
  }

  /**
   * Steps to the next committed record. Returns false if there is none. The payload is valid until `release`.
   *
   * A stray write may have damaged the record's length. The consumer does not follow an impossible length, because it would
   * read outside the ring or loop forever.
   */
  next(): boolean {
    for (;;) {
      if (this.#position === this.#producer) {
        this.#producer = this.memory.load(PRODUCER_POSITION);
        if (this.#position === this.#producer) return false;
      }
      const index = this.#position & this.mask;
      const word = index >> 2;
      this.length = this.words[word]!;
      this.kind = this.words[word + 1]!;
      this.#size = aligned(RECORD_HEADER + this.length);
      const waiting = (this.#producer - this.#position) | 0;
      if (this.#size < RECORD_HEADER || this.#size > waiting || index + this.#size > this.capacity) {
        this.#isBroken = true;
        return false;
      }
      if (this.kind !== PADDING) {
        this.exchange = this.words[word + 2]!;
        this.generation = this.words[word + 3]!;
        this.offset = index + RECORD_HEADER;
        return true;
      }
      this.release();
    }
  }

  /** Frees the record that `next` found. */
  release(): void {
    this.#position = (this.#position + this.#size) | 0;
    this.memory.store(CONSUMER_POSITION, this.#position);
  }

  /** Blocks this thread until a record is committed, or until the time is over. Not for the I/O thread. */
  waitForRecord(milliseconds: number): void {
    this.memory.wait(PRODUCER_POSITION, this.#position, milliseconds);
  }

  /** Whether the producer waits for space. True at most once for each call of `awaitSpace`. */
  takeWaiting(): boolean {
    return this.memory.load(WAITING) === 1 && this.memory.exchange(WAITING, 0) === 1;
  }
}

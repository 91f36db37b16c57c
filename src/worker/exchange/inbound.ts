/**
 * Request bodies from the inbound ring, sorted into one queue per exchange.
 *
 * Law: always empties the ring, whether or not an application reads its body. An application that does not read never delays
 * the body of another one. The acceptor's window bounds the unread bytes in a queue.
 */
import { ByteQueue } from '../../ring/byte-queue.ts';
import { BROKEN, END, halfWindow, RecordKind, kindOf } from '../../ring/message.ts';
import { ClientGoneError, NoBlockingError } from '../../tsgi/rule-errors.ts';
import type { BodySource } from '../../tsgi/input.ts';
import type { Link } from './link.ts';
import type { Running } from './running.ts';

const BLOCK_MS = 1;

export class InboundBody implements BodySource {
  readonly #queue: ByteQueue = new ByteQueue();
  readonly #inbound: Inbound;
  readonly #exchange: number;
  readonly #generation: number;
  #ended = false;
  #error: Error | null = null;
  #consumed = 0;
  /** The value of `#consumed` when this worker last woke the acceptor for it. */
  #consumedTold = 0;
  #reader: Running | null = null;
  /** What this body has reported to the acceptor. 0: nothing. 1: the application waits. 2: the thread waits. */
  #told: 0 | 1 | 2 = 0;
  #wake: (() => void) | null = null;
  /** The answer of the body's exchange. While it waits for its client, it does not count against the worker's concurrency. */
  holder: { setAwaitsClient(awaits: boolean): void } | null = null;

  constructor(inbound: Inbound, exchange: number, generation: number) {
    this.#inbound = inbound;
    this.#exchange = exchange;
    this.#generation = generation;
  }

  /** Called in the worker's turn when bytes have arrived, for a connection that the application took over. */
  get reader(): Running | null {
    return this.#reader;
  }

  set reader(reader: Running | null) {
    this.#reader = reader;
    // Such a connection has many small messages.
    this.#queue.pooled = reader !== null;
  }

  /** True once the application has waited for the body. */
  get asked(): boolean {
    return this.#told > 0;
  }

  /** Bytes that the client has still to send (`ExchangeTable.setLeft`). 0 after the end of the body. */
  get left(): number {
    return this.#ended ? 0 : this.#inbound.left(this.#exchange);
  }

  /** True if the acceptor has the whole body, but this worker has not. */
  get isComing(): boolean {
    return !this.#ended && this.left === 0;
  }

  // Called by the application's input stream.

  next(): Uint8Array | null | undefined {
    const chunk = this.#queue.shift();
    if (chunk !== undefined) {
      this.#consumed = (this.#consumed + chunk.length) | 0;
      if (this.#error === null && !this.#ended) this.#sayConsumed();
      return chunk;
    }
    if (this.#error !== null) throw this.#error;
    return this.#ended ? null : undefined;
  }

  /** True if the body broke off and all its queued bytes have been read. */
  get broken(): boolean {
    return this.#queue.length === 0 && this.#error !== null;
  }

  wait(): Promise<void> {
    if (this.#ready) return Promise.resolve();
    this.#want(1);
    this.holder?.setAwaitsClient(true);
    return new Promise((resolve) => {
      this.#wake = resolve;
    });
  }

  /** Blocks the thread until the body has bytes or an end. Sorts the bytes of all other exchanges meanwhile. */
  waitSync(): void {
    while (!this.#ready) {
      this.#inbound.mustBlock();
      this.#want(2);
      this.#inbound.block(BLOCK_MS);
    }
  }

  get #ready(): boolean {
    return this.#queue.length > 0 || this.#ended || this.#error !== null;
  }

  // Called by the loop.

  /** Copies the bytes. */
  onBytes(bytes: Uint8Array): void {
    this.#queue.add(bytes);
    this.#wakeUp();
  }

  onEnd(broken: boolean): void {
    if (broken) return this.onError(new ClientGoneError());
    this.#ended = true;
    this.#wakeUp();
  }

  onError(error: Error): void {
    this.#error ??= error;
    this.#wakeUp();
  }

  /** Reports the consumed bytes, so that the acceptor may send as many more. */
  #sayConsumed(): void {
    const wakes = halfWindow(this.#consumed, this.#consumedTold);
    if (wakes) this.#consumedTold = this.#consumed;
    this.#inbound.consumed(this.#exchange, this.#consumed, wakes);
  }

  #want(how: 1 | 2): void {
    if (this.#told >= how) return;
    this.#told = how;
    this.#inbound.want(this.#exchange, this.#generation, how === 2);
  }

  #wakeUp(): void {
    if (this.#reader !== null) return this.#inbound.readable(this.#reader);
    const wake = this.#wake;
    if (wake === null) return;
    this.#wake = null;
    this.holder?.setAwaitsClient(false);
    wake();
  }
}

/** The part of the gateway that the inbound side calls. */
export interface InboundOwner {
  /**
   * The application waits for an exchange's body. Called for the first wait, and for the first wait that `blocks` the thread.
   */
  wantBody(exchange: number, generation: number, blocks: boolean): void;
  checkAborts(): void;
  /** The acceptor has assigned an exchange to this worker. */
  assign(exchange: number, generation: number): void;
}

export class Inbound {
  readonly #link: Link;
  readonly #owner: InboundOwner;
  readonly #mayBlock: boolean;
  /** Indexed by exchange. */
  readonly #bodies: (InboundBody | undefined)[] = [];
  #readable: Set<Running> = new Set();

  constructor(link: Link, owner: InboundOwner, mayBlock: boolean) {
    this.#link = link;
    this.#owner = owner;
    this.#mayBlock = mayBlock;
  }

  open(exchange: number, generation: number): InboundBody {
    const body = new InboundBody(this, exchange, generation);
    this.#bodies[exchange] = body;
    return body;
  }

  /** The exchange is over. Bytes that still arrive for it are dropped. */
  close(exchange: number, body: InboundBody): void {
    if (this.#bodies[exchange] === body) this.#bodies[exchange] = undefined;
  }

  /** Sorts every record in the ring. */
  sort(): void {
    const { inbound } = this.#link;
    while (inbound.next()) {
      const body = this.#bodies[inbound.exchange];
      const { kind, offset, length } = inbound;
      if (kindOf(kind) === RecordKind.ASSIGN) {
        this.#owner.assign(inbound.exchange, inbound.generation);
      } else if (body !== undefined) {
        if (length > 0) body.onBytes(inbound.bytes.subarray(offset, offset + length));
        if ((kind & END) !== 0) body.onEnd((kind & BROKEN) !== 0);
      }
      inbound.release();
    }
    if (inbound.takeWaiting()) this.#link.acceptor.ring();
  }

  readable(reader: Running): void {
    this.#readable.add(reader);
  }

  /** Returns the exchanges that received bytes since the previous call. */
  takeReadable(): Iterable<Running> {
    const readable = this.#readable;
    if (readable.size > 0) this.#readable = new Set();
    return readable;
  }

  left(exchange: number): number {
    return this.#link.shared.table.left(exchange);
  }

  want(exchange: number, generation: number, blocks: boolean): void {
    this.#owner.wantBody(exchange, generation, blocks);
  }

  /** The application has taken bytes. `wakes`: the acceptor may be waiting for them. */
  consumed(exchange: number, bytes: number, wakes: boolean): void {
    this.#link.shared.table.setConsumed(exchange, bytes);
    if (wakes) this.#link.acceptor.ring();
  }

  /** @throws NoBlockingError if this thread itself brings the bytes */
  mustBlock(): void {
    if (!this.#mayBlock) throw new NoBlockingError();
  }

  block(milliseconds: number): void {
    this.#link.inbound.waitForRecord(milliseconds);
    // The thread waits for a client, so it is not stuck.
    this.#link.turned();
    this.sort();
    this.#owner.checkAborts();
  }
}

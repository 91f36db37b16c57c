/**
 * Request bodies that come through the inbound ring, sorted into one queue per exchange.
 *
 * Law: the ring is always emptied, whoever reads and whoever does not, so that one application that does not read its
 * body never holds up another's. What lies unread in a queue is bounded by the acceptor's window.
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
  /** How much of that the acceptor was woken for. */
  #consumedTold = 0;
  #reader: Running | null = null;
  /** What the acceptor was told: nothing, that the application waits, that the thread does. */
  #told: 0 | 1 | 2 = 0;
  #wake: (() => void) | null = null;
  /** Its exchange's answer: it does not count against the worker's concurrency while it waits for its client. */
  holder: { setAwaitsClient(awaits: boolean): void } | null = null;

  constructor(inbound: Inbound, exchange: number, generation: number) {
    this.#inbound = inbound;
    this.#exchange = exchange;
    this.#generation = generation;
  }

  /** Is called in the worker's turn when something came, for a connection that was taken over. */
  get reader(): Running | null {
    return this.#reader;
  }

  set reader(reader: Running | null) {
    this.#reader = reader;
    // Such a connection has many small messages.
    this.#queue.pooled = reader !== null;
  }

  /** The application has waited for it. */
  get asked(): boolean {
    return this.#told > 0;
  }

  /** What its client has still to send (`ExchangeTable.setLeft`). May be asked until END was said. */
  get left(): number {
    return this.#ended ? 0 : this.#inbound.left(this.#exchange);
  }

  /** It has come whole, but not all of it is here. Like `left`. */
  get isComing(): boolean {
    return !this.#ended && this.left === 0;
  }

  // called by the application's input stream

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

  /** Nothing is left of it but that it broke off. */
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

  /** Blocks the thread; every other exchange's bytes are sorted meanwhile. */
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

  // called by the loop

  /** Copies them. */
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

  /** The acceptor may send as many more. */
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

/** What the inbound side needs of the gateway. */
export interface InboundOwner {
  /** The application waits for an exchange's body: for the first time, or `blocks` the thread for the first time. */
  wantBody(exchange: number, generation: number, blocks: boolean): void;
  checkAborts(): void;
  /** An exchange waits for this worker. */
  assign(exchange: number, generation: number): void;
}

export class Inbound {
  readonly #link: Link;
  readonly #owner: InboundOwner;
  readonly #mayBlock: boolean;
  /** By exchange. */
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

  /** The exchange is over: what still comes for it is dropped. */
  close(exchange: number, body: InboundBody): void {
    if (this.#bodies[exchange] === body) this.#bodies[exchange] = undefined;
  }

  /** Sorts everything that lies in the ring. */
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

  /** Those that something came for since this was asked last. */
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

  /** The application took bytes. `wakes`: the acceptor may wait for that. */
  consumed(exchange: number, bytes: number, wakes: boolean): void {
    this.#link.shared.table.setConsumed(exchange, bytes);
    if (wakes) this.#link.acceptor.ring();
  }

  /** @throws NoBlockingError where this thread is the one that brings the bytes */
  mustBlock(): void {
    if (!this.#mayBlock) throw new NoBlockingError();
  }

  block(milliseconds: number): void {
    this.#link.inbound.waitForRecord(milliseconds);
    // It waits for the client, and is not stuck.
    this.#link.turned();
    this.sort();
    this.#owner.checkAborts();
  }
}

/**
 * Moves the bytes of one exchange's answer from its application into the response ring.
 *
 * Law: knows an ordered queue, the exchange's window and the ring's room. Callers decide on the content of the bytes
 * (`response.ts` for TSGI, `node/socket.ts` for Node's HTTP). A string here is Latin-1: one code unit is one byte.
 */
import { Buffer } from 'node:buffer';
import { chooseFraming, encodeHead, Framing } from '../../http/encoder.ts';
import { INSUFFICIENT } from '../../ring/byte-ring.ts';
import type { ByteBuffer } from '../../ring/bytes.ts';
import { Abort } from '../../ring/layout.ts';
import {
  CLOSE,
  END,
  INTERIM,
  RecordKind,
  leavesTooMuch,
  NO_EXCHANGE,
  PIECE,
  WINDOW,
} from '../../ring/message.ts';
import type { WorkerLoop } from './loop.ts';
import type { AnsweredRequest } from './answers.ts';
import { PartQueue } from './part-queue.ts';
import { points } from '../points.ts';

/** A string of up to this many bytes is written into the ring without a Buffer of its own. */
const SHORT = 8 * 1024;

/** An ASCII body of up to this many bytes is joined with its head: the copy costs less than a second write. */
const JOINED = 1024;

/** The parts of a request's head that decide its answer's framing. */
export interface ResponsePlan {
  readonly http11: boolean;
  readonly keepAlive: boolean;
  readonly headRequest: boolean;
}

/** The state of a request body, as an answer needs it. */
export interface UnfinishedBody {
  /** True once the application has waited for the body. */
  readonly asked: boolean;
  /** Bytes that the client has still to send (`ExchangeTable.setLeft`). */
  readonly left: number;
}

/** Holds the last encoded text until it is flushed. A buffer for each text would keep the garbage collector busy. */
let scratch: Buffer | null = null;

/** Encodes a text of `bytes` bytes in UTF-8 for the queue. The caller must flush it at once. */
export function encoded(text: string, bytes: number): Uint8Array | string {
  // ASCII text is Latin-1 already.
  if (text.length === bytes) return text;
  if (bytes > WINDOW) return Buffer.from(text);
  scratch ??= Buffer.allocUnsafeSlow(WINDOW);
  scratch.write(text);
  return scratch.subarray(0, bytes);
}

/** `length`: bytes of the body in UTF-8. */
function writeAnswer(bytes: ByteBuffer, at: number, head: string, body: string, length: number): void {
  const isAscii = body.length === length;
  if (isAscii && length <= JOINED) {
    bytes.latin1Write(head + body, at);
    return;
  }
  bytes.latin1Write(head, at);
  if (isAscii) bytes.latin1Write(body, at + head.length);
  else bytes.utf8Write(body, at + head.length);
}

export class Outbound {
  readonly exchange: number;
  readonly generation: number;
  readonly plan: ResponsePlan;
  /** True once the head is in the ring or in the queue. */
  started = false;
  /** True once END or ABORT was written: the exchange does not belong to this worker any more. */
  over = false;
  /** True if no client waits for the answer. Later output is dropped. */
  gone = false;
  /** True once `drop` was called: its END is still to be written. */
  dropped = false;
  /** Called when `over` becomes true, if that happens after the application is done. */
  onOver: (() => void) | null = null;
  /** The rest of the request's body, if the head did not bring all of it. */
  body: UnfinishedBody | null = null;
  /** True if the client waits for `100 Continue` before it sends the body (`Expect: 100-continue`). */
  expects = false;
  /** The request that this answers. */
  request: AnsweredRequest | null = null;
  /** True if the loop's observer expects the start of the body. */
  protected showsBody = false;
  protected readonly loop: WorkerLoop;
  protected readonly queue: PartQueue = new PartQueue();
  protected ending = false;
  protected closes = false;
  #sent = 0;
  /** True for a taken-over connection. A write is then one message, and waits for the turn's end. */
  #tunnel = false;
  /** True once the worker has requested the connection's end after the answer. */
  #hungUp = false;
  /** True while the application waits for its client. */
  #awaitsClient = false;

  constructor(loop: WorkerLoop, exchange: number, generation: number, plan: ResponsePlan) {
    this.loop = loop;
    this.exchange = exchange;
    this.generation = generation;
    this.plan = plan;
  }

  /** One of `Abort`: the reason why no client waits for the answer. NONE once the exchange is dropped or over. */
  get abortedWhy(): number {
    return this.dropped ? Abort.NONE : this.loop.abortOf(this);
  }

  /** The loop's clock: the time at which the current exchange began, in ms since the epoch. */
  get now(): number {
    return this.loop.now;
  }

  /** True if nothing can follow the queued bytes. */
  get ended(): boolean {
    return this.over || this.ending;
  }

  /** Queued bytes, which wait for room. */
  get waiting(): number {
    return this.queue.bytes;
  }

  /** Bytes of an unfinished answer that the client has not taken. */
  get untaken(): number {
    return this.over ? 0 : this.queue.bytes + ((this.#sent - this.loop.creditOf(this)) | 0);
  }

  /** Treats the head as sent: the exchange no longer counts against the worker's concurrency. */
  begin(): void {
    if (this.started) return;
    this.started = true;
    if (!this.#awaitsClient) this.loop.letGo();
  }

  /** While the application waits for its client's bytes before the head, the exchange does not count. */
  setAwaitsClient(awaits: boolean): void {
    if (this.started || this.#awaitsClient === awaits) return;
    this.#awaitsClient = awaits;
    if (awaits) this.loop.letGo();
    else this.loop.hold();
  }

  /** Gives the connection to the application. Bytes from the client now arrive as the exchange's body. */
  takeOver(): void {
    this.begin();
    this.#tunnel = true;
    this.loop.say(RecordKind.TUNNEL, this.exchange, this.generation);
    this.loop.committed(false);
  }

  /** Shows the observer the head of the answer, before any of it is sent. */
  observe(head: string): void {
    const { answers } = this.loop;
    if (answers !== null && this.request !== null) this.showsBody = answers.headOnReady(head, this.request);
  }

  /** The same for a head and the first body bytes: Node joins a head and the text that follows it. */
  observeJoined(head: string, data: Uint8Array | string): void {
    this.observe(head);
    if (this.showsBody && typeof data === 'string') this.observeBody(data.slice(head.length));
  }

  /** Shows the observer the first part of the body. */
  observeBody(body: Uint8Array | string): void {
    if (!this.showsBody || body.length === 0) return;
    this.showsBody = false;
    this.loop.answers!.bodyOnStart(body);
  }

  push(part: Uint8Array | string): void {
    if (part.length > 0 && !this.dropped) this.queue.push(part);
  }

  /** Sends an interim response, or drops it if the ring has no room. The answer does not begin. */
  sendInterim(text: string): void {
    const { responses } = this.loop.link;
    if (this.over || text.length > PIECE) return;
    const at = responses.claim(text.length);
    if (at === INSUFFICIENT) return;
    responses.bytes.latin1Write(text, at);
    responses.commit(text.length, RecordKind.RESPONSE | INTERIM, this.exchange, this.generation);
    this.loop.committed(false);
  }

  /** Ends the answer after the queued bytes. One call with `close` is enough to close the connection. */
  finish(close: boolean): void {
    if (this.over) return;
    this.closes ||= close;
    this.ending = true;
    this.flush();
  }

  /** Sends an answer of the server. The application's answer is not sent. Only before `started`. */
  refuse(status: number, text: string): void {
    const { http11, headRequest } = this.plan;
    const framing = chooseFraming(status, text.length, http11, headRequest);
    this.begin();
    this.closes = !this.keepsAlive || this.leavesBody;
    this.ending = true;
    const head = encodeHead({
      status,
      headers: [['content-type', 'text/plain']],
      framing,
      length: text.length,
      http11,
      keepAlive: !this.closes,
      date: this.loop.date(),
    });
    this.sendShort(head, framing === Framing.NONE ? '' : text, framing === Framing.NONE ? 0 : text.length);
  }

  /** Aborts the answer, so that the client sees the truncation. An answer that has ended is still sent. */
  abort(): void {
    if (!this.ending) this.#cut(RecordKind.ABORT);
  }

  /** The client has ended its side. Queued bytes are still sent, and then the connection ends. */
  part(): void {
    this.begin();
    this.finish(true);
    this.gone = true;
  }

  /** The application closes the connection with this number, after an answer that has ended. */
  closeConnection(connection: number): void {
    if (this.gone || this.#hungUp) return;
    if (!this.over) return this.finish(true);
    this.#hungUp = true;
    if (this.closes) return;
    this.loop.say(RecordKind.HANG_UP, NO_EXCHANGE, connection);
    this.loop.committed(true);
  }

  /** Ends the connection now. The acceptor still sends the bytes that it has; the queue is dropped. */
  hangUp(): void {
    if (!this.ending) this.#cut(RecordKind.RESPONSE | END | CLOSE);
  }

  /** No client waits any more. Gives the exchange back at once, and drops later output. */
  leave(): void {
    this.gone = true;
    this.#cut(RecordKind.RESPONSE | END);
  }

  /** The same, while more of the body arrives. END waits for `leave`, because END would break the body off. */
  drop(): void {
    if (this.over) return;
    this.gone = true;
    this.dropped = true;
    this.queue.clear();
    this.begin();
    this.onCut();
  }

  /** Moves queued bytes into the ring, as far as there is room. */
  flush(): void {
    if (this.over) return;
    if (this.dropped) return this.#flushNowhere();
    while (this.queue.length > 0) {
      if (this.#sendPiece()) continue;
      if (this.over) return;
      this.queue.keep(scratch?.buffer);
      return this.loop.blockedOn(this);
    }
    if (this.ending && !this.over) this.#sayEnd(RecordKind.RESPONSE | END | (this.closes ? CLOSE : 0));
    if (this.#tunnel) this.loop.committedMessage();
    else this.loop.committed(this.over);
    this.onFlow();
  }

  #flushNowhere(): void {
    if (this.ending) this.leave();
    this.onFlow();
  }

  /**
   * True if the request and the server keep the connection open after this answer. If the client expects `100 Continue` and
   * never got it, the connection ends: the client's next bytes may be its body or a request.
   */
  get keepsAlive(): boolean {
    return this.plan.keepAlive && !this.loop.draining && !(this.expects && this.#isUntold);
  }

  get #isUntold(): boolean {
    return this.body !== null && !this.body.asked && this.body.left !== 0;
  }

  /** True if a whole answer leaves more of the body than the acceptor reads to keep the connection. */
  protected get leavesBody(): boolean {
    return this.body !== null && leavesTooMuch(this.body.left);
  }

  /** Called when all queued bytes are in the ring. */
  protected onFlow(): void {}

  /** Called when queued bytes were dropped, because no client waits for them. */
  protected onCut(): void {}

  protected isOver(): void {
    this.over = true;
    this.onOver?.();
  }

  /** Sends a whole answer with `length` body bytes, and END. A string is encoded as UTF-8. */
  protected sendWhole(head: string, body: Uint8Array | string, length: number): void {
    this.ending = true;
    if (this.dropped) return this.leave();
    this.observeBody(body);
    if (length === 0) return this.sendShort(head, '', 0);
    if (typeof body === 'string' && length <= SHORT) return this.sendShort(head, body, length);
    this.queue.push(head);
    this.queue.push(typeof body === 'string' ? encoded(body, length) : body);
    this.flush();
  }

  /** Sends a whole answer in one record, the common case, with one copy. `body` is encoded as UTF-8. */
  protected sendShort(head: string, body: string, length: number): void {
    const ring = this.loop.link.responses;
    const size = head.length + length;
    const at = size > PIECE ? INSUFFICIENT : ring.claim(size);
    if (at === INSUFFICIENT) {
      this.queue.push(head);
      if (length > 0) this.queue.push(Buffer.from(body));
      return this.flush();
    }
    writeAnswer(ring.bytes, at, head, body, length);
    points.reached('mid-record');
    this.isOver();
    ring.commit(size, RecordKind.RESPONSE | END | (this.closes ? CLOSE : 0), this.exchange, this.generation);
    points.reached('committed');
    this.loop.committed(true);
  }

  /** Sends one record from the queue. Returns false if there is no room now, or if the answer was aborted. */
  #sendPiece(): boolean {
    const room = Math.min(PIECE, WINDOW - ((this.#sent - this.loop.creditOf(this)) | 0));
    if (room <= 0) return false;
    const ring = this.loop.link.responses;
    const wanted = Math.min(room, this.queue.bytes);
    const at = ring.claim(wanted);
    if (at === INSUFFICIENT) return this.loop.awaitSpace(wanted);
    if (!this.#fill(at, wanted)) {
      this.#cut(RecordKind.ABORT);
      return false;
    }
    const last = this.ending && this.queue.length === 0;
    points.reached('mid-record');
    if (last) this.isOver();
    const kind = RecordKind.RESPONSE | (last ? END | (this.closes ? CLOSE : 0) : 0);
    ring.commit(wanted, kind, this.exchange, this.generation);
    points.reached('committed');
    this.#sent = (this.#sent + wanted) | 0;
    return true;
  }

  /** Copies `room` bytes from the queue into the ring. Returns false if the memory of a part was detached. */
  #fill(at: number, room: number): boolean {
    const { bytes } = this.loop.link.responses;
    for (let left = room; left > 0;) {
      const part = this.queue.first;
      if (part === undefined || part.length === 0) return false;
      const length = Math.min(part.length, left);
      if (typeof part === 'string')
        bytes.latin1Write(length === part.length ? part : part.slice(0, length), at);
      else bytes.set(length === part.length ? part : part.subarray(0, length), at);
      at += length;
      left -= length;
      this.queue.take(length);
    }
    return true;
  }

  #cut(kind: number): void {
    if (this.over) return;
    this.queue.clear();
    this.ending = true;
    this.begin();
    this.#sayEnd(kind);
    this.loop.committed(true);
    this.onCut();
  }

  /** Writes a record without payload. If the ring is full, the loop writes it later. */
  #sayEnd(kind: number): void {
    this.isOver();
    this.loop.say(kind, this.exchange, this.generation);
  }
}

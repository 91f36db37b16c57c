/**
 * The bytes of one exchange's answer, from its application into the response ring.
 *
 * Law: an ordered queue, the exchange's window and the ring's room; what the bytes say is for those who put them here
 * (`response.ts` for TSGI, `node/socket.ts` for what speaks HTTP itself). A string here is Latin-1: one code unit a byte.
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

/** A string up to this many bytes is written into the ring without a Buffer of its own. */
const SHORT = 8 * 1024;

/** An ASCII body up to this many bytes is joined with its head: a call to write costs more than the copy. */
const JOINED = 1024;

/** What of a request's head decides its answer's framing. */
export interface ResponsePlan {
  readonly http11: boolean;
  readonly keepAlive: boolean;
  readonly headRequest: boolean;
}

/** As far as an answer must know it. */
export interface UnfinishedBody {
  /** The application has waited for it. */
  readonly asked: boolean;
  /** Bytes that the client has still to send (`ExchangeTable.setLeft`). */
  readonly left: number;
}

/** Holds what was encoded last, until it is flushed: a buffer for each text would keep the garbage collector busy. */
let scratch: Buffer | null = null;

/** What goes into the queue of a text with so many bytes in UTF-8. To be flushed at once. */
export function encoded(text: string, bytes: number): Uint8Array | string {
  // ASCII is Latin-1 as it stands.
  if (text.length === bytes) return text;
  if (bytes > WINDOW) return Buffer.from(text);
  scratch ??= Buffer.allocUnsafeSlow(WINDOW);
  scratch.write(text);
  return scratch.subarray(0, bytes);
}

/** `length` is the body's, in UTF-8. */
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
  /** The head has been given to the acceptor or waits to be. */
  started = false;
  /** END or ABORT was said: the exchange is not ours any more. */
  over = false;
  /** Nobody waits for it; what is still written is dropped. */
  gone = false;
  /** `drop` was called: its END is still to be said. */
  dropped = false;
  /** Called when it becomes over, if that is not so yet when its application is done. */
  onOver: (() => void) | null = null;
  /** What follows of the request's body, if it did not come whole with the head. */
  body: UnfinishedBody | null = null;
  /** The client sends the body only if it is told to (`Expect: 100-continue`). */
  expects = false;
  /** What it answers. */
  request: AnsweredRequest | null = null;
  /** The loop's observer is to be shown how the body begins. */
  protected showsBody = false;
  protected readonly loop: WorkerLoop;
  protected readonly queue: PartQueue = new PartQueue();
  protected ending = false;
  protected closes = false;
  #sent = 0;
  /** What is written is one message of many, and waits for the turn's end like a whole answer. */
  #tunnel = false;
  /** The acceptor was told to close the connection behind the answer. */
  #hungUp = false;
  /** Its application waits for its client. */
  #awaitsClient = false;

  constructor(loop: WorkerLoop, exchange: number, generation: number, plan: ResponsePlan) {
    this.loop = loop;
    this.exchange = exchange;
    this.generation = generation;
    this.plan = plan;
  }

  /** Why nobody waits for it any more, one of `Abort`; NONE once that was heard, or it is over. */
  get abortedWhy(): number {
    return this.dropped ? Abort.NONE : this.loop.abortOf(this);
  }

  /** The loop's clock, ms since the epoch: when the exchange at hand was begun. */
  get now(): number {
    return this.loop.now;
  }

  /** Nothing follows what is queued. */
  get ended(): boolean {
    return this.over || this.ending;
  }

  /** Bytes that wait for room. */
  get waiting(): number {
    return this.queue.bytes;
  }

  /** Bytes of an answer that is not over, and that the client has not taken. */
  get untaken(): number {
    return this.over ? 0 : this.queue.bytes + ((this.#sent - this.loop.creditOf(this)) | 0);
  }

  /** Its head counts as sent: it no longer counts against the worker's concurrency. */
  begin(): void {
    if (this.started) return;
    this.started = true;
    if (!this.#awaitsClient) this.loop.letGo();
  }

  /** The application waits for its client's bytes, or has them: until its head is sent it counts only while it has work to do. */
  setAwaitsClient(awaits: boolean): void {
    if (this.started || this.#awaitsClient === awaits) return;
    this.#awaitsClient = awaits;
    if (awaits) this.loop.letGo();
    else this.loop.hold();
  }

  /** The connection is its application's from now on: what its client sends comes as the exchange's body. */
  takeOver(): void {
    this.begin();
    this.#tunnel = true;
    this.loop.say(RecordKind.TUNNEL, this.exchange, this.generation);
    this.loop.committed(false);
  }

  /** The head of the application's answer, before any of it is sent. */
  observe(head: string): void {
    const { answers } = this.loop;
    if (answers !== null && this.request !== null) this.showsBody = answers.headOnReady(head, this.request);
  }

  /** The same, with the first bytes that are sent: Node joins a head and a text that follows it. */
  observeJoined(head: string, data: Uint8Array | string): void {
    this.observe(head);
    if (this.showsBody && typeof data === 'string') this.observeBody(data.slice(head.length));
  }

  /** The first part of its body. */
  observeBody(body: Uint8Array | string): void {
    if (!this.showsBody || body.length === 0) return;
    this.showsBody = false;
    this.loop.answers!.bodyOnStart(body);
  }

  push(part: Uint8Array | string): void {
    if (part.length > 0 && !this.dropped) this.queue.push(part);
  }

  /** Sends what stands before the response: it begins nothing, and is dropped where there is no room for it. */
  sendInterim(text: string): void {
    const { responses } = this.loop.link;
    if (this.over || text.length > PIECE) return;
    const at = responses.claim(text.length);
    if (at === INSUFFICIENT) return;
    responses.bytes.latin1Write(text, at);
    responses.commit(text.length, RecordKind.RESPONSE | INTERIM, this.exchange, this.generation);
    this.loop.committed(false);
  }

  /** Ends the answer behind what is queued. Once called with `close`, the connection closes whatever a later call says. */
  finish(close: boolean): void {
    if (this.over) return;
    this.closes ||= close;
    this.ending = true;
    this.flush();
  }

  /** A whole answer of the server's own, in place of the application's: only before `started`. */
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

  /** The answer cannot be finished: the client shall see the truncation. One that has ended goes out all the same. */
  abort(): void {
    if (!this.ending) this.#cut(RecordKind.ABORT);
  }

  /** The client has ended its side: what is queued still goes out, and the connection ends. */
  part(): void {
    this.begin();
    this.finish(true);
    this.gone = true;
  }

  /** The application closes the connection with this number behind an answer that has ended. */
  closeConnection(connection: number): void {
    if (this.gone || this.#hungUp) return;
    if (!this.over) return this.finish(true);
    this.#hungUp = true;
    if (this.closes) return;
    this.loop.say(RecordKind.HANG_UP, NO_EXCHANGE, connection);
    this.loop.committed(true);
  }

  /** Ends the connection now: what the acceptor has been given goes out, what waits for room does not. */
  hangUp(): void {
    if (!this.ending) this.#cut(RecordKind.RESPONSE | END | CLOSE);
  }

  /** Nobody waits for this answer any more. Gives the exchange back at once; what is still written is dropped. */
  leave(): void {
    this.gone = true;
    this.#cut(RecordKind.RESPONSE | END);
  }

  /** The same, while more of the body comes: END waits for `leave`, because it would break the body off. */
  drop(): void {
    if (this.over) return;
    this.gone = true;
    this.dropped = true;
    this.queue.clear();
    this.begin();
    this.onCut();
  }

  /** Moves what there is room for into the ring. */
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
   * Whether the connection goes on after this answer, as far as the request and the server say. It ends if its client was
   * never told to send its body: the client may send that next, or its next request, and nobody can tell which.
   */
  get keepsAlive(): boolean {
    return this.plan.keepAlive && !this.loop.draining && !(this.expects && this.#isUntold);
  }

  get #isUntold(): boolean {
    return this.body !== null && !this.body.asked && this.body.left !== 0;
  }

  /** A whole answer leaves more of its request's body than the acceptor reads for the connection's sake. */
  protected get leavesBody(): boolean {
    return this.body !== null && leavesTooMuch(this.body.left);
  }

  /** All that was queued is in the ring. */
  protected onFlow(): void {}

  /** What was queued was dropped: nobody waits for it. */
  protected onCut(): void {}

  protected isOver(): void {
    this.over = true;
    this.onOver?.();
  }

  /** A whole answer, `length` bytes behind its head: END follows it. A string is encoded as UTF-8. */
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

  /** A whole answer in one record, the common case: no copy besides the one into the ring. `body` is encoded as UTF-8. */
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

  /** Sends as much of the queue as one record holds; false when there is no room now, or the answer cannot be finished. */
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

  /** Copies exactly `room` bytes from the queue's front into the ring. False: the memory of a part was taken away while it waited. */
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

  /** A record without payload; the loop says it later when the ring is full. */
  #sayEnd(kind: number): void {
    this.isOver();
    this.loop.say(kind, this.exchange, this.generation);
  }
}

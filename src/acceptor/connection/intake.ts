/**
 * The way in of one connection: bytes → head and body → an exchange, or an upload beside it.
 *
 * Law: parses and collects; says what happened to its connection, which alone writes, waits and closes. What a
 * request may be is decided by the parser and the limits here; a method that can refuse returns false when it did,
 * and nothing more is read from that message.
 */
import { Buffer } from 'node:buffer';
import { Flag } from '../../http/head-flags.ts';
import { Outcome, type Parser, type SavedMessage } from '../../http/parser.ts';
import { ByteQueue } from '../../ring/byte-queue.ts';
import type { HeadBytes } from '../../ring/message.ts';
import { BodyClock } from './body-clock.ts';
import type { BodyHolder } from '../exchange/body-memory.ts';
import type { ConnectionHost, ConnectionLimits } from './connection-host.ts';
import { parses, ConnectionState } from './connection-state.ts';
import { NEW_MS } from '../limits.ts';
import type { Exchange } from '../exchange/exchange.ts';
import { copyHead, liveHead } from './head.ts';
import type { ConnectionOutput } from '../socket/connection-output.ts';
import { headTimeout, shorter } from './place-limits.ts';
import { UPLOAD_HIGH_WATER, Upload } from '../exchange/upload.ts';
import type { UploadWaiter } from '../exchange/upload-gate.ts';

const CONTINUE = Buffer.from('HTTP/1.1 100 Continue\r\n\r\n');
const GOES_ON = Flag.HTTP_1_1 | Flag.KEEP_ALIVE;
/** What the word for it holds. */
const MOST_LEFT = 0x7fffffff;

/** Its connection. */
export interface IntakeOwner {
  state: number;
  readonly limits: ConnectionLimits;
  /** The exchange in flight. */
  readonly exchange: Exchange | null;
  /** The present state ends so many milliseconds from now; 0: not by time. */
  setDeadline(milliseconds: number): void;
  /** Room in the slab for a head and `bodyLength` bytes; undefined when the server is full. */
  begin(head: HeadBytes, bodyLength: number): Exchange | undefined;
  submit(exchange: Exchange, bodyLength: number): void;
  /** The read buffer holds `left` more bytes at `offset` that belong to a later request. */
  intakeOnMessage(offset: number, left: number): void;
  refuse(status: number, detail: string): void;
  readonly output: ConnectionOutput;
  /** More of an answered request's body came than any body may have. */
  linger(): void;
  pause(): void;
}

export class Intake implements BodyHolder, UploadWaiter {
  readonly #host: ConnectionHost;
  readonly #owner: IntakeOwner;
  #saved: SavedMessage | null = null;
  #head: HeadBytes | null = null;
  /** What came of a body that is collected. */
  #body: ByteQueue | null = null;
  /** It is one of the holders of `bodies`. */
  #holds = false;
  #received = 0;
  /** −1: not given. */
  #contentLength = -1;
  #startedAt = 0;
  #clock: BodyClock | null = null;
  /** Of the present request. */
  flags = 0;
  upload: Upload | null = null;
  /** `100 Continue` is due when the application first reads. */
  continueDue = false;

  constructor(host: ConnectionHost, owner: IntakeOwner) {
    this.#host = host;
    this.#owner = owner;
  }

  // called by the connection

  /** Parses the first `length` bytes of the read buffer. */
  feed(length: number): void {
    const { parser } = this.#host;
    if (this.#saved !== null) parser.restore(this.#saved);
    else this.#startMessage(parser);
    let offset = 0;
    for (;;) {
      const outcome = parser.feed(offset, length);
      if (outcome === Outcome.ERROR) return this.#owner.refuse(parser.error, parser.reason);
      if (parser.headFresh ? !this.#headOnComplete(parser, outcome) : !this.#bodyOnSpans(parser)) return;
      offset += parser.consumed;
      length -= parser.consumed;
      if (outcome === Outcome.MESSAGE) return this.#messageOnComplete(offset, length);
      if (outcome === Outcome.MORE) {
        this.#saved = parser.save(this.#saved);
        if (this.upload !== null) this.#holdBack(this.upload);
        return;
      }
    }
  }

  get isHead(): boolean {
    return (this.flags & Flag.HEAD) !== 0;
  }

  get isUpgrade(): boolean {
    return (this.flags & Flag.UPGRADE) !== 0;
  }

  /** The client speaks HTTP/1.1 and keeps its connection. */
  get goesOn(): boolean {
    return (this.flags & GOES_ON) === GOES_ON;
  }

  /** The application reads: its client is told to send, if it waits for that. */
  wanted(): void {
    const { upload } = this;
    if (upload === null) return;
    upload.wanted = true;
    if (!this.continueDue) return;
    this.continueDue = false;
    this.#clock!.restart(this.#host.now);
    // Behind the head of an answer it would be a part of that.
    const isDue = this.#received === 0 && !upload.ended && this.#owner.exchange?.headSent !== true;
    if (isDue) this.#owner.output.write(CONTINUE);
  }

  /** The answer is there already: the rest of the body is counted and dropped. */
  discard(): void {
    this.forgetBody();
    this.#owner.state = ConnectionState.DISCARD;
  }

  /** The answer needs no worker any more: another body may have the place of this one, which is dropped. */
  leavePlace(): void {
    if (this.upload !== null) this.#host.uploads.leave(this.upload);
  }

  forgetBody(): void {
    if (this.upload !== null) {
      // One that came whole is its exchange's, whose application may read it although its client is gone.
      if (!this.upload.ended) this.upload.close();
      this.#host.uploads.leave(this.upload);
      this.upload = null;
    }
    this.#head = null;
    this.#body?.clear();
    this.#body = null;
    this.continueDue = false;
    this.#leaveMemory();
  }

  /** Nothing is parsed on this connection any more. */
  close(): void {
    this.forgetBody();
    this.#saved = null;
  }

  /** We stop, or go on, reading: that time is not the client's. */
  clockStops(stops: boolean): void {
    if (stops) this.#clock?.stop(this.#host.now);
    else this.#clock?.go(this.#host.now);
  }

  /** Refuses a request whose body comes too slowly, or ends the connection if it is answered. */
  refuseLate(now: number): void {
    const { state } = this.#owner;
    const comes =
      state === ConnectionState.BODY ||
      state === ConnectionState.DISCARD ||
      (state === ConnectionState.STREAM && !this.continueDue);
    const limit = comes ? this.#clock!.late(now, this.#owner.limits) : '';
    if (limit === '') return;
    if (state === ConnectionState.DISCARD) this.#owner.linger();
    else this.#owner.refuse(408, `the body came too slowly (${limit})`);
  }

  // called by the upload gate

  /** A place for its unfinished body is free: the request goes out on its head. */
  uploadOnPlace(): void {
    if (this.#head === null) return;
    const exchange = this.#owner.begin(this.#head, 0);
    this.#head = null;
    if (exchange === undefined) {
      this.upload!.close();
      return this.#owner.refuse(503, '');
    }
    exchange.upload = this.upload;
    this.#tellLeft(exchange);
    this.#owner.setDeadline(0);
    this.#owner.submit(exchange, 0);
  }

  get isRipe(): boolean {
    return this.continueDue || this.#isFull;
  }

  get #isFull(): boolean {
    return this.upload!.waiting >= this.#host.bodies.share;
  }

  uploadOnDisplaced(): void {
    this.#owner.refuse(408, 'the body came too slowly while others waited');
  }

  // called by the memory of bodies

  get givesWay(): boolean {
    return this.#head !== null;
  }

  bodyAge(now: number): number {
    return this.#clock!.age(now);
  }

  bodyRate(now: number): number {
    return this.#clock!.rate(now);
  }

  bodyGoesOn(): void {
    if (this.#owner.state === ConnectionState.BODY) this.#stream();
  }

  bodyGivesWay(): void {
    const status = this.#host.exchanges.blame.on('maxBuffered', this.#head ?? '');
    this.#owner.refuse(status, 'no memory for unfinished bodies');
  }

  bodyHoldsBack(): void {
    const { upload } = this;
    if (upload === null || this.givesWay) return;
    if (upload.waiting > 0 || !upload.wanted) this.#owner.pause();
  }

  #leaveMemory(): void {
    if (!this.#holds) return;
    this.#holds = false;
    this.#host.bodies.leave(this);
  }

  // the message

  #startMessage(parser: Parser): void {
    const { limits } = this.#owner;
    parser.start(limits.maxHeaders);
    this.flags = 0;
    this.#startedAt = this.#host.now;
    this.#owner.state = ConnectionState.HEAD;
    const longest = headTimeout(limits);
    this.#owner.setDeadline(this.#host.closing ? shorter(longest, NEW_MS) : longest);
  }

  #headOnComplete(parser: Parser, outcome: number): boolean {
    this.flags = parser.flags;
    this.#received = 0;
    this.#contentLength = parser.contentLength;
    this.#owner.setDeadline(0);
    if (parser.contentLength > this.#owner.limits.maxBodySize) return this.#refuse(413);
    if ((this.flags & Flag.CONNECT) !== 0 && !this.#host.traits.connects) return this.#refuse(501);
    if (outcome === Outcome.MESSAGE) return this.#submitWhole(parser);
    this.#head = copyHead(liveHead(parser));
    this.#clock ??= new BodyClock();
    this.#clock.start(this.#host.now, this.#startedAt);
    this.#body = new ByteQueue(this.#host.bodies);
    this.#holds = true;
    this.#host.bodies.enter(this);
    this.continueDue = (this.flags & Flag.EXPECT_CONTINUE) !== 0;
    this.#owner.state = ConnectionState.BODY;
    this.#host.bodies.settle(this, this.#host.now);
    if (this.#head !== null && this.#goesAtOnce) this.#stream();
    return parses(this.#owner.state) && this.#bodyOnSpans(parser);
  }

  /** Does not wait for its body to be complete. */
  get #goesAtOnce(): boolean {
    const { bodyBuffer } = this.#owner.limits;
    return this.#host.traits.calledAtHead || this.continueDue || this.#contentLength > bodyBuffer;
  }

  /** The whole message lies in the parser's memory: the common case, copied once, into the slab. */
  #submitWhole(parser: Parser): boolean {
    const body = parser.bodySpanCount === 0 ? null : parser.body();
    const length = body === null ? 0 : body.length;
    if (length > this.#owner.limits.maxBodySize) return this.#refuse(413);
    this.#owner.state = ConnectionState.WAIT;
    const exchange = this.#owner.begin(liveHead(parser), length);
    if (exchange === undefined) return true;
    if (body !== null) this.#host.exchanges.writeBody(exchange.bodyOffset, body);
    this.#owner.submit(exchange, length);
    return true;
  }

  #bodyOnSpans(parser: Parser): boolean {
    if (parser.bodySpanCount > 0 && !this.#bodyOnBytes(parser.body())) return false;
    if (this.upload !== null) this.#uploadOnBytes();
    return true;
  }

  #bodyOnBytes(bytes: Uint8Array): boolean {
    const { limits } = this.#owner;
    const { now, bodies } = this.#host;
    this.#received += bytes.length;
    this.#clock?.arrived(bytes.length, now);
    if (this.#owner.state === ConnectionState.DISCARD) {
      // Its answer may have said that the connection goes on, so all is read that could be known to come.
      if (this.#received > limits.maxBodySize) this.#owner.linger();
      return parses(this.#owner.state);
    }
    if (this.#received > limits.maxBodySize) return this.#refuse(413);
    if (this.upload !== null) this.upload.add(bytes);
    else this.#body!.add(bytes);
    bodies.settle(this, now);
    if (this.#owner.state === ConnectionState.BODY && this.#received > limits.bodyBuffer) this.#stream();
    return parses(this.#owner.state);
  }

  #uploadOnBytes(): void {
    const { exchange } = this.#owner;
    if (exchange === null) return;
    this.#tellLeft(exchange);
    this.#host.pump(exchange);
  }

  /** More of the body comes: one that waits for a place is read on until its buffer is full, others for less. */
  #holdBack(upload: Upload): void {
    if (this.#head === null) return upload.waiting >= UPLOAD_HIGH_WATER ? this.#owner.pause() : undefined;
    if (!this.#isFull) return;
    this.#owner.setDeadline(this.#owner.limits.pendingTimeout);
    this.#owner.pause();
    this.#host.uploads.ripen(upload, this.#host.now);
  }

  #tellLeft(exchange: Exchange): void {
    this.#host.exchanges.setLeft(exchange, this.#left);
  }

  /** As `ExchangeTable.setLeft` takes it. */
  get #left(): number {
    if (this.upload!.ended) return 0;
    if (this.#contentLength < 0) return Math.max(-1 - this.#received, -MOST_LEFT);
    return Math.min(this.#contentLength - this.#received, MOST_LEFT);
  }

  #messageOnComplete(offset: number, left: number): void {
    this.#saved = null;
    this.#leaveMemory();
    if (this.#owner.state === ConnectionState.BODY) this.#submitCollected();
    else if (this.#owner.state === ConnectionState.STREAM) this.#uploadOnComplete(this.upload!);
    this.#owner.intakeOnMessage(offset, left);
  }

  #submitCollected(): void {
    const head = this.#head!;
    const body = this.#body!;
    this.#head = null;
    this.#body = null;
    this.#owner.state = ConnectionState.WAIT;
    const exchange = this.#owner.begin(head, this.#received);
    let to = exchange?.bodyOffset ?? 0;
    for (let bytes = body.shift(); bytes !== undefined; bytes = body.shift())
      if (exchange !== undefined) to = this.#host.exchanges.writeBody(to, bytes);
    if (exchange !== undefined) this.#owner.submit(exchange, this.#received);
  }

  #uploadOnComplete(upload: Upload): void {
    this.#owner.state = ConnectionState.WAIT;
    upload.end();
    this.#host.uploads.leave(upload);
    // It still waited for a place, and needs none any more.
    if (this.#head !== null) return this.uploadOnPlace();
    const { exchange } = this.#owner;
    if (exchange === null) return;
    this.#tellLeft(exchange);
    this.#host.pump(exchange);
  }

  /** The request goes out on its head as soon as it has a place, and the body follows. */
  #stream(): void {
    const { uploads, now } = this.#host;
    this.#owner.state = ConnectionState.STREAM;
    this.upload = new Upload(this.#body!);
    this.#body = null;
    // Who waits for the application to read would hold a place, and say nothing.
    if (this.continueDue && uploads.buffersFirst) {
      this.continueDue = false;
      this.#owner.output.write(CONTINUE);
    }
    if (this.continueDue) this.#owner.setDeadline(this.#owner.limits.pendingTimeout);
    uploads.enter(this.upload, this, now);
  }

  #refuse(status: number): false {
    this.#owner.refuse(status, '');
    return false;
  }
}

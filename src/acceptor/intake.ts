/**
 * The way in of one connection: bytes → head and body → an exchange, or an upload beside it.
 *
 * Law: parses and collects; says what happened to its connection, which alone writes, waits and closes. What a
 * request may be is decided by the parser and the limits here; a method that can refuse returns false when it did,
 * and nothing more is read from that message.
 */
import { Flag } from '../http/flags.ts';
import { Outcome, type Parser, type SavedMessage } from '../http/parser.ts';
import { ByteQueue } from '../ring/byte-queue.ts';
import type { HeadBytes } from '../ring/message.ts';
import { BodyClock } from './body-clock.ts';
import type { BodyHolder } from './body-memory.ts';
import type { ConnectionHost } from './connection-host.ts';
import { parses, State } from './connection-state.ts';
import type { Exchange } from './exchange.ts';
import { copyHead, liveHead } from './head.ts';
import { UPLOAD_HIGH_WATER, Upload } from './upload.ts';

/** An answer may leave this much of its request's body unread and keep the connection. */
const DISCARD_LIMIT = 64 * 1024;

/** Its connection. */
export interface IntakeOwner {
  state: number;
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
  /** More of an answered request's body came than is worth reading. */
  linger(): void;
  pause(): void;
}

export class Intake implements BodyHolder {
  readonly #host: ConnectionHost;
  readonly #owner: IntakeOwner;
  #saved: SavedMessage | null = null;
  #head: HeadBytes | null = null;
  /** What came of a body that is collected. */
  #body: ByteQueue | null = null;
  /** It is one of the holders of `bodies`. */
  #holds = false;
  #received = 0;
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
        return;
      }
    }
  }

  /** The application reads: true when `100 Continue` is due now. */
  wanted(): boolean {
    const { upload } = this;
    if (upload === null) return false;
    upload.wanted = true;
    if (!this.continueDue) return false;
    this.continueDue = false;
    this.#clock!.restart(this.#host.now);
    // Behind the head of an answer it would be a part of that.
    return this.#received === 0 && !upload.ended && this.#owner.exchange?.headSent !== true;
  }

  /** The answer is there already: the rest of the body is counted and dropped. */
  discard(): void {
    this.forgetBody();
    this.#received = 0;
    this.#owner.state = State.DISCARD;
  }

  forgetBody(): void {
    if (this.upload !== null) {
      this.upload.close();
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

  /** Refuses a request whose body comes too slowly. */
  refuseLate(now: number): void {
    const { state } = this.#owner;
    if (state !== State.BODY && (state !== State.STREAM || this.continueDue)) return;
    const limit = this.#clock!.late(now, this.#host.limits);
    if (limit !== '') this.#owner.refuse(408, `the body came too slowly (${limit})`);
  }

  // called by the upload gate

  /** A place for its unfinished body is free: the request goes out on its head. */
  uploadOnPlace(): void {
    if (this.#head === null) return;
    const exchange = this.#owner.begin(this.#head, 0);
    this.#head = null;
    if (exchange === undefined) return this.#owner.refuse(503, '');
    exchange.upload = this.upload;
    this.#owner.setDeadline(0);
    this.#owner.submit(exchange, 0);
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
    parser.start();
    this.flags = 0;
    this.#startedAt = this.#host.now;
    this.#owner.state = State.HEAD;
    this.#owner.setDeadline(this.#host.limits.headersTimeout);
  }

  #headOnComplete(parser: Parser, outcome: number): boolean {
    this.flags = parser.flags;
    this.#received = 0;
    this.#owner.setDeadline(0);
    if (parser.contentLength > this.#host.limits.maxBodySize) return this.#refuse(413);
    if ((this.flags & Flag.CONNECT) !== 0 && !this.#host.connects) return this.#refuse(501);
    if (outcome === Outcome.MESSAGE) return this.#submitWhole(parser);
    this.#head = copyHead(liveHead(parser));
    this.#clock ??= new BodyClock();
    this.#clock.start(this.#host.now, this.#startedAt);
    this.#body = new ByteQueue(this.#host.bodies);
    this.#holds = true;
    this.#host.bodies.enter(this);
    this.continueDue = (this.flags & Flag.EXPECT_CONTINUE) !== 0;
    this.#owner.state = State.BODY;
    if (this.continueDue || parser.contentLength > this.#host.limits.bodyBuffer) this.#stream();
    return parses(this.#owner.state) && this.#bodyOnSpans(parser);
  }

  /** The whole message lies in the parser's memory: the common case, copied once, into the slab. */
  #submitWhole(parser: Parser): boolean {
    const body = parser.bodySpanCount === 0 ? null : parser.body();
    const length = body === null ? 0 : body.length;
    if (length > this.#host.limits.maxBodySize) return this.#refuse(413);
    this.#owner.state = State.WAIT;
    const exchange = this.#owner.begin(liveHead(parser), length);
    if (exchange === undefined) return true;
    if (body !== null) this.#host.exchanges.writeBody(exchange.bodyOffset, body);
    this.#owner.submit(exchange, length);
    return true;
  }

  #bodyOnSpans(parser: Parser): boolean {
    if (parser.bodySpanCount > 0 && !this.#bodyOnBytes(parser.body())) return false;
    if (this.upload !== null) this.#uploadOnBytes(this.upload);
    return true;
  }

  #bodyOnBytes(bytes: Uint8Array): boolean {
    const { limits, now, bodies } = this.#host;
    this.#received += bytes.length;
    this.#clock?.arrived(bytes.length, now);
    if (this.#owner.state === State.DISCARD) {
      if (this.#received > DISCARD_LIMIT) this.#owner.linger();
      return parses(this.#owner.state);
    }
    if (this.#received > limits.maxBodySize) return this.#refuse(413);
    if (this.upload !== null) this.upload.add(bytes);
    else this.#body!.add(bytes);
    bodies.settle(this, now);
    if (this.#owner.state === State.BODY && this.#received > limits.bodyBuffer) this.#stream();
    return parses(this.#owner.state);
  }

  #uploadOnBytes(upload: Upload): void {
    const { exchange } = this.#owner;
    if (exchange !== null) this.#host.pump(exchange);
    if (upload.waiting >= UPLOAD_HIGH_WATER) this.#owner.pause();
  }

  #messageOnComplete(offset: number, left: number): void {
    this.#saved = null;
    this.#leaveMemory();
    if (this.#owner.state === State.BODY) this.#submitCollected();
    else if (this.#owner.state === State.STREAM) this.#uploadOnComplete(this.upload!);
    this.#owner.intakeOnMessage(offset, left);
  }

  #submitCollected(): void {
    const head = this.#head!;
    const body = this.#body!;
    this.#head = null;
    this.#body = null;
    this.#owner.state = State.WAIT;
    const exchange = this.#owner.begin(head, this.#received);
    let to = exchange?.bodyOffset ?? 0;
    for (let bytes = body.shift(); bytes !== undefined; bytes = body.shift())
      if (exchange !== undefined) to = this.#host.exchanges.writeBody(to, bytes);
    if (exchange !== undefined) this.#owner.submit(exchange, this.#received);
  }

  #uploadOnComplete(upload: Upload): void {
    this.#owner.state = State.WAIT;
    upload.end();
    this.#host.uploads.leave(upload);
    // It still waited for a place, and needs none any more.
    if (this.#head !== null) this.uploadOnPlace();
    else if (this.#owner.exchange !== null) this.#host.pump(this.#owner.exchange);
  }

  /** The body does not fit, or waits to be asked for: the request goes out on its head, the body follows. */
  #stream(): void {
    this.#owner.state = State.STREAM;
    this.#owner.setDeadline(this.#host.limits.pendingTimeout);
    this.upload = new Upload(this.#body!);
    this.#body = null;
    this.#host.uploads.enter(this.upload, this);
  }

  #refuse(status: number): false {
    this.#owner.refuse(status, '');
    return false;
  }
}

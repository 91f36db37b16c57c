/**
 * One client socket: bytes → parser → exchange, and answers → socket, one exchange at a time.
 *
 * Law: every decision about a connection's state is taken here and nowhere else; bytes that arrive in a state that
 * does not parse (LINGER, CLOSED) never become a request. Knows the parser, its exchange and its upload; not the
 * rings, not workers. Methods are grouped by who calls them.
 *
 *   IDLE ──first byte──► HEAD ──head──► BODY ──complete──► WAIT ──answer──► IDLE
 *                          │ └─ long body or Expect ─► STREAM ──complete──► WAIT
 *                          │                            └─ answered early ─► DISCARD ──complete──► IDLE
 *   any ──refusal, close──► LINGER ──FIN or deadline──► CLOSED
 */
import type net from 'node:net';
import { Flag } from '../http/flags.ts';
import { Outcome, type Parser, READ_BUFFER_SIZE, type SavedMessage } from '../http/parser.ts';
import type { HeadBytes, Peers } from '../ring/message.ts';
import { BodyClock } from './body-clock.ts';
import type { ConnectionHost } from './connection-host.ts';
import type { Answerable, Exchange } from './exchanges.ts';
import { copyHead, liveHead } from './head.ts';
import { type SocketOwner, unsentBytes } from './socket.ts';
import { Stash } from './stash.ts';
import { UPLOAD_HIGH_WATER, Upload } from './upload.ts';

const State = { IDLE: 0, HEAD: 1, BODY: 2, STREAM: 3, WAIT: 4, DISCARD: 5, LINGER: 6, CLOSED: 7 } as const;

/** An answer may leave this much of its request's body unread, for this long, and keep the connection. */
const DISCARD_LIMIT = 64 * 1024;
const DISCARD_MS = 1000;
/** After a last answer: so long a client may go on sending before it reads it; so long it may stay silent. */
const LINGER_MS = 5000;
const LINGER_IDLE_MS = 1000;

const CONTINUE = Buffer.from('HTTP/1.1 100 Continue\r\n\r\n');

export class Connection implements SocketOwner, Answerable {
  readonly #host: ConnectionHost;
  readonly #socket: net.Socket;

  // per connection
  #state: number = State.IDLE;
  #peers: Peers | null = null;
  #paused = false;
  #halfClosed = false;
  readonly #stash: Stash = new Stash();
  /** When the present state ends by time; 0: it does not. */
  #deadline: number;
  #lingerUntil = 0;
  #unsent = 0;
  #unsentSince = 0;

  // per request
  #exchange: Exchange | null = null;
  #saved: SavedMessage | null = null;
  #head: HeadBytes | null = null;
  #flags = 0;
  #body: Uint8Array[] = [];
  #bodyReceived = 0;
  #clock: BodyClock | null = null;
  #upload: Upload | null = null;
  /** `100 Continue` is due when the application first reads. */
  #continueDue = false;

  constructor(host: ConnectionHost, socket: net.Socket) {
    this.#host = host;
    this.#socket = socket;
    this.#deadline = host.now + host.limits.headersTimeout;
  }

  // called by the socket

  socketOnRead(length: number): void {
    switch (this.#state) {
      case State.WAIT:
        return this.#stashBytes(0, length);
      case State.LINGER:
        this.#deadline = Math.min(this.#lingerUntil, this.#host.now + LINGER_IDLE_MS);
        return;
      case State.CLOSED:
        return;
    }
    this.#feed(length);
  }

  socketOnEnd(): void {
    if (this.#state === State.WAIT) this.#halfClosed = true;
    else this.destroy();
  }

  socketOnDrain(): void {
    if (this.#exchange !== null) this.#host.notifyOwner(this.#exchange);
  }

  socketOnClose(): void {
    this.#state = State.CLOSED;
    this.#dropExchange();
    this.#saved = null;
    this.#head = null;
    this.#stash.take();
    this.#host.connectionOnClose(this);
  }

  // called by its exchange

  exchangeOnBytes(bytes: Uint8Array): void {
    this.#socket.write(bytes);
  }

  /** Response bytes that have not left yet: they count against the exchange's window. */
  get unsent(): number {
    return this.#socket.writableLength;
  }

  exchangeOnRead(): void {
    const upload = this.#upload;
    if (upload === null) return;
    upload.wanted = true;
    if (this.#continueDue) {
      this.#continueDue = false;
      this.#clock!.start(this.#host.now);
      if (this.#bodyReceived === 0 && !upload.ended) this.#socket.write(CONTINUE);
    }
    if (this.#exchange !== null) this.#host.pump(this.#exchange);
    this.exchangeOnPumped();
  }

  /** Bytes of its upload went to the worker. */
  exchangeOnPumped(): void {
    if (this.#paused && this.#upload !== null && this.#upload.waiting < UPLOAD_HIGH_WATER) this.#resume();
  }

  exchangeOnEnd(close: boolean): void {
    this.#exchange = null;
    const last = close || this.#halfClosed || this.#host.closing;
    if (this.#state === State.STREAM) this.#leaveBody(last);
    else if (last) this.#linger();
    else this.#nextRequest();
  }

  exchangeOnRefused(status: number): void {
    this.#exchange = null;
    if (this.#state === State.STREAM) return this.#refuse(status, '');
    const close = (this.#flags & Flag.KEEP_ALIVE) === 0 || this.#halfClosed || this.#host.closing;
    this.#writeRefusal(status, '', close);
    if (close) this.#linger();
    else this.#nextRequest();
  }

  exchangeOnBroken(): void {
    this.#exchange = null;
    // A reset, not a FIN: to a client that reads until the end, a FIN would look like the end of the answer.
    this.#socket.resetAndDestroy();
  }

  // called by the acceptor

  /** Checks every deadline of the present state. */
  tick(now: number): void {
    if (this.#writesStall(now)) this.#socket.resetAndDestroy();
    else if (this.#deadline !== 0 && now >= this.#deadline) this.#onDeadline();
    else if (this.#bodyIsLate(now)) this.#refuse(408, 'the body came too slowly');
  }

  /** Graceful: an idle connection ends now, another after its answer. */
  close(): void {
    if (this.#state === State.IDLE) this.#linger();
  }

  destroy(): void {
    this.#socket.destroy();
  }

  /** Begins its exchange: a place for its unfinished body is free. */
  uploadOnPlace(): void {
    if (this.#head === null) return;
    const exchange = this.#begin(this.#head, 0);
    this.#head = null;
    if (exchange === undefined) return this.#refuse(503, '');
    exchange.upload = this.#upload;
    this.#deadline = 0;
    this.#submit(exchange, 0);
  }

  // the way in

  /** Parses the first `length` bytes of the read buffer. */
  #feed(length: number): void {
    const { parser } = this.#host;
    if (this.#saved !== null) parser.restore(this.#saved);
    else this.#startMessage(parser);
    let offset = 0;
    for (;;) {
      const outcome = parser.feed(offset, length);
      if (outcome === Outcome.ERROR) return this.#refuse(parser.error, parser.reason);
      if (parser.headFresh ? !this.#headOnComplete(parser, outcome) : !this.#bodyOnSpans(parser)) return;
      offset += parser.consumed;
      length -= parser.consumed;
      if (outcome === Outcome.MESSAGE) return this.#messageOnComplete(offset, length);
      if (outcome === Outcome.MORE) {
        this.#saved = parser.save();
        return;
      }
    }
  }

  #startMessage(parser: Parser): void {
    parser.start();
    this.#flags = 0;
    this.#state = State.HEAD;
    this.#deadline = this.#host.now + this.#host.limits.headersTimeout;
  }

  /** False: the request was refused. */
  #headOnComplete(parser: Parser, outcome: number): boolean {
    this.#flags = parser.flags;
    this.#bodyReceived = 0;
    this.#deadline = 0;
    if (parser.contentLength > this.#host.limits.maxBodySize) return this.#refuseFalse(413);
    if (outcome === Outcome.MESSAGE) return this.#submitWhole(parser);
    this.#head = copyHead(liveHead(parser));
    this.#clock ??= new BodyClock();
    this.#clock.start(this.#host.now);
    this.#continueDue = (this.#flags & Flag.EXPECT_CONTINUE) !== 0;
    this.#state = State.BODY;
    if (this.#continueDue || parser.contentLength > this.#host.limits.bodyBuffer) this.#stream();
    return this.#parses() && this.#bodyOnSpans(parser);
  }

  /** The whole message lies in the parser's memory: the common case, copied once, into the slab. */
  #submitWhole(parser: Parser): boolean {
    const spans = parser.bodySpanCount;
    let bodyLength = 0;
    for (let i = 0; i < spans; i++) bodyLength += parser.bodySpanLength(i);
    if (bodyLength > this.#host.limits.maxBodySize) return this.#refuseFalse(413);
    this.#state = State.WAIT;
    const exchange = this.#begin(liveHead(parser), bodyLength);
    if (exchange === undefined) return true;
    let to = exchange.bodyOffset;
    for (let i = 0; i < spans; i++) {
      const start = parser.bodySpanStart(i);
      const bytes = parser.memory.subarray(start, start + parser.bodySpanLength(i));
      to = this.#host.exchanges.writeBody(to, bytes);
    }
    this.#submit(exchange, bodyLength);
    return true;
  }

  #bodyOnSpans(parser: Parser): boolean {
    for (let i = 0; i < parser.bodySpanCount; i++) {
      const start = parser.bodySpanStart(i);
      if (!this.#bodyOnBytes(parser.memory.subarray(start, start + parser.bodySpanLength(i)))) return false;
    }
    if (this.#upload !== null) this.#uploadOnBytes(this.#upload);
    return true;
  }

  /** False: the connection reads no further. */
  #bodyOnBytes(bytes: Uint8Array): boolean {
    const { limits, now } = this.#host;
    this.#bodyReceived += bytes.length;
    this.#clock?.arrived(bytes.length, now);
    if (this.#state === State.DISCARD) return this.#bodyReceived <= DISCARD_LIMIT || this.#lingerFalse();
    if (this.#bodyReceived > limits.maxBodySize) return this.#refuseFalse(413);
    if (this.#upload !== null) this.#upload.add(bytes);
    else this.#body.push(bytes.slice());
    if (this.#upload === null && this.#bodyReceived > limits.bodyBuffer) this.#stream();
    return this.#parses();
  }

  #uploadOnBytes(upload: Upload): void {
    if (this.#exchange !== null) this.#host.pump(this.#exchange);
    if (upload.waiting >= UPLOAD_HIGH_WATER) this.#pause();
  }

  #messageOnComplete(offset: number, left: number): void {
    this.#saved = null;
    if (left > 0) this.#stashBytes(offset, left);
    if (this.#state === State.DISCARD) return this.#nextRequest();
    if (this.#state === State.BODY) this.#submitCollected();
    if (this.#state === State.STREAM) return this.#uploadOnComplete(this.#upload!);
    if (this.#exchange === null) this.#shed();
  }

  #submitCollected(): void {
    const head = this.#head!;
    const body = this.#body;
    this.#head = null;
    this.#body = [];
    this.#state = State.WAIT;
    const exchange = this.#begin(head, this.#bodyReceived);
    if (exchange === undefined) return;
    let to = exchange.bodyOffset;
    for (const bytes of body) to = this.#host.exchanges.writeBody(to, bytes);
    this.#submit(exchange, this.#bodyReceived);
  }

  #uploadOnComplete(upload: Upload): void {
    this.#state = State.WAIT;
    upload.end(false);
    this.#host.uploads.leave(upload);
    if (this.#exchange !== null) this.#host.pump(this.#exchange);
  }

  /** Undefined: the server is full. */
  #begin(head: HeadBytes, bodyLength: number): Exchange | undefined {
    this.#peers ??= peersOf(this.#socket);
    return this.#host.exchanges.begin(head, this.#peers, bodyLength);
  }

  #submit(exchange: Exchange, bodyLength: number): void {
    this.#exchange = exchange;
    this.#host.exchanges.submit(exchange, this, bodyLength, this.#host.now);
    this.#host.requestTurn();
  }

  /** The request is complete and the server is full. A client that has pipelined more is asked to come back. */
  #shed(): void {
    const close = (this.#flags & Flag.KEEP_ALIVE) === 0 || !this.#stash.empty || this.#host.closing;
    this.#writeRefusal(503, '', close);
    if (close) this.#linger();
    else this.#nextRequest();
  }

  /** The body does not fit, or waits to be asked for: the request goes out on its head, the body follows. */
  #stream(): void {
    this.#state = State.STREAM;
    this.#deadline = this.#host.now + this.#host.limits.pendingTimeout;
    this.#upload = new Upload();
    for (const bytes of this.#body) this.#upload.add(bytes);
    this.#body = [];
    this.#host.uploads.enter(this.#upload, this);
  }

  #stashBytes(offset: number, length: number): void {
    this.#stash.add(this.#host.parser.buffer.subarray(offset, offset + length));
    if (this.#stash.full) this.#pause();
  }

  // the way out

  /** The answer is complete while the body is not: read a little more of it, or end the connection. */
  #leaveBody(last: boolean): void {
    const asked = !this.#continueDue;
    this.#forgetBody();
    if (last || !asked) return this.#linger();
    this.#state = State.DISCARD;
    this.#bodyReceived = 0;
    this.#deadline = this.#host.now + DISCARD_MS;
    this.#resume();
  }

  #nextRequest(): void {
    this.#forgetBody();
    this.#state = State.IDLE;
    this.#deadline = this.#host.now + this.#host.limits.keepAliveTimeout;
    while (this.#parses()) {
      const pipelined = this.#stash.take();
      if (pipelined === null) break;
      this.#feedPipelined(pipelined);
    }
    if (!this.#stash.full) this.#resume();
  }

  /** Pipelined bytes are parsed as if they had just been read, a read buffer at a time. */
  #feedPipelined(bytes: Buffer): void {
    const piece = bytes.subarray(0, READ_BUFFER_SIZE);
    this.#host.parser.buffer.set(piece);
    this.#feed(piece.length);
    if (piece.length < bytes.length) this.#stash.add(bytes.subarray(READ_BUFFER_SIZE));
  }

  #parses(): boolean {
    return this.#state <= State.STREAM || this.#state === State.DISCARD;
  }

  /** The acceptor answers itself, and the connection ends: what follows on it cannot be trusted or is not wanted. */
  #refuse(status: number, detail: string): void {
    const headSent = this.#exchange?.headSent === true;
    this.#dropExchange();
    if (headSent) return this.exchangeOnBroken();
    this.#writeRefusal(status, detail, true);
    this.#linger();
  }

  #refuseFalse(status: number): false {
    this.#refuse(status, '');
    return false;
  }

  #writeRefusal(status: number, detail: string, close: boolean): void {
    const answer = this.#host.refusal(status, detail, close);
    const isHead = (this.#flags & Flag.HEAD) !== 0;
    this.#socket.write(isHead ? answer.slice(0, answer.indexOf('\r\n\r\n') + 4) : answer, 'latin1');
  }

  /** Ends the connection after what was written; reads and drops what the client still sends. */
  #linger(): void {
    this.#forgetBody();
    this.#stash.take();
    this.#state = State.LINGER;
    this.#lingerUntil = this.#host.now + LINGER_MS;
    this.#deadline = this.#halfClosed ? this.#lingerUntil : this.#host.now + LINGER_IDLE_MS;
    if (this.#halfClosed) this.#socket.destroySoon();
    else this.#socket.end();
    this.#resume();
  }

  #lingerFalse(): false {
    this.#linger();
    return false;
  }

  /** The client or we gave this exchange up before its answer was complete. */
  #dropExchange(): void {
    const exchange = this.#exchange;
    this.#exchange = null;
    this.#forgetBody();
    if (exchange === null || this.#host.exchanges.cancel(exchange)) return;
    this.#host.exchanges.abandon(exchange, this.#host.now);
    this.#host.notifyOwner(exchange);
  }

  #forgetBody(): void {
    if (this.#upload !== null) {
      this.#upload.close();
      this.#host.uploads.leave(this.#upload);
      this.#upload = null;
    }
    this.#head = null;
    this.#body = [];
    this.#continueDue = false;
  }

  // time

  #onDeadline(): void {
    switch (this.#state) {
      case State.IDLE:
        return this.#linger();
      case State.HEAD:
        return this.#refuse(408, 'the head came too slowly');
      case State.STREAM:
      case State.WAIT:
        return this.#refuse(503, '');
      case State.LINGER:
        // A slow reader of the last answer is bounded by the write timeout, not by this.
        if (unsentBytes(this.#socket) === 0) return this.destroy();
        this.#deadline = this.#host.now + LINGER_IDLE_MS;
        return;
      default:
        return this.destroy();
    }
  }

  #bodyIsLate(now: number): boolean {
    const receives = this.#state === State.BODY || (this.#state === State.STREAM && !this.#continueDue);
    if (!receives || this.#paused) return false;
    return this.#clock!.late(now, this.#host.limits.bodyTimeout, this.#host.limits.minBodyRate);
  }

  #writesStall(now: number): boolean {
    const unsent = unsentBytes(this.#socket);
    if (unsent === 0 || unsent !== this.#unsent) this.#unsentSince = now;
    this.#unsent = unsent;
    const { writeTimeout } = this.#host.limits;
    return unsent > 0 && writeTimeout > 0 && now - this.#unsentSince > writeTimeout;
  }

  #pause(): void {
    if (this.#paused) return;
    this.#paused = true;
    this.#clock?.stop(this.#host.now);
    this.#socket.pause();
  }

  #resume(): void {
    if (!this.#paused) return;
    this.#paused = false;
    this.#clock?.go(this.#host.now);
    this.#socket.resume();
  }
}

function peersOf(socket: net.Socket): Peers {
  return {
    remoteAddress: socket.remoteAddress ?? '',
    remotePort: socket.remotePort ?? 0,
    localAddress: socket.localAddress ?? '',
    localPort: socket.localPort ?? 0,
  };
}

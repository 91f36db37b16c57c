/**
 * One client socket and its exchanges, one at a time: what comes in is `intake.ts`, what goes out is here.
 *
 * Law: the only writer of its socket, and the place where a connection waits, goes on or ends. Knows its intake, its
 * exchange and its upload; not the rings, not workers. Methods are grouped by who calls them; the states and their
 * arrows are in `connection-state.ts`.
 */
import type net from 'node:net';
import { Flag } from '../http/flags.ts';
import { READ_BUFFER_SIZE } from '../http/parser.ts';
import { Abort } from '../ring/layout.ts';
import type { FileRecord, HeadBytes, PeerBytes } from '../ring/message.ts';
import type { ConnectionHost } from './connection-host.ts';
import { parses, State } from './connection-state.ts';
import type { Answerable, Exchange } from './exchange.ts';
import { type FileOwner, FileTransfer } from './file-transfer.ts';
import { Intake, type IntakeOwner } from './intake.ts';
import { peersOf, reset, type SocketOwner, unsentBytes } from './socket.ts';
import { Stash } from './stash.ts';
import { Upload, UPLOAD_HIGH_WATER } from './upload.ts';
import { WriteClock } from './write-clock.ts';

/** How long the rest of an answered request's body is read for the connection's sake. */
const DISCARD_MS = 1000;
/** After a last answer: so long a client may go on sending before it reads it; so long it may stay silent. */
const LINGER_MS = 5000;
/** How long a graceful close waits for the first byte of a connection that has not asked anything yet. */
const NEW_MS = 500;
const LINGER_IDLE_MS = 1000;

/** How long a client that has ended its side is answered where that says that it left. */
const HALF_OPEN_MS = 50;

/** Bytes of a file that may wait in the socket. */
const FILE_HIGH_WATER = 256 * 1024;

const GOES_ON = Flag.HTTP_1_1 | Flag.KEEP_ALIVE;
const CONTINUE = Buffer.from('HTTP/1.1 100 Continue\r\n\r\n');

export class Connection implements SocketOwner, Answerable, FileOwner, IntakeOwner {
  readonly #host: ConnectionHost;
  readonly #socket: net.Socket;
  readonly #intake: Intake;
  readonly #stash: Stash = new Stash();

  // per connection
  state: number = State.IDLE;
  #peers: PeerBytes | null = null;
  #paused = false;
  /** The client has ended its side: what it sent before is answered. */
  #halfClosed = false;
  #deadline = 0;
  #lingerUntil = 0;
  readonly #writes: WriteClock = new WriteClock();
  /** Its `tick` is called: it has a deadline, or bytes that the kernel has not taken. */
  #watched = false;

  // per request
  exchange: Exchange | null = null;
  /** The rest of an answer, whose worker is done with it already. */
  #file: FileTransfer | null = null;
  #lastAfterFile = false;
  /** What the client sends to the application that has taken this connection over. */
  #tunnel: Upload | null = null;

  constructor(host: ConnectionHost, socket: net.Socket) {
    this.#host = host;
    this.#socket = socket;
    this.#intake = new Intake(host, this);
    this.setDeadline(host.limits.headersTimeout);
  }

  // called by the socket

  socketOnRead(length: number): void {
    if (parses(this.state)) this.#intake.feed(length);
    else if (this.state === State.WAIT) this.#stashBytes(0, length);
    else if (this.#tunnel !== null) this.#tunnelOnBytes(this.#tunnel, length);
    else this.#deadline = Math.min(this.#lingerUntil, this.#host.now + LINGER_IDLE_MS);
  }

  /** A complete request before a client's FIN is answered (for a while, when that means a client that left); an incomplete one is not. */
  socketOnEnd(): void {
    this.#halfClosed = true;
    if (this.#tunnel !== null) return this.#tunnelEnds(this.#tunnel, false);
    if (this.state === State.WAIT) return this.#waitsOn ? undefined : this.setDeadline(HALF_OPEN_MS);
    this.#dropExchange();
    this.linger();
  }

  socketOnDrain(): void {
    if (this.exchange !== null) this.#host.notifyOwner(this.exchange);
    this.#file?.resume();
  }

  socketOnClose(): void {
    this.state = State.CLOSED;
    this.#file?.cancel();
    this.#file = null;
    // Behind what was read, which the application shall still have.
    if (this.#tunnel?.ended === false) this.#tunnelEnds(this.#tunnel, true);
    this.#dropExchange();
    this.#intake.close();
    this.#stash.take();
    this.#host.connectionOnClose(this);
  }

  // called by its exchange

  exchangeOnBytes(bytes: Uint8Array): boolean {
    this.#write(bytes);
    return this.#socket.writableLength === 0;
  }

  /** Response bytes that have not left yet: they count against the exchange's window. */
  get unsent(): number {
    return this.#socket.writableLength;
  }

  exchangeOnRead(): void {
    if (this.#intake.wanted()) this.#write(CONTINUE);
    if (this.exchange !== null) this.#host.pump(this.exchange);
    this.exchangeOnPumped();
  }

  exchangeOnTunnel(): void {
    const { exchange } = this;
    if (exchange === null) return;
    const tunnel = new Upload();
    tunnel.wanted = true;
    const early = this.#stash.take();
    if (early !== null) tunnel.add(early);
    if (this.#halfClosed) tunnel.end();
    this.#tunnel = tunnel;
    this.state = State.TUNNEL;
    this.setDeadline(0);
    if (tunnel.waiting < UPLOAD_HIGH_WATER) this.#resume();
    this.#host.exchanges.tunnel(exchange, tunnel);
    this.#host.requestTurn();
  }

  /** Bytes of its upload went to the worker. */
  exchangeOnPumped(): void {
    const upload = this.#tunnel ?? this.#intake.upload;
    if (this.#paused && upload !== null && upload.waiting < UPLOAD_HIGH_WATER) this.#resume();
  }

  exchangeOnEnd(close: boolean): void {
    this.exchange = null;
    const last = close || this.#endsHere();
    if (this.state === State.STREAM) this.#leaveBody(last);
    else if (last) this.linger();
    else this.#nextRequest();
  }

  exchangeOnFile({ head, ...range }: FileRecord, close: boolean): void {
    this.exchange = null;
    this.#lastAfterFile = close;
    this.#write(Buffer.from(head, 'latin1'));
    this.#file = new FileTransfer(range, this);
  }

  exchangeOnRefused(status: number): void {
    this.exchange = null;
    if (this.state === State.STREAM) return this.refuse(status, '');
    const close = this.#refusalEnds();
    this.#writeRefusal(status, '', close);
    if (close) this.linger();
    else this.#nextRequest();
  }

  exchangeOnBroken(): void {
    this.exchange = null;
    // A reset, not a FIN: to a client that reads until the end, a FIN would look like the end of the answer.
    reset(this.#socket);
  }

  // called by its file

  fileOnBytes(bytes: Uint8Array): boolean {
    this.#write(bytes);
    return this.#socket.writableLength < FILE_HIGH_WATER;
  }

  fileOnEnd(error: Error | null): void {
    this.#file = null;
    if (error !== null) this.exchangeOnBroken();
    else this.exchangeOnEnd(this.#lastAfterFile);
  }

  // called by the acceptor

  /** Checks every deadline of the present state; false when there is none. */
  tick(now: number): boolean {
    if (this.#writes.late(unsentBytes(this.#socket), now, this.#host.limits.writeTimeout))
      reset(this.#socket);
    else if (this.#deadline !== 0 && now >= this.#deadline) this.#onDeadline();
    else if (this.#intake.bodyIsLate(now)) this.refuse(408, 'the body came too slowly');
    this.#watched = this.#deadline !== 0 || this.#writes.unsent > 0 || parses(this.state);
    return this.#watched;
  }

  /** It waits only for the rest of a response, or for its end. */
  get isAnswered(): boolean {
    if (this.state >= State.LINGER) return true;
    return this.exchange === null ? this.#file !== null : this.exchange.headSent;
  }

  /** Graceful: an idle connection ends now, another after its answer. A new one is about to ask, and is answered. */
  close(): void {
    if (this.state !== State.IDLE) return;
    if (this.#peers === null) this.setDeadline(NEW_MS);
    else this.linger();
  }

  destroy(): void {
    this.#socket.destroy();
  }

  // called by the intake

  setDeadline(milliseconds: number): void {
    this.#deadline = milliseconds === 0 ? 0 : this.#host.now + milliseconds;
    if (milliseconds !== 0) this.#watch();
  }

  begin(head: HeadBytes, bodyLength: number): Exchange | undefined {
    this.#peers ??= peersOf(this.#socket);
    return this.#host.exchanges.begin(head, this.#peers, bodyLength);
  }

  submit(exchange: Exchange, bodyLength: number): void {
    this.exchange = exchange;
    this.#host.exchanges.submit(exchange, this, bodyLength, this.#host.now);
    this.#host.requestTurn();
  }

  intakeOnMessage(offset: number, left: number): void {
    if (left > 0) this.#stashBytes(offset, left);
    if (this.state === State.DISCARD) this.#nextRequest();
    // Complete, but the server is full, and it waits for no place either.
    else if (this.state === State.WAIT && this.exchange === null) this.#shed();
  }

  /** The acceptor answers itself, and the connection ends: what follows on it cannot be trusted or is not wanted. */
  refuse(status: number, detail: string): void {
    const headSent = this.exchange?.headSent === true || this.#file !== null;
    this.#dropExchange();
    if (headSent) return this.exchangeOnBroken();
    this.#writeRefusal(status, detail, true);
    this.linger();
  }

  /** Ends the connection after what was written; reads and drops what the client still sends. */
  linger(): void {
    this.#tunnel = null;
    this.#intake.close();
    this.#stash.take();
    this.state = State.LINGER;
    this.#lingerUntil = this.#host.now + LINGER_MS;
    this.setDeadline(LINGER_IDLE_MS);
    if (this.#halfClosed) this.#socket.destroySoon();
    else this.#socket.end();
    this.#resume();
  }

  pause(): void {
    if (this.#paused) return;
    this.#paused = true;
    this.#intake.clockStops(true);
    this.#socket.pause();
  }

  // taken over by the application

  #tunnelOnBytes(tunnel: Upload, length: number): void {
    const bytes = this.#host.parser.buffer.subarray(0, length);
    if (this.exchange !== null) this.#host.tunnelOnBytes(this.exchange, tunnel, bytes);
    if (tunnel.waiting >= UPLOAD_HIGH_WATER) this.pause();
  }

  #tunnelEnds(tunnel: Upload, broken: boolean): void {
    tunnel.end(broken);
    if (this.exchange !== null) this.#host.tunnelOnEnd(this.exchange);
  }

  // between requests

  /** Its client has ended its side, and is answered all the same. One that asks for an upgrade has begun to speak otherwise. */
  get #waitsOn(): boolean {
    return this.#host.halfOpen || (this.#intake.flags & Flag.UPGRADE) !== 0;
  }

  /** No request follows on this connection. */
  #endsHere(): boolean {
    return this.#host.closing || (this.#halfClosed && this.#stash.empty);
  }

  /** A refusal speaks HTTP/1.1, and not of keep-alive: an HTTP/1.0 client would take the connection's end for the body's. */
  #refusalEnds(): boolean {
    return (this.#intake.flags & GOES_ON) !== GOES_ON || this.#endsHere();
  }

  /** The request is complete and the server is full. A client that has pipelined more is asked to come back. */
  #shed(): void {
    const close = !this.#stash.empty || this.#refusalEnds();
    this.#writeRefusal(503, '', close);
    if (close) this.linger();
    else this.#nextRequest();
  }

  /** The answer is complete while the body is not: read a little more of it, or end the connection. */
  #leaveBody(last: boolean): void {
    // A client that still waits for `100 Continue` may send its body or its next request: nobody can tell which.
    if (last || this.#intake.continueDue) return this.linger();
    this.#intake.discard();
    this.setDeadline(DISCARD_MS);
    this.#resume();
  }

  #nextRequest(): void {
    this.#intake.forgetBody();
    this.state = State.IDLE;
    this.setDeadline(this.#host.limits.keepAliveTimeout);
    while (parses(this.state)) {
      const pipelined = this.#stash.take();
      if (pipelined === null) break;
      this.#feedPipelined(pipelined);
    }
    if (this.#halfClosed && parses(this.state)) this.linger();
    else if (!this.#stash.full) this.#resume();
  }

  /** Pipelined bytes are parsed as if they had just been read, a read buffer at a time. */
  #feedPipelined(bytes: Buffer): void {
    const piece = bytes.subarray(0, READ_BUFFER_SIZE);
    this.#host.parser.buffer.set(piece);
    this.#intake.feed(piece.length);
    if (piece.length < bytes.length) this.#stash.add(bytes.subarray(READ_BUFFER_SIZE));
  }

  #stashBytes(offset: number, length: number): void {
    this.#stash.add(this.#host.parser.buffer.subarray(offset, offset + length));
    if (this.#stash.full) this.pause();
  }

  #writeRefusal(status: number, detail: string, close: boolean): void {
    const answer = this.#host.refusal(status, detail, close);
    const isHead = (this.#intake.flags & Flag.HEAD) !== 0;
    this.#write(Buffer.from(isHead ? answer.slice(0, answer.indexOf('\r\n\r\n') + 4) : answer, 'latin1'));
  }

  /** The client or we gave this exchange up before its answer was complete. */
  #dropExchange(): void {
    const { exchange } = this;
    this.exchange = null;
    this.#intake.forgetBody();
    if (exchange === null || this.#host.exchanges.cancel(exchange)) return;
    this.#host.exchanges.abandon(exchange, Abort.GONE);
    this.#host.notifyOwner(exchange);
  }

  #resume(): void {
    if (!this.#paused) return;
    this.#paused = false;
    this.#intake.clockStops(false);
    this.#socket.resume();
  }

  #write(bytes: Uint8Array): void {
    this.#socket.write(bytes);
    if (this.#socket.writableLength > 0) this.#watch();
  }

  // time

  #watch(): void {
    if (this.#watched) return;
    this.#watched = true;
    this.#host.watch(this);
  }

  #onDeadline(): void {
    switch (this.state) {
      case State.IDLE:
        return this.linger();
      case State.HEAD:
        return this.refuse(408, 'the head came too slowly');
      case State.STREAM:
        return this.refuse(503, '');
      case State.WAIT:
        if (!this.#halfClosed) return this.refuse(503, '');
        break;
      case State.LINGER:
        // A slow reader of the last answer is bounded by the write timeout, not by this.
        if (unsentBytes(this.#socket) > 0) return this.setDeadline(LINGER_IDLE_MS);
    }
    this.destroy();
  }
}

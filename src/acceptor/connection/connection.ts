/**
 * One client socket and its exchanges, one at a time: what comes in is `intake.ts`, what goes out is here.
 *
 * Law: the only writer of its socket, and the place where a connection waits, goes on or ends. Knows its intake, its
 * exchange and its upload; not the rings, not workers. Methods are grouped by who calls them; the states and their
 * arrows are in `connection-state.ts`.
 */
import type net from 'node:net';
import { Abort } from '../../ring/layout.ts';
import type { FileRecord, HeadBytes, PeerBytes } from '../../ring/message.ts';
import { ConnectionClock } from './connection-clock.ts';
import type { ConnectionHost, ConnectionLimits } from './connection-host.ts';
import { parses, ConnectionState } from './connection-state.ts';
import { HALF_OPEN_MS, LINGER_IDLE_MS, NEW_MS } from '../limits.ts';
import type { Answerable, Exchange } from '../exchange/exchange.ts';
import { FileTransfer } from '../exchange/file-transfer.ts';
import { Intake, type IntakeOwner } from './intake.ts';
import { ConnectionOutput, type OutputOwner } from '../socket/connection-output.ts';
import { headTimeout } from './place-limits.ts';
import { breakOff, peersOf, reset, type ClientSocketOwner } from '../socket/client-socket.ts';
import { Stash } from './stash.ts';
import { TakenOver } from './taken-over.ts';
import { UPLOAD_HIGH_WATER } from '../exchange/upload.ts';

export class Connection implements ClientSocketOwner, Answerable, IntakeOwner, OutputOwner {
  /** By which workers name it. */
  readonly number: number;
  readonly #host: ConnectionHost;
  readonly #socket: net.Socket;
  readonly #intake: Intake;
  readonly output: ConnectionOutput;
  readonly limits: ConnectionLimits;
  readonly #clock: ConnectionClock;
  readonly #stash: Stash = new Stash();

  // per connection
  state: number = ConnectionState.IDLE;
  /** Both ends; null: it has sent no request yet. */
  peers: PeerBytes | null = null;
  #paused = false;
  /** The client has not read its answers: no request is begun until they have left. Only between requests. */
  #blocked = false;
  /** The client has ended its side: what it sent before is answered. */
  #halfClosed = false;

  // per request
  exchange: Exchange | null = null;
  /** The rest of an answer, whose worker is done with it already. */
  #file: FileTransfer | null = null;
  /** The application has taken this connection over. */
  #tunnel: TakenOver | null = null;

  constructor(host: ConnectionHost, limits: ConnectionLimits, socket: net.Socket, number: number) {
    this.number = number;
    this.limits = limits;
    this.#host = host;
    this.#socket = socket;
    this.output = new ConnectionOutput(socket, this);
    this.#intake = new Intake(host, this);
    this.#clock = new ConnectionClock(host, this, limits);
    this.setDeadline(headTimeout(limits));
  }

  // called by the socket

  socketOnRead(length: number): void {
    this.#clock.heard();
    if (this.#blocked || this.state === ConnectionState.WAIT) this.#stashBytes(0, length);
    else if (parses(this.state)) this.#intake.feed(length);
    else if (this.#tunnel !== null) {
      this.#tunnel.pass(this.exchange, length);
      if (this.#tunnel.full) this.pause();
    } else this.#clock.lingerOn();
  }

  /** A complete request before a client's FIN is answered, as `#depart` says. An incomplete request is not. */
  socketOnEnd(): void {
    this.#halfClosed = true;
    if (this.#tunnel !== null) return this.#tunnel.end(this.exchange, false);
    if (this.#blocked) return;
    if (this.state === ConnectionState.WAIT) return this.#depart();
    if (this.#giveUp()) this.linger();
  }

  socketOnDrain(): void {
    this.output.socketOnDrain();
  }

  socketOnClose(): void {
    this.state = ConnectionState.CLOSED;
    this.#file?.cancel();
    this.#file = null;
    // Behind what was read, which the application shall still have.
    if (this.#tunnel?.upload.ended === false) this.#tunnel.end(this.exchange, true);
    this.#dropExchange();
    this.#intake.close();
    this.#stash.clear();
    this.#host.connectionOnClose(this);
  }

  // called by its exchange

  exchangeOnRead(): void {
    this.#intake.wanted();
    if (this.exchange !== null) this.#host.pump(this.exchange);
    this.exchangeOnPumped();
  }

  exchangeOnTunnel(): void {
    const { exchange } = this;
    if (exchange === null) return;
    this.#tunnel = new TakenOver(this.#host, exchange, this.#stash.take());
    if (this.#halfClosed) this.#tunnel.end(exchange, false);
    this.state = ConnectionState.TUNNEL;
    this.setDeadline(0);
    if (!this.#tunnel.full) this.#resume();
  }

  /** Bytes of its upload went to the worker. */
  exchangeOnPumped(): void {
    const upload = this.#tunnel?.upload ?? this.#intake.upload;
    if (this.#paused && upload !== null && upload.waiting < UPLOAD_HIGH_WATER) this.#resume();
  }

  exchangeOnEnd(close: boolean): void {
    this.exchange = this.#file = null;
    const last = close || this.#endsHere();
    if (this.state === ConnectionState.STREAM) this.#leaveBody(last);
    else if (last) this.linger();
    else this.#nextRequest();
  }

  exchangeOnFile(record: FileRecord, close: boolean): void {
    this.exchange = null;
    this.#intake.leavePlace();
    const { room, exchanges } = this.#host;
    if (!room.openFile()) return this.exchangeOnRefused(exchanges.blame.on('descriptors'));
    this.#file = new FileTransfer(record, close, { output: this.output, owner: this, room });
  }

  exchangeOnRefused(status: number): void {
    this.exchange = this.#file = null;
    if (this.state === ConnectionState.STREAM) return this.refuse(status, '');
    this.#refuseComplete(status, this.#refusalEnds());
  }

  exchangeOnBroken(begun: boolean): void {
    this.exchange = null;
    this.#host.exchanges.blame.clear();
    breakOff(this.#socket, begun);
  }

  // called by its output

  outputOnWait(): void {
    this.#clock.watch();
  }

  outputOnProgress(): void {
    if (this.exchange !== null) this.#host.notifyOwner(this.exchange);
    this.#file?.resume();
    if (this.#blocked && !this.output.full) this.#listen();
  }

  // called by the acceptor

  /** Checks every deadline of the present state; false when there is none. */
  tick(now: number): boolean {
    if (this.output.late(now, this.limits.writeTimeout)) reset(this.#socket);
    else if (this.#clock.isPast) this.#onDeadline();
    else if (this.#clock.isSilent(this.output) && this.#isUnserved) this.#onSilence();
    else this.#intake.refuseLate(now);
    return this.#clock.watchesOn(this.output.unsent > 0 || parses(this.state));
  }

  /** It waits only for the rest of a response, or for its end. */
  get isAnswered(): boolean {
    return this.state >= ConnectionState.LINGER || this.exchange?.headSent === true || this.#file !== null;
  }

  /** An application closes the connection behind an answer that has ended. A later request on it is lost, as under Node. */
  hangUp(): void {
    if (this.state >= ConnectionState.LINGER) return this.#tunnel === null ? undefined : this.destroy();
    if (this.#giveUp()) this.linger();
  }

  /** When its last answer left, or it was accepted; Infinity: it is not idle. */
  get idleSince(): number {
    return this.state === ConnectionState.IDLE && this.output.unsent === 0 ? this.#clock.begunAt : Infinity;
  }

  /** Graceful: an idle connection ends now, another after its answer. One that is new, or in a head, may ask first. */
  close(): void {
    if (this.state === ConnectionState.HEAD) this.setDeadline(NEW_MS);
    if (this.state !== ConnectionState.IDLE && this.state !== ConnectionState.DISCARD) return;
    if (this.peers === null) this.setDeadline(NEW_MS);
    else this.linger();
  }

  destroy(): void {
    this.#socket.destroy();
  }

  // called by the intake

  setDeadline(milliseconds: number): void {
    this.#clock.set(milliseconds);
  }

  begin(head: HeadBytes, bodyLength: number): Exchange | undefined {
    (this.peers ??= peersOf(this.#socket, this.number)).requests += 1;
    return this.#host.exchanges.begin(head, this.peers, bodyLength);
  }

  submit(exchange: Exchange, bodyLength: number): void {
    this.exchange = exchange;
    this.#host.exchanges.submit(exchange, this, bodyLength, this.#host.now);
    this.#host.requestTurn();
  }

  intakeOnMessage(offset: number, left: number): void {
    if (!this.#stash.parsed(left) && left > 0) this.#stashBytes(offset, left);
    if (this.state === ConnectionState.DISCARD) this.#nextRequest();
    // Complete, but the server is full. A client that has pipelined more is asked to come back.
    else if (this.state === ConnectionState.WAIT && this.exchange === null && this.#file === null)
      this.#refuseComplete(503, !this.#stash.empty || this.#refusalEnds());
  }

  /** The acceptor answers itself, and the connection ends: what follows on it cannot be trusted or is not wanted. */
  refuse(status: number, detail: string): void {
    if (!this.#giveUp()) return;
    this.#writeRefusal(status, detail, true);
    this.linger();
  }

  /** Ends the connection after what was written; reads and drops what the client still sends. */
  linger(): void {
    this.#tunnel = null;
    this.#intake.close();
    this.#stash.clear();
    this.#blocked = false;
    this.state = ConnectionState.LINGER;
    this.#clock.linger();
    if (this.#halfClosed) this.output.endSoon();
    else this.output.end();
    this.#resume();
  }

  pause(): void {
    if (this.#paused) return;
    this.#paused = true;
    this.#intake.clockStops(true);
    this.#socket.pause();
  }

  // between requests

  /** The request waits or runs. If its interface treats a half-close as a disconnect, its worker ends the answer at once. */
  #depart(): void {
    if (this.#host.traits.halfOpen || this.exchange === null) return;
    this.#host.depart(this.exchange);
    // A client that asks for an upgrade may end its side in the new protocol.
    if (!this.#intake.isUpgrade) this.setDeadline(HALF_OPEN_MS);
  }

  /** No request follows on this connection. */
  #endsHere(): boolean {
    return (this.#host.closing || this.#halfClosed) && this.#stash.empty;
  }

  /** A refusal speaks HTTP/1.1, and not of keep-alive: an HTTP/1.0 client would take the connection's end for the body's. */
  #refusalEnds(): boolean {
    return !this.#intake.goesOn || this.#endsHere();
  }

  /** The request is complete, and is answered here. */
  #refuseComplete(status: number, close: boolean): void {
    this.#writeRefusal(status, '', close);
    if (close) this.linger();
    else this.#nextRequest();
  }

  /** The answer is complete while the body is not: read a little more of it, or end the connection. */
  #leaveBody(last: boolean): void {
    // A client that still waits for `100 Continue` may send its body or its next request: nobody can tell which.
    if (last || this.#intake.continueDue) return this.linger();
    this.#intake.discard();
    this.setDeadline(0);
    this.#resume();
  }

  #nextRequest(): void {
    this.#intake.forgetBody();
    this.state = ConnectionState.IDLE;
    this.#listen();
  }

  /**
   * Begins the next request, or waits for it. A client that does not read its answers has none begun, and nothing is read
   * from it, until they have left: it costs what one answer costs. `outputOnProgress` calls this again then; a client
   * that never reads is reset by the write timeout.
   */
  #listen(): void {
    this.#blocked = this.output.full;
    if (this.#blocked) {
      this.setDeadline(0);
      return this.pause();
    }
    this.#clock.begin();
    this.setDeadline(this.limits.keepAliveTimeout);
    while (!this.#stash.empty && parses(this.state) && !this.#blocked) this.#feedPipelined();
    if (this.#blocked) return;
    if (this.#halfClosed && parses(this.state)) this.linger();
    else if (this.#halfClosed) this.#depart();
    else if (!this.#stash.full) this.#resume();
  }

  /** Pipelined bytes are parsed as if they had just been read. */
  #feedPipelined(): void {
    this.#intake.feed(this.#stash.copyPiece(this.#host.parser.buffer, this.state === ConnectionState.IDLE));
    // The message is not complete, or was refused: all of the piece belongs to it.
    this.#stash.parsed(0);
  }

  #stashBytes(offset: number, length: number): void {
    this.#stash.add(this.#host.parser.buffer.subarray(offset, offset + length));
    if (this.#stash.full) this.pause();
  }

  #writeRefusal(status: number, detail: string, close: boolean): void {
    this.output.write(this.#host.refusal(status, detail, close, this.#intake.isHead));
  }

  /** Drops the exchange. False: its answer has begun, and the connection was broken off, so that the truncation shows. */
  #giveUp(): boolean {
    const headSent = this.exchange?.headSent === true || this.#file !== null;
    this.#dropExchange();
    if (headSent) this.exchangeOnBroken(true);
    return !headSent;
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

  // time

  /** No application has its request, so its silence is the acceptor's to see. Once it is answered, keepAliveTimeout bounds that first. */
  get #isUnserved(): boolean {
    const isKept = this.state === ConnectionState.IDLE && this.peers !== null && this.output.unsent === 0;
    return parses(this.state) && this.exchange === null && !(isKept && this.limits.keepAliveTimeout > 0);
  }

  #onSilence(): void {
    return this.#host.onTimeout(this.#socket) ? this.#clock.reported() : this.destroy();
  }

  #onDeadline(): void {
    switch (this.state) {
      case ConnectionState.IDLE:
        // A client that still reads its answer is not idle.
        if (this.output.unsent > 0) return this.setDeadline(this.limits.keepAliveTimeout);
        if (this.peers !== null && this.#host.onTimeout(this.#socket)) return this.setDeadline(0);
        return this.linger();
      case ConnectionState.DISCARD:
        return this.linger();
      case ConnectionState.HEAD:
        return this.refuse(408, 'the head came too slowly');
      case ConnectionState.STREAM:
        return this.refuse(this.#host.exchanges.blame.on('pendingTimeout'), '');
      case ConnectionState.WAIT:
        if (!this.#halfClosed) return this.refuse(this.#host.exchanges.blame.on('pendingTimeout'), '');
        // A worker has it, and ends the answer when its loop turns.
        if (this.exchange !== null && !this.#host.exchanges.isPending(this.exchange))
          return this.setDeadline(0);
        break;
      case ConnectionState.LINGER:
        // A slow reader of the last answer is bounded by the write timeout, not by this; what it sends is read for so long.
        if (this.output.unsent > 0) {
          if (this.#clock.hasLingered) this.pause();
          return this.setDeadline(LINGER_IDLE_MS);
        }
    }
    this.destroy();
  }
}

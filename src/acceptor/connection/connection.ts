/**
 * One client socket and its exchanges, one at a time.
 *
 * Law: the only writer of its state, of its deadlines and to its output: here a connection waits, goes on or ends. Its
 * intake parses and returns events. Its request and its clock report. Knows no rings and no workers. `connection-state.ts` has
 * the states. Methods are grouped by their callers.
 */
import { Buffer } from 'node:buffer';
import type net from 'node:net';
import type { FileRecord, PeerBytes } from '../../ring/message.ts';
import type { Exchange } from '../exchange/exchange.ts';
import { UPLOAD_HIGH_WATER } from '../exchange/upload.ts';
import { HALF_OPEN_MS, NEW_MS } from '../limits.ts';
import { breakOff, type ClientSocketOwner, peersOf, reset } from '../socket/client-socket.ts';
import { ConnectionOutput, type OutputOwner } from '../socket/connection-output.ts';
import { ConnectionClock } from './connection-clock.ts';
import type { ConnectionHost, ConnectionLimits } from './connection-host.ts';
import { ConnectionEvent, ConnectionState, nextState, parses } from './connection-state.ts';
import { CurrentRequest, type RequestOwner } from './current-request.ts';
import { checkDeadlines } from './deadlines.ts';
import type { IncomingBody } from './incoming-body.ts';
import { Inlet } from './inlet.ts';
import { Intake, IntakeEvent } from './intake.ts';
import { TakenOver } from './taken-over.ts';

const CONTINUE = Buffer.from('HTTP/1.1 100 Continue\r\n\r\n');

export class Connection implements ClientSocketOwner, RequestOwner, OutputOwner {
  /** Workers name the connection by this number. */
  readonly number: number;
  readonly #host: ConnectionHost;
  readonly #socket: net.Socket;
  readonly #intake: Intake;
  readonly #request: CurrentRequest;
  readonly output: ConnectionOutput;
  readonly limits: ConnectionLimits;
  readonly #clock: ConnectionClock;
  readonly #inlet: Inlet;
  #state: number = ConnectionState.IDLE;
  /** Both ends of the connection. Null until its first request. */
  peers: PeerBytes | null = null;
  /** The client has not read its responses, so no request begins until they have left. Only between requests. */
  #blocked = false;
  /** The client has ended its side. The acceptor still answers what the client sent before. */
  halfClosed = false;
  /** Set in TUNNEL. */
  #tunnel: TakenOver | null = null;

  constructor(host: ConnectionHost, limits: ConnectionLimits, socket: net.Socket, number: number) {
    this.number = number;
    this.limits = limits;
    this.#host = host;
    this.#socket = socket;
    this.output = new ConnectionOutput(socket, this);
    this.#intake = new Intake(host.parser, limits);
    this.#request = new CurrentRequest(host, this, this.#intake);
    this.#inlet = new Inlet(host, socket, this.#request);
    this.#clock = new ConnectionClock(host, this, limits);
    this.#clock.awaitHead(false);
  }

  /** A `ConnectionState`. */
  get state(): number {
    return this.#state;
  }

  get exchange(): Exchange | null {
    return this.#request.exchange;
  }

  /** The only place that writes the state. Throws if the event is impossible. */
  #apply(event: number): void {
    this.#state = nextState(this.#state, event);
  }

  // called by the socket

  socketOnRead(length: number): void {
    this.#clock.heard();
    if (this.#blocked || this.#state === ConnectionState.WAIT) this.#inlet.keep(0, length);
    else if (parses(this.#state)) this.#parse(length);
    else if (this.#tunnel !== null) {
      this.#tunnel.pass(this.exchange, length);
      if (this.#tunnel.full) this.#inlet.pause();
    } else this.#clock.lingerOn();
  }

  /** The acceptor answers a request that was complete before the client's FIN, as `#depart` describes. It drops an incomplete one. */
  socketOnEnd(): void {
    this.halfClosed = true;
    if (this.#tunnel !== null) return this.#tunnel.end(this.exchange, false);
    if (this.#blocked) return;
    if (this.#state === ConnectionState.WAIT) return this.#depart();
    if (this.#giveUp()) this.linger();
  }

  socketOnDrain(): void {
    this.output.socketOnDrain();
  }

  socketOnClose(): void {
    this.#apply(ConnectionEvent.CLOSED);
    // The end goes behind the bytes that were read: the application still gets them.
    if (this.#tunnel?.upload.ended === false) this.#tunnel.end(this.exchange, true);
    this.#request.close();
    this.#intake.close();
    this.#inlet.clear();
    this.#host.connectionOnClose(this);
  }

  // called by its exchange

  exchangeOnRead(): void {
    if (this.#request.read()) this.output.write(CONTINUE);
    if (this.exchange !== null) this.#host.requests.pump(this.exchange);
    this.exchangeOnPumped();
  }

  exchangeOnTunnel(): void {
    const { exchange } = this;
    if (exchange === null) return;
    this.#tunnel = new TakenOver(this.#host, exchange, this.#inlet.take());
    if (this.halfClosed) this.#tunnel.end(exchange, false);
    this.#apply(ConnectionEvent.TUNNELS);
    this.#clock.set(0);
    if (!this.#tunnel.full) this.#inlet.resume();
  }

  exchangeOnPumped(): void {
    if (!this.#inlet.isPaused) return;
    const upload = this.#tunnel?.upload ?? this.#request.body?.upload;
    if (upload !== undefined && upload !== null && upload.waiting < UPLOAD_HIGH_WATER) this.#inlet.resume();
  }

  exchangeOnEnd(close: boolean): void {
    this.#request.end();
    const last = close || this.#tunnel !== null || this.#endsHere();
    if (this.#state === ConnectionState.STREAM) this.#leaveBody(last);
    else if (last) this.linger();
    else this.#nextRequest(ConnectionEvent.ANSWERED);
  }

  exchangeOnFile(record: FileRecord, close: boolean): void {
    const { room, requests } = this.#host;
    if (room.openFile()) this.#request.sendFile(record, close);
    else this.exchangeOnRefused(requests.blame.on('descriptors'));
  }

  exchangeOnRefused(status: number): void {
    this.#request.end();
    if (this.#state === ConnectionState.STREAM) return this.refuse(status, '');
    this.#refuseComplete(status, this.#refusalEnds());
  }

  exchangeOnBroken(begun: boolean): void {
    this.#request.exchange = null;
    this.#host.requests.blame.clear();
    breakOff(this.#socket, begun);
  }

  // called by its output

  outputOnWait(): void {
    this.#clock.watch();
  }

  outputOnProgress(): void {
    if (this.exchange !== null) this.#host.requests.outputOnProgress(this.exchange);
    this.#request.file?.resume();
    if (this.#blocked && !this.output.full) this.#listen();
  }

  // called by its request

  countRequest(): PeerBytes {
    this.peers ??= peersOf(this.#socket, this.number);
    this.peers.requests += 1;
    return this.peers;
  }

  requestOnStream(body: IncomingBody): void {
    this.#apply(ConnectionEvent.STREAMS);
    // A client that waits for the application to read would hold a place and send nothing.
    if (body.continueDue && this.#host.uploads.buffersFirst) {
      body.continueDue = false;
      this.output.write(CONTINUE);
    }
    if (body.continueDue) this.#clock.set(this.limits.pendingTimeout);
  }

  requestOnPlace(isFree: boolean): void {
    this.#clock.set(isFree ? 0 : this.limits.pendingTimeout);
    if (!isFree) this.#inlet.pause();
  }

  /** The acceptor answers itself, and the connection ends: what follows on it is not a request, or not wanted. */
  refuse(status: number, detail: string): void {
    if (!this.#giveUp()) return;
    this.output.write(this.#host.refusal(status, detail, true, this.#intake.isHead));
    this.linger();
  }

  pause(): void {
    this.#inlet.pause();
  }

  // called by the acceptor

  /** Checks every deadline of the present state. Returns false if none is left. */
  tick(): boolean {
    checkDeadlines(this, this.#host, this.#clock, this.#request.body);
    return this.#clock.watchesOn(this.output.unsent > 0 || parses(this.#state));
  }

  /** The client sent no request for too long. True: its application was notified, and decides. */
  onTimeout(): boolean {
    return this.#host.onTimeout(this.#socket);
  }

  /** The connection waits only for the rest of a response, or for its end. */
  get isAnswered(): boolean {
    return this.#state >= ConnectionState.LINGER || this.#request.isAnswered;
  }

  /** An application closes the connection behind a response that has ended. A later request on it is lost, as under Node. */
  hangUp(): void {
    if (this.#state >= ConnectionState.LINGER) return this.#tunnel === null ? undefined : this.destroy();
    if (this.#giveUp()) this.linger();
  }

  /** When the last response left, or the client connected. Infinity: the connection is not idle. */
  get idleSince(): number {
    return this.#state === ConnectionState.IDLE && this.output.unsent === 0 ? this.#clock.begunAt : Infinity;
  }

  /** Ends an idle connection now. Another ends behind its response. A new one, or one in a head, may still send a request. */
  close(): void {
    if (this.#state === ConnectionState.HEAD) this.#clock.set(NEW_MS);
    if (this.#state !== ConnectionState.IDLE && this.#state !== ConnectionState.DISCARD) return;
    if (this.peers === null) this.#clock.set(NEW_MS);
    else this.linger();
  }

  destroy(): void {
    this.#socket.destroy();
  }

  reset(): void {
    reset(this.#socket);
  }

  /** Ends the connection behind what was written. The acceptor reads what the client still sends, and drops it. */
  linger(): void {
    this.#tunnel = null;
    this.#intake.close();
    this.#request.body?.release();
    this.#inlet.clear();
    this.#blocked = false;
    this.#apply(ConnectionEvent.ENDS);
    this.#clock.linger();
    if (this.halfClosed) this.output.endSoon();
    else this.output.end();
    this.#inlet.resume();
  }

  // the request

  /** Parses the first `length` bytes of the read buffer, up to the end of a message. */
  #parse(length: number): void {
    if (this.#intake.isFresh) {
      this.#apply(ConnectionEvent.MESSAGE);
      this.#clock.awaitHead(this.#host.closing);
    }
    this.#intake.receive(length);
    while (this.#take(this.#intake.next()));
  }

  /** Returns whether the message goes on. */
  #take(event: number): boolean {
    switch (event) {
      case IntakeEvent.WHOLE:
        if (!this.#mayGoOn()) return false;
        this.#apply(ConnectionEvent.COMPLETE);
        this.#request.submitWhole();
        return this.#messageOnComplete();
      case IntakeEvent.HEAD:
        if (!this.#mayGoOn()) return false;
        this.#apply(ConnectionEvent.HEAD);
        this.#request.takeHead(this.#clock.startedAt);
        return parses(this.#state);
      case IntakeEvent.DATA:
        this.#request.takeData(this.#intake.body!);
        return parses(this.#state);
      case IntakeEvent.END:
        if (this.#state !== ConnectionState.DISCARD) this.#apply(ConnectionEvent.COMPLETE);
        this.#request.takeEnd();
        return this.#messageOnComplete();
      case IntakeEvent.MORE:
        this.#request.takeMore();
        return false;
      case IntakeEvent.TOO_LONG:
        if (this.#state === ConnectionState.DISCARD) this.linger();
        else this.refuse(413, '');
        return false;
      default:
        this.refuse(this.#intake.status, this.#intake.detail);
        return false;
    }
  }

  /** The head is complete. Returns false if the connection refused it. */
  #mayGoOn(): boolean {
    this.#clock.set(0);
    if (!this.#intake.isConnect || this.#host.traits.connects) return true;
    this.refuse(501, '');
    return false;
  }

  #messageOnComplete(): false {
    const { offset, left } = this.#intake;
    if (!this.#inlet.parsed(left) && left > 0) this.#inlet.keep(offset, left);
    if (this.#state === ConnectionState.DISCARD) this.#nextRequest(ConnectionEvent.COMPLETE);
    // The server is full. A client that has pipelined more has to connect again.
    else if (this.#state === ConnectionState.WAIT && !this.#request.isInWork)
      this.#refuseComplete(503, !this.#inlet.empty || this.#refusalEnds());
    return false;
  }

  // between requests

  /** The request waits or runs. If its interface treats a half-close as a disconnect, its worker ends the response at once. */
  #depart(): void {
    if (this.#host.traits.halfOpen || this.exchange === null) return;
    this.#host.requests.depart(this.exchange);
    // A client that requests an upgrade may end its side in the new protocol.
    if (!this.#intake.isUpgrade) this.#clock.set(HALF_OPEN_MS);
  }

  /** No request follows on this connection. */
  #endsHere(): boolean {
    return (this.#host.closing || this.halfClosed) && this.#inlet.empty;
  }

  /** A refusal is HTTP/1.1 and names no keep-alive, so an HTTP/1.0 client takes the connection's end for the body's. */
  #refusalEnds(): boolean {
    return !this.#intake.goesOn || this.#endsHere();
  }

  /** The acceptor answers a complete request itself. */
  #refuseComplete(status: number, close: boolean): void {
    this.output.write(this.#host.refusal(status, '', close, this.#intake.isHead));
    if (close) this.linger();
    else this.#nextRequest(ConnectionEvent.ANSWERED);
  }

  /** The response is complete and the body is not. The acceptor reads the rest and drops it, or ends the connection. */
  #leaveBody(last: boolean): void {
    // A client that still waits for `100 Continue` may send its body or its next request: the bytes do not show which.
    if (last || this.#request.body!.continueDue) return this.linger();
    this.#request.body!.release();
    this.#apply(ConnectionEvent.ANSWERED);
    this.#clock.set(0);
    this.#inlet.resume();
  }

  #nextRequest(event: number): void {
    this.#request.forget();
    this.#apply(event);
    this.#listen();
  }

  /**
   * Begins the next request, or waits for it. If the client does not read its responses, the acceptor reads nothing and begins
   * no request until they have left. So the connection costs what one response costs. Then `outputOnProgress` calls this again.
   * The write timeout resets a client that never reads.
   */
  #listen(): void {
    this.#blocked = this.output.full;
    this.#clock.set(this.#blocked ? 0 : this.limits.keepAliveTimeout);
    if (this.#blocked) return this.#inlet.pause();
    this.#clock.begin();
    while (!this.#inlet.empty && parses(this.#state) && !this.#blocked) {
      this.#parse(this.#inlet.copyPiece(this.#state === ConnectionState.IDLE));
      // The message is incomplete or was refused, so the whole piece belongs to it.
      this.#inlet.parsed(0);
    }
    if (this.#blocked) return;
    if (this.halfClosed && parses(this.#state)) this.linger();
    else if (this.halfClosed) this.#depart();
    else if (!this.#inlet.full) this.#inlet.resume();
  }

  /** Drops the exchange. Returns false if its response had begun: then the connection is broken off, so the client sees that. */
  #giveUp(): boolean {
    const headSent = this.#request.isAnswered;
    this.#request.drop();
    if (headSent) this.exchangeOnBroken(true);
    return !headSent;
  }
}

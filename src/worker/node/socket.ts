/**
 * The socket to which Node's own `ServerResponse` writes, and from which `IncomingMessage` reads: one for each exchange.
 *
 * Law: bytes only. `exchange.ts` gives them a meaning: it handles ends, timeouts and requests to read. `outbound.ts` sends
 * them. The socket represents the client's connection, but lives no longer than its exchange.
 *
 * The class replaces `write` rather than `_write`. Node's HTTP writes in small pieces, and the writable half of a Duplex would
 * queue each of them a second time.
 */
import { AsyncResource } from 'node:async_hooks';
import type { IncomingMessage, Server, ServerResponse } from 'node:http';
import { type DuplexOptions, getDefaultHighWaterMark } from 'node:stream';
import type { Peers } from '../../ring/message.ts';
import { Outbound } from '../exchange/outbound.ts';
import type { Prepared } from '../fetch/body-fields.ts';
import { type HeadContext } from './response.ts';
import { destroyedError, PeerSocket } from './peer-socket.ts';
import { plainHead } from './plain-response-head.ts';
import { encodePart } from './socket-bytes.ts';
import type { ExchangeSocketOwner } from './socket-owner.ts';

type Done = (error?: Error | null) => void;

/** Node's HTTP reads `writableLength` and similar properties, which this class defines. */
const OPTIONS: DuplexOptions = { autoDestroy: false, decodeStrings: false, emitClose: false };

const DEFAULT_MARK = getDefaultHighWaterMark(false);

/** `http.createServer({ highWaterMark })` sets the high-water marks of its sockets. */
function optionsOf(server: Server): DuplexOptions {
  const { highWaterMark = DEFAULT_MARK } = server as { highWaterMark?: number };
  if (highWaterMark === DEFAULT_MARK) return OPTIONS;
  return { ...OPTIONS, readableHighWaterMark: highWaterMark, writableHighWaterMark: highWaterMark };
}

/** Calls its socket when all bytes are in the ring. */
export class ExchangeOutbound extends Outbound {
  /** null until a socket is needed. */
  socket: ExchangeSocket | null = null;

  /** Sends a whole answer without a socket. Returns false if the answer needs Node's response. */
  sendPlain(answer: Prepared): boolean {
    const { length } = answer;
    if (length === -1) return false;
    const body = (answer.body ?? '') as string | Uint8Array;
    const { http11, headRequest } = this.plan;
    const keepAlive = this.keepsAlive;
    const sent = headRequest ? -1 : length;
    const head = plainHead(answer, { length: sent, http11, keepAlive, date: this.loop.date() });
    if (head === null) return false;
    this.begin();
    this.observe(head);
    this.closes = !keepAlive;
    this.sendWhole(head, body, headRequest ? 0 : length);
    return true;
  }

  /** Returns an outbound that sends nothing, for messages that are made after the answer. */
  spent(): ExchangeOutbound {
    const spent = new ExchangeOutbound(this.loop, this.exchange, this.generation, this.plan);
    spent.over = true;
    return spent;
  }

  protected override onFlow(): void {
    this.socket?.outboundOnFlow();
  }
}

export class ExchangeSocket extends PeerSocket implements HeadContext {
  readonly server: Server;
  endsNow = false;
  /** Node reads from here the response that uses the socket. */
  _httpMessage: ServerResponse | null = null;
  /** Private, like everything that leads to the rings: `assert` prints all properties of a socket, of any size. */
  readonly #owner: ExchangeSocketOwner;
  readonly #outbound: Outbound;
  /** Bytes queued since the queue was last empty. */
  #unsent = 0;
  #flushDue = false;
  /** The asynchronous context of the code that waits for room in the ring. */
  #waiting: AsyncResource | null = null;
  /** True if 'drain' is due. */
  #needsDrain = false;
  #callbacks: Done[] | null = null;
  /** True once `end` was called: nothing is written after it. */
  #ended = false;
  #closeEmitted = false;

  constructor(server: Server, owner: ExchangeSocketOwner, outbound: ExchangeOutbound, peers: Peers) {
    super(optionsOf(server), peers);
    this.server = server;
    this.#owner = owner;
    this.#outbound = outbound;
    outbound.socket = this;
  }

  get owner(): ExchangeSocketOwner {
    return this.#owner;
  }

  // The response.

  get http11(): boolean {
    return this.#outbound.plan.http11;
  }

  get closes(): boolean {
    return !this.#outbound.keepsAlive || (this.endsNow && this.#owner.leavesBody);
  }

  /** As `response.assignSocket`, but without a listener for 'close': the exchange closes the response. */
  assign(response: ServerResponse): void {
    this._httpMessage = response;
    (response as { socket: unknown }).socket = this;
    response.emit('socket', this as unknown as Parameters<ServerResponse['assignSocket']>[0]);
  }

  detach(response: ServerResponse): void {
    this._httpMessage = null;
    (response as { socket: unknown }).socket = null;
  }

  // Reading: the body goes to the request, not through the socket.

  override _read(): void {}

  /** Node's request calls this when it has room for more of its body. */
  override resume(): this {
    this.#owner.socketOnResume();
    return this;
  }

  override pause(): this {
    return this;
  }

  /** Counts body bytes that have arrived. */
  received(bytes: number): void {
    this.bytesRead += bytes;
    this.refreshTimeout();
  }

  // Writing.

  static {
    // The base class has a property for TypeScript, and an accessor for Node.
    Object.defineProperty(this.prototype, 'writableLength', {
      configurable: true,
      get(this: ExchangeSocket) {
        return this.#unsent;
      },
    });
  }

  /** Returns false if the caller should wait for 'drain'. */
  override write(data: Uint8Array | string, encoding?: BufferEncoding | Done | null, done?: Done): boolean {
    if (typeof encoding === 'function') {
      done = encoding;
      encoding = null;
    }
    if (this.destroyed || this.#ended || this.#outbound.over) {
      if (done) process.nextTick(done, destroyedError());
      return false;
    }
    if (data.length > 0) this.#queue(encodePart(data, encoding));
    if (done) (this.#callbacks ??= []).push(done);
    this.#flushSoon();
    if (this.#unsent < this.writableHighWaterMark) return true;
    this.#needsDrain = true;
    this.#waiting ??= new AsyncResource('TSGISOCKETWRITE');
    return false;
  }

  override uncork(): void {
    super.uncork();
    this.#flushSoon();
  }

  override end(...args: unknown[]): this {
    const done = args.find((arg) => typeof arg === 'function') as Done | undefined;
    const [data, encoding] = args;
    if (typeof data === 'string' || data instanceof Uint8Array)
      this.write(data, typeof encoding === 'string' ? (encoding as BufferEncoding) : null);
    if (done) (this.#callbacks ??= []).push(done);
    if (this.#outbound.over) this.#owner.socketOnHangUp();
    this.hangUp();
    return this;
  }

  /** Ends the connection after the written bytes. The socket closes when all of them are in the ring. */
  hangUp(): void {
    if (this.#ended || this.destroyed) return;
    this.#ended = true;
    (this as { writable: boolean }).writable = false;
    if (!this.#outbound.over) return this.#owner.socketOnEnd();
    process.nextTick(tell, this);
    setImmediate(settle, this);
  }

  /** The client has ended its side, and receives nothing after the written bytes. */
  clientOnEnd(): void {
    this.emit('end');
    this.hangUp();
  }

  destroySoon(): void {
    this.end();
  }

  /** Moves queued bytes into the ring. */
  flush(): void {
    if (this.writableCorked > 0 || this.#outbound.over) return;
    this.#outbound.flush();
    // If there is no room for all, the loop's turn calls the callbacks later. They belong to this context.
    if (this.#callbacks !== null && this.#unsent > 0) this.#waiting ??= new AsyncResource('TSGISOCKETWRITE');
  }

  #queue(data: Uint8Array | string): void {
    this.refreshTimeout();
    if (!this.#owner.socketOnWrite(data)) return;
    this.bytesWritten += data.length;
    this.#unsent += data.length;
    this.#outbound.push(data);
  }

  /** Collects pieces that are written in one tick, so that they leave as one. */
  #flushSoon(): void {
    if (this.#flushDue || this.endsNow || this.writableCorked > 0) return;
    this.#flushDue = true;
    process.nextTick(flushNow, this);
  }

  /** Called by `flushNow` alone. */
  flushDue(): void {
    this.#flushDue = false;
    if (!this.#outbound.over) this.flush();
  }

  /** All written bytes are in the ring. */
  outboundOnFlow(): void {
    this.#unsent = 0;
    if (this.#ended) setImmediate(settle, this);
    const waiting = this.#waiting;
    this.#waiting = null;
    if (waiting === null) this.#tellSoon();
    else waiting.runInAsyncScope(this.#tellSoon, this);
  }

  #tellSoon(): void {
    if (this.#callbacks !== null) process.nextTick(tell, this);
    // In a turn of its own: a writer that is as fast as this drain would otherwise keep the loop from all other work.
    if (this.#needsDrain) setImmediate(drain, this);
  }

  /** Called by `tell` alone. */
  told(): void {
    this.#runCallbacks();
  }

  /** Called by `drain` alone. If more was written meanwhile, its own flush emits 'drain' later. */
  drained(): void {
    if (!this.#needsDrain || this.#unsent > 0 || this.destroyed) return;
    this.#needsDrain = false;
    this.emit('drain');
    this.#owner.socketOnDrain();
  }

  #runCallbacks(error?: Error): void {
    const callbacks = this.#callbacks;
    this.#callbacks = null;
    if (callbacks !== null) for (const callback of callbacks) callback(error);
  }

  // The end.

  /**
   * Emits 'close': the exchange is over, and the connection may go on. The socket is not destroyed, because a program that
   * destroys it afterwards closes the connection.
   */
  retire(): void {
    this.endTimeout();
    if (this.listenerCount('close') > 0) setImmediate(retire, this);
  }

  /** Called by `retire` alone. */
  retired(): void {
    if (!this.destroyed) this.#emitClose(false);
  }

  #emitClose(hadError: boolean): void {
    if (this.#closeEmitted) return;
    this.#closeEmitted = true;
    this.emit('close', hadError);
  }

  /** Closes this socket, and leaves the connection to the acceptor. */
  settle(): void {
    super.destroy();
  }

  /** Called by the application or by Node's messages: the connection ends as well. */
  override destroy(error?: Error): this {
    if (this.#flushDue) this.flush();
    if (this.#outbound.ended) this.#owner.socketOnHangUp();
    return super.destroy(error);
  }

  resetAndDestroy(): this {
    return this.destroy();
  }

  /** As net.Socket: 'error' follows in the next tick, 'close' when the handle has closed. */
  override _destroy(error: Error | null, callback: Done): void {
    this.endTimeout();
    this.#owner.socketOnDestroy();
    callback(error);
    setImmediate(close, this, error !== null);
  }

  /** Called by `close` alone. */
  closedNow(hadError: boolean): void {
    this.#runCallbacks(destroyedError());
    this.#owner.socketOnClose();
    this.#emitClose(hadError);
  }

  /** As Node's server does for 'error', closes the connection. An application without a listener must not die. */
  override emit(event: string | symbol, ...args: unknown[]): boolean {
    if (event !== 'error') return super.emit(event, ...args);
    if (!this.destroyed) this.destroy(args[0] as Error);
    return this.listenerCount(event) > 0 && super.emit(event, ...args);
  }

  protected override get untaken(): number {
    return this.#outbound.untaken;
  }

  protected override get unsent(): number {
    return this.#owner.bodyLeft;
  }

  protected override onTimeout(): void {
    this.#owner.socketOnTimeout();
    super.onTimeout();
  }
}

function flushNow(socket: ExchangeSocket): void {
  socket.flushDue();
}

function tell(socket: ExchangeSocket): void {
  socket.told();
}

function drain(socket: ExchangeSocket): void {
  socket.drained();
}

function close(socket: ExchangeSocket, hadError: boolean): void {
  socket.closedNow(hadError);
}

function settle(socket: ExchangeSocket): void {
  socket.settle();
}

function retire(socket: ExchangeSocket): void {
  socket.retired();
}

/** Returns the exchange that a request was made for, or undefined if this class did not make its socket. */
export function exchangeOf({ socket }: IncomingMessage): ExchangeSocketOwner | undefined {
  return (socket as unknown) instanceof ExchangeSocket
    ? (socket as unknown as ExchangeSocket).owner
    : undefined;
}

/**
 * The socket that Node's own `ServerResponse` writes to and `IncomingMessage` reads from: one for each exchange.
 *
 * Law: bytes only. What they mean is for `exchange.ts`, which is told of ends, timeouts and the wish to read; where they
 * go is `outbound.ts`. It stands for the client's connection, but lives no longer than its exchange.
 *
 * `write` is replaced rather than `_write`: Node's HTTP writes in small pieces, and the writable half of a Duplex would
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

/** `writableLength` and its like are read by Node's HTTP, and are ours. */
const OPTIONS: DuplexOptions = { autoDestroy: false, decodeStrings: false, emitClose: false };

const DEFAULT_MARK = getDefaultHighWaterMark(false);

/** `http.createServer({ highWaterMark })` is about the sockets of the server. */
function optionsOf(server: Server): DuplexOptions {
  const { highWaterMark = DEFAULT_MARK } = server as { highWaterMark?: number };
  if (highWaterMark === DEFAULT_MARK) return OPTIONS;
  return { ...OPTIONS, readableHighWaterMark: highWaterMark, writableHighWaterMark: highWaterMark };
}

/** Tells its socket when all is in the ring. */
export class ExchangeOutbound extends Outbound {
  /** null as long as nobody needs one. */
  socket: ExchangeSocket | null = null;

  /** The answer to who needs none, in place of all that the socket would be written. False: it is not that plain. */
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

  /** For messages that are made when all is said: it takes nothing. */
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
  /** Where Node looks for the response that it belongs to. */
  _httpMessage: ServerResponse | null = null;
  /** Private, as all that leads to the rings: `assert` prints the properties of a socket, of any size. */
  readonly #owner: ExchangeSocketOwner;
  readonly #outbound: Outbound;
  /** Bytes queued since the queue was last empty. */
  #unsent = 0;
  #flushDue = false;
  /** The context of who waits for the ring to have room. */
  #waiting: AsyncResource | null = null;
  /** 'drain' is due. */
  #needsDrain = false;
  #callbacks: Done[] | null = null;
  /** `end` was called: nothing is written behind it. */
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

  // its response

  get http11(): boolean {
    return this.#outbound.plan.http11;
  }

  get closes(): boolean {
    return !this.#outbound.keepsAlive || (this.endsNow && this.#owner.leavesBody);
  }

  /** As `response.assignSocket`, which would listen for 'close' besides: the exchange tells the response of it. */
  assign(response: ServerResponse): void {
    this._httpMessage = response;
    (response as { socket: unknown }).socket = this;
    response.emit('socket', this as unknown as Parameters<ServerResponse['assignSocket']>[0]);
  }

  detach(response: ServerResponse): void {
    this._httpMessage = null;
    (response as { socket: unknown }).socket = null;
  }

  // reading: the body goes to the request, not through here

  override _read(): void {}

  /** Node's request asks for more of its body by this. */
  override resume(): this {
    this.#owner.socketOnResume();
    return this;
  }

  override pause(): this {
    return this;
  }

  /** Body bytes have come. */
  received(bytes: number): void {
    this.bytesRead += bytes;
    this.refreshTimeout();
  }

  // writing

  static {
    // A property of the base class to TypeScript, an accessor to Node.
    Object.defineProperty(this.prototype, 'writableLength', {
      configurable: true,
      get(this: ExchangeSocket) {
        return this.#unsent;
      },
    });
  }

  /** False: wait for 'drain'. */
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

  /** Ends the connection behind what was written. The socket closes when all of that is in the ring. */
  hangUp(): void {
    if (this.#ended || this.destroyed) return;
    this.#ended = true;
    (this as { writable: boolean }).writable = false;
    if (!this.#outbound.over) return this.#owner.socketOnEnd();
    process.nextTick(tell, this);
    setImmediate(settle, this);
  }

  /** The client has ended its side, and receives nothing behind what was written. */
  clientOnEnd(): void {
    this.emit('end');
    this.hangUp();
  }

  destroySoon(): void {
    this.end();
  }

  /** Moves what is queued into the ring. */
  flush(): void {
    if (this.writableCorked > 0 || this.#outbound.over) return;
    this.#outbound.flush();
    // Without room for all: callbacks will come from the loop's turn, and belong here.
    if (this.#callbacks !== null && this.#unsent > 0) this.#waiting ??= new AsyncResource('TSGISOCKETWRITE');
  }

  #queue(data: Uint8Array | string): void {
    this.refreshTimeout();
    if (!this.#owner.socketOnWrite(data)) return;
    this.bytesWritten += data.length;
    this.#unsent += data.length;
    this.#outbound.push(data);
  }

  /** Pieces that are written one behind the other leave as one. */
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

  /** All that was written is in the ring. */
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
    // In a turn of its own: who writes as fast as this drains would leave nobody else one.
    if (this.#needsDrain) setImmediate(drain, this);
  }

  /** Called by `tell` alone. */
  told(): void {
    this.#runCallbacks();
  }

  /** Called by `drain` alone. More may have been written meanwhile, which tells of itself. */
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

  // the end

  /**
   * The exchange is over, and the connection may go on: 'close' is emitted. The socket is not destroyed, because a program
   * that then destroys it closes the connection.
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

  /** Closes this socket and leaves the connection to the acceptor. */
  settle(): void {
    super.destroy();
  }

  /** By the application, or by Node's messages for it: the connection ends as well. */
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

  /** As Node's server, which listens for 'error' and closes the connection: an application without a listener must not die. */
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

/** The exchange that a request was made for; undefined when it was not made here. */
export function exchangeOf({ socket }: IncomingMessage): ExchangeSocketOwner | undefined {
  return (socket as unknown) instanceof ExchangeSocket
    ? (socket as unknown as ExchangeSocket).owner
    : undefined;
}

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
import type { Server } from 'node:http';
import { Duplex, type DuplexOptions } from 'node:stream';
import type { Outbound } from '../outbound.ts';

export interface Address {
  readonly address: string;
  readonly port: number;
  readonly family: string;
}

/** Its exchange. */
export interface SocketOwner {
  /** The reader of the body has room. */
  socketOnResume(): void;
  /** Bytes are about to be queued; false: they are not part of the response. */
  socketOnWrite(data: Uint8Array | string): boolean;
  /** All that was written is in the ring: a writer may go on. */
  socketOnDrain(): void;
  /** Nothing was written or read for as long as `setTimeout` was told. */
  socketOnTimeout(): void;
  /** The application ends the connection behind what it wrote. */
  socketOnEnd(): void;
  /** It was destroyed, by whosever wish. */
  socketOnDestroy(): void;
  /** The same, as it is told: in a later turn, before its listeners hear of it. */
  socketOnClose(): void;
}

type Done = (error?: Error | null) => void;

/** `writableLength` and its like are read by Node's HTTP, and are ours. */
const OPTIONS: DuplexOptions = { autoDestroy: false, decodeStrings: false };

export class ExchangeSocket extends Duplex {
  readonly server: Server;
  readonly connecting: boolean = false;
  readonly pending: boolean = false;
  readonly remoteAddress: string;
  readonly remotePort: number;
  readonly localAddress: string;
  readonly localPort: number;
  bytesRead = 0;
  bytesWritten = 0;
  /** Milliseconds of `setTimeout`; undefined when there is none. */
  timeout: number | undefined;
  readonly #outbound: Outbound;
  readonly #owner: SocketOwner;
  /** Bytes queued since the queue was last empty. */
  #unsent = 0;
  #flushDue = false;
  /** A writer waits for room, in this context. */
  #waiting: AsyncResource | null = null;
  #callbacks: Done[] = [];
  #timer: NodeJS.Timeout | null = null;

  constructor(
    server: Server,
    outbound: Outbound,
    owner: SocketOwner,
    remote: { readonly address: string; readonly port: number },
    local: { readonly address: string; readonly port: number },
  ) {
    super(OPTIONS);
    this.server = server;
    this.#outbound = outbound;
    this.#owner = owner;
    this.remoteAddress = remote.address;
    this.remotePort = remote.port;
    this.localAddress = local.address;
    this.localPort = local.port;
    outbound.onFlow = this.#onFlow;
  }

  get remoteFamily(): string {
    return familyOf(this.remoteAddress);
  }

  get localFamily(): string {
    return familyOf(this.localAddress);
  }

  get readyState(): string {
    return this.destroyed ? 'closed' : 'open';
  }

  // for the response's head

  get http11(): boolean {
    return this.#outbound.plan.http11;
  }

  get closes(): boolean {
    return !this.#outbound.keepsAlive;
  }

  address(): Address {
    return { address: this.localAddress, port: this.localPort, family: this.localFamily };
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
    this.#timer?.refresh();
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
    if (this.destroyed || this.#outbound.over) {
      if (done) process.nextTick(done, destroyedError('write'));
      return false;
    }
    if (data.length > 0) this.#queue(bytesOf(data, encoding));
    if (done) this.#callbacks.push(done);
    if (!this.#flushDue) this.#flushSoon();
    if (this.#unsent < this.writableHighWaterMark) return true;
    this.#waiting ??= new AsyncResource('TSGISOCKETWRITE');
    return false;
  }

  override uncork(): void {
    super.uncork();
    if (this.writableCorked === 0 && !this.#flushDue) this.#flushSoon();
  }

  override end(...args: unknown[]): this {
    const done = args.find((arg) => typeof arg === 'function') as Done | undefined;
    const [data, encoding] = args;
    if (typeof data === 'string' || data instanceof Uint8Array)
      this.write(data, typeof encoding === 'string' ? (encoding as BufferEncoding) : null);
    if (done) this.#callbacks.push(done);
    if (!this.#outbound.over) this.#owner.socketOnEnd();
    return this;
  }

  destroySoon(): void {
    this.end();
  }

  /** Moves what is queued into the ring. */
  flush(): void {
    if (this.writableCorked > 0 || this.#outbound.over) return;
    this.#outbound.flush();
  }

  /** Its exchange is over: whoever waits for its end hears of it. */
  retire(): void {
    if (this.#timer !== null) clearTimeout(this.#timer);
    if (this.listenerCount('close') > 0) this.destroy();
  }

  /** As a real socket: it works no more at once, and is closed in a later turn. */
  override _destroy(error: Error | null, callback: Done): void {
    if (this.#timer !== null) clearTimeout(this.#timer);
    this.#owner.socketOnDestroy();
    setImmediate(close, this, error, callback);
  }

  /** Called by `close` alone. */
  closedNow(error: Error | null, callback: Done): void {
    this.#runCallbacks(destroyedError('write'));
    this.#owner.socketOnClose();
    // Node's server listens for errors of its sockets, and an application that does not is not to die of one.
    callback(this.listenerCount('error') > 0 ? error : null);
  }

  // what a real socket has besides

  setTimeout(milliseconds: number, callback?: () => void): this {
    if (this.destroyed) return this;
    if (this.#timer !== null) clearTimeout(this.#timer);
    this.timeout = milliseconds;
    this.#timer = milliseconds === 0 ? null : setTimeout(this.#onTimeout, milliseconds).unref();
    if (callback === undefined) return this;
    return milliseconds === 0 ? this.off('timeout', callback) : this.once('timeout', callback);
  }

  setNoDelay(): this {
    return this;
  }

  setKeepAlive(): this {
    return this;
  }

  ref(): this {
    return this;
  }

  unref(): this {
    return this;
  }

  #queue(data: Uint8Array | string): void {
    this.#timer?.refresh();
    if (!this.#owner.socketOnWrite(data)) return;
    this.bytesWritten += data.length;
    this.#unsent += data.length;
    this.#outbound.push(data);
  }

  /** Pieces that are written one behind the other leave as one. */
  #flushSoon(): void {
    this.#flushDue = true;
    process.nextTick(flushNow, this);
  }

  /** Called by `flushNow` alone. */
  flushDue(): void {
    this.#flushDue = false;
    if (this.#outbound.over) this.#onFlow();
    else this.flush();
  }

  readonly #onTimeout = (): void => {
    this.#owner.socketOnTimeout();
    this.emit('timeout');
  };

  /** The queue is empty. */
  readonly #onFlow = (): void => {
    this.#unsent = 0;
    if (this.#callbacks.length > 0) process.nextTick(runCallbacks, this);
    const waiting = this.#waiting;
    if (waiting === null) return;
    this.#waiting = null;
    process.nextTick(drain, this, waiting);
  };

  /** Called by `drain` alone. */
  drained(waiting: AsyncResource): void {
    if (this.destroyed) return;
    waiting.runInAsyncScope(() => {
      this.emit('drain');
      this.#owner.socketOnDrain();
    });
  }

  #runCallbacks(error?: Error): void {
    const callbacks = this.#callbacks;
    if (callbacks.length === 0) return;
    this.#callbacks = [];
    for (const callback of callbacks) callback(error);
  }

  /** Called by `runCallbacks` alone. */
  written(): void {
    this.#runCallbacks();
  }
}

function flushNow(socket: ExchangeSocket): void {
  socket.flushDue();
}

function runCallbacks(socket: ExchangeSocket): void {
  socket.written();
}

function close(socket: ExchangeSocket, error: Error | null, callback: Done): void {
  socket.closedNow(error, callback);
}

function destroyedError(call: string): Error {
  return Object.assign(new Error(`Cannot call ${call} after a stream was destroyed`), {
    code: 'ERR_STREAM_DESTROYED',
  });
}

function drain(socket: ExchangeSocket, waiting: AsyncResource): void {
  socket.drained(waiting);
}

function familyOf(address: string): string {
  return address.includes(':') ? 'IPv6' : 'IPv4';
}

/** Text that is one byte a character goes on as it is; the ring takes Latin-1. */
function bytesOf(
  data: Uint8Array | string,
  encoding: BufferEncoding | null | undefined,
): Uint8Array | string {
  if (typeof data !== 'string') return data;
  switch (encoding) {
    case 'latin1':
    case 'binary':
    case 'ascii':
      return data;
    case undefined:
    case null:
    case 'utf8':
    case 'utf-8':
      return Buffer.byteLength(data) === data.length ? data : Buffer.from(data);
    default:
      return Buffer.from(data, encoding);
  }
}

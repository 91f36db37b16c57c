/**
 * A connection that the application has taken over: the event `'upgrade'` of a Node server, as WebSocket servers use it.
 *
 * Law: bytes both ways, unchanged. The application does the handshake and all that follows. The acceptor stops parsing when it
 * receives the first record of this exchange. Bytes after the head are the first to be read.
 *
 * The exchange lives as long as the connection. If the application ends the socket, both ways end after the written bytes. If
 * the client ends its side, the socket's readable side ends. If the client is gone, the application can still read the client's
 * last bytes. After that, or at a write, the socket is destroyed.
 */
import type { IncomingMessage, Server } from 'node:http';
import { Abort } from '../../ring/layout.ts';
import type { RequestReader } from '../../ring/message.ts';
import type { InboundBody } from '../exchange/inbound.ts';
import { Outbound } from '../exchange/outbound.ts';
import { Running, type RunningOwner } from '../exchange/running.ts';
import { PeerSocket } from './peer-socket.ts';

const NO_BYTES = Buffer.alloc(0);

type Done = (error?: Error | null) => void;

/** Calls its socket when all bytes are in the ring. */
export class TunnelOutbound extends Outbound {
  socket!: TunnelSocket;

  override takeOver(): void {
    super.takeOver();
    this.loop.split?.onSocket();
  }

  /** Reports that the application passes on bytes of another connection to this one. */
  onPassedOn(): void {
    this.loop.split?.onBroadcast();
  }

  protected override onFlow(): void {
    this.socket.outboundOnFlow();
  }
}

/** The socket whose bytes the application is reading right now. */
let reading: TunnelSocket | null = null;

/** Returns the previous socket, inside whose read this read happens. */
function beginReading(socket: TunnelSocket): TunnelSocket | null {
  const before = reading;
  reading = socket;
  return before;
}

export class TunnelSocket extends PeerSocket {
  readonly #outbound: TunnelOutbound;
  readonly #body: InboundBody;
  /** True if Node requests bytes. The socket then pushes them as they arrive. */
  #wanted = false;
  #pushing = false;
  /** The callback of a write that waits for room. */
  #written: Done | null = null;
  /** True once the client takes no more bytes. */
  #gone = false;

  constructor(outbound: TunnelOutbound, body: InboundBody, peers: RequestReader) {
    super({ allowHalfOpen: true, emitClose: false }, peers);
    this.#outbound = outbound;
    this.#body = body;
    outbound.socket = this;
  }

  protected override get untaken(): number {
    return this.#outbound.untaken;
  }

  /** As a new net.Socket does, reads bytes and the end before the application reads. */
  startReading(): void {
    this.read(0);
  }

  /** The client is gone. The body ends with an error for that as well, after its last bytes. May be called again. */
  clientOnGone(): void {
    this.#gone = true;
    if (this.#written !== null) this.#settle(failure('write', 'EPIPE'));
  }

  override _read(): void {
    this.#wanted = true;
    this.bodyOnReadable();
  }

  bodyOnReadable(): void {
    if (this.#pushing) return;
    this.#pushing = true;
    const before = beginReading(this);
    try {
      while (this.#wanted && !this.destroyed && this.#pushNext());
      // The application does not read, and no bytes would be lost.
      if (!this.#wanted && this.#body.broken && this.readableLength === 0) this.#destroyAsReset();
    } finally {
      this.#pushing = false;
      reading = before;
    }
  }

  #pushNext(): boolean {
    const bytes = this.#next();
    if (bytes === undefined) return false;
    if (bytes !== null) {
      this.bytesRead += bytes.length;
      this.refreshTimeout();
    }
    this.#wanted = false;
    if (this.push(bytes)) this.#wanted = true;
    // As net.Socket: without this, a socket that the application does not read would not emit 'end'.
    if (bytes === null) this.read(0);
    return true;
  }

  /** Returns null at the end, and undefined if no bytes are there now. */
  #next(): Uint8Array | null | undefined {
    try {
      return this.#body.next();
    } catch {
      this.#destroyAsReset();
      return undefined;
    }
  }

  #destroyAsReset(): void {
    this.destroy(failure('read', 'ECONNRESET'));
  }

  override _write(chunk: Buffer, _: BufferEncoding, done: Done): void {
    this.#push(chunk);
    this.#flush(done);
  }

  override _writev(chunks: { chunk: Buffer }[], done: Done): void {
    for (const { chunk } of chunks) this.#push(chunk);
    this.#flush(done);
  }

  #push(chunk: Buffer): void {
    this.bytesWritten += chunk.length;
    if (reading !== null && reading !== this) this.#outbound.onPassedOn();
    this.#outbound.push(chunk);
  }

  #flush(done: Done): void {
    this.refreshTimeout();
    if (this.#gone) return done(failure('write', 'EPIPE'));
    this.#written = done;
    this.#outbound.flush();
  }

  outboundOnFlow(): void {
    this.#settle();
  }

  #settle(error?: Error): void {
    const written = this.#written;
    this.#written = null;
    written?.(error);
  }

  /** Ends both ways. The acceptor sends the written bytes, and later bytes of the client are dropped. */
  override _final(done: Done): void {
    this.#outbound.finish(true);
    done();
    this.push(null);
  }

  destroySoon(): void {
    if (this.writable) this.end();
    if (this.writableFinished) this.destroy();
    else this.once('finish', () => this.destroy());
  }

  resetAndDestroy(): this {
    this.#outbound.abort();
    return this.destroy();
  }

  override _destroy(error: Error | null, callback: Done): void {
    this.endTimeout();
    // As with a closed socket, its client sees an end, and bytes that are still queued are never sent.
    this.#outbound.hangUp();
    this.#settle();
    // Servers listen for errors of their sockets. An application that does not must not die because of a client.
    callback(this.listenerCount('error') > 0 ? error : null);
    // As net's event, which has a flag for an error.
    process.nextTick(() => this.emit('close', error !== null));
  }
}

/** An error in the form of a Node socket's error. */
function failure(syscall: string, code: string): Error {
  return Object.assign(new Error(`${syscall} ${code}`), { code, syscall });
}

/** Events of a Node server that give a connection to the application. */
export type TunnelEvent = 'upgrade' | 'connect';

export interface TunnelParts {
  readonly server: Server;
  readonly event: TunnelEvent;
  readonly request: IncomingMessage;
  readonly socket: TunnelSocket;
  readonly requestId: string;
  /** The set of open exchanges, to which this one is added. */
  readonly open: Set<UpgradedExchange>;
}

/** The used part of a WebSocket of the library ws. */
interface WebSocketLike {
  /** Bytes that were not yet written to the socket. */
  readonly bufferedAmount?: number;
  close(code: number, reason: string): void;
}

/** Service Restart (the registry of RFC 6455 §11.7). */
const RESTART = 1012;

/**
 * A close frame may wait behind messages that are being compressed, or that the client does not read. Every `SENT_LOOK_MS` the
 * exchange checks whether the frame was written, for `SENT_MS` at most.
 */
const SENT_LOOK_MS = 5;
const SENT_MS = 1000;

export class UpgradedExchange extends Running {
  override readonly lasting: boolean = true;
  override readonly label;
  readonly #socket: TunnelSocket;
  /** Null once the application was called. It decides what stays in memory as long as the connection lasts. */
  #parts: TunnelParts | null;

  constructor(outbound: Outbound, body: InboundBody, parts: TunnelParts) {
    super(outbound, body);
    const { request, requestId, socket } = parts;
    this.label = { method: request.method ?? '', target: request.url ?? '', id: requestId };
    this.#socket = socket;
    this.#parts = parts;
  }

  protected override call(owner: RunningOwner): void {
    const { server, event, request, socket, open } = this.#parts!;
    this.#parts = null;
    this.outbound.takeOver();
    open.add(this);
    socket.once('close', () => {
      open.delete(this);
      owner.runningOnDone(this);
    });
    // Bytes after the end need no reader.
    socket.once('finish', () => setImmediate(() => socket.destroy()));
    socket.startReading();
    try {
      server.emit(event, request, socket, NO_BYTES);
    } catch (error) {
      owner.runningOnFailed(this, error);
      socket.destroy();
    }
  }

  override bodyOnReadable(): void {
    this.#socket.bodyOnReadable();
  }

  /** Resolves when the connection has closed. */
  get closed(): Promise<void> {
    const socket = this.#socket;
    if (socket.closed) return Promise.resolve();
    return new Promise((resolve) => socket.once('close', () => resolve()));
  }

  /** Closes a WebSocket with 1012, through the application's own library. Other protocols are left to the application. */
  restart(): void {
    websocketOf(this.#socket)?.close(RESTART, 'Service Restart');
  }

  cut(): void {
    this.#socket.resetAndDestroy();
  }

  /**
   * Closes a WebSocket with 1012, and resets any other connection. The connection ends after the close frame. It does not wait
   * for the client's frame, because the error may have left the library unable to read it.
   */
  override breakOff(): void {
    const websocket = websocketOf(this.#socket);
    if (websocket === undefined) return this.cut();
    websocket.close(RESTART, 'Service Restart');
    const since = performance.now();
    const timer = setInterval(() => {
      if (performance.now() - since > SENT_MS) this.cut();
      else if (websocket.bufferedAmount === 0) this.#socket.end();
      else return;
      clearInterval(timer);
    }, SENT_LOOK_MS);
  }

  /** Does not end at once: the client's last bytes are on their way, or wait to be read. */
  protected override onAbort(why: number): void {
    // A client that has ended its side still reads. Its end arrives after its bytes.
    if (why !== Abort.LEFT) this.#socket.clientOnGone();
  }
}

/** The library ws stores the WebSocket of a socket under this symbol. So do socket.io and graphql-ws, which use ws. */
function websocketOf(socket: TunnelSocket): WebSocketLike | undefined {
  const key = Object.getOwnPropertySymbols(socket).find(({ description }) => description === 'websocket');
  const found = key && (socket as unknown as Record<symbol, Partial<WebSocketLike> | undefined>)[key];
  return typeof found?.close === 'function' ? (found as WebSocketLike) : undefined;
}

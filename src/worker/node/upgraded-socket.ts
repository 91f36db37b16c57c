/**
 * A connection that the application has taken over: `'upgrade'` of Node's servers, as WebSocket servers use it.
 *
 * Law: bytes both ways, as they are. The handshake and what follows are the application's; the acceptor has stopped
 * parsing when it hears of this exchange first. Bytes that came behind the head are the first to be read.
 *
 * Its exchange lives as long as the connection. An end by the application ends both ways behind what was written; an end
 * by the client is the end of what is read. Of a client that is gone what it said before is still read; then, or when
 * something is written to it, the socket is destroyed.
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

/** Tells its socket when all is in the ring. */
export class TunnelOutbound extends Outbound {
  socket!: TunnelSocket;

  override takeOver(): void {
    super.takeOver();
    this.loop.split?.onSocket();
  }

  /** What another connection has sent is passed on to this one. */
  onPassedOn(): void {
    this.loop.split?.onBroadcast();
  }

  protected override onFlow(): void {
    this.socket.outboundOnFlow();
  }
}

/** The socket whose bytes the application is reading in this moment. */
let reading: TunnelSocket | null = null;

/** Returns the one before, within whose reading this one reads. */
function beginReading(socket: TunnelSocket): TunnelSocket | null {
  const before = reading;
  reading = socket;
  return before;
}

export class TunnelSocket extends PeerSocket {
  readonly #outbound: TunnelOutbound;
  readonly #body: InboundBody;
  /** Node asks for more, and is given it as it comes. */
  #wanted = false;
  #pushing = false;
  /** Of what is written, and waits for room. */
  #written: Done | null = null;
  /** The client takes nothing any more. */
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

  /** As net.Socket when it is made: bytes and the end come in before the application reads. */
  startReading(): void {
    this.read(0);
  }

  /** The client is gone; that it is so stands behind what it said in the body as well. May be called again. */
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
      // Nobody reads, and nothing would be lost.
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
    // As net.Socket: without it, a socket that nobody reads would not emit 'end'.
    if (bytes === null) this.read(0);
    return true;
  }

  /** Null at the end, undefined when nothing is there now. */
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

  /** Both ways end here: the acceptor sends what is written, and what the client still says is nobody's. */
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
    // As a socket that is closed: its client sees an end, and what was not written yet never comes.
    this.#outbound.hangUp();
    this.#settle();
    // Servers listen for errors of their sockets, and an application that does not is not to die of a client.
    callback(this.listenerCount('error') > 0 ? error : null);
    // As net's, which says whether it was by an error.
    process.nextTick(() => this.emit('close', error !== null));
  }
}

/** As Node's sockets fail. */
function failure(syscall: string, code: string): Error {
  return Object.assign(new Error(`${syscall} ${code}`), { code, syscall });
}

/** Of Node's servers: a connection is the application's from then on. */
export type TunnelEvent = 'upgrade' | 'connect';

export interface TunnelParts {
  readonly server: Server;
  readonly event: TunnelEvent;
  readonly request: IncomingMessage;
  readonly socket: TunnelSocket;
  readonly requestId: string;
  /** Those that are open, which it joins. */
  readonly open: Set<UpgradedExchange>;
}

/** A WebSocket of the library ws, as far as it is needed. */
interface WebSocketLike {
  /** Bytes that were not written to the socket yet. */
  readonly bufferedAmount?: number;
  close(code: number, reason: string): void;
}

/** Service Restart (the registry of RFC 6455 §11.7). */
const RESTART = 1012;

/** A close frame may wait behind messages that are compressed, or that its client does not read. How often that is looked at, and how long. */
const SENT_LOOK_MS = 5;
const SENT_MS = 1000;

export class UpgradedExchange extends Running {
  override readonly lasting: boolean = true;
  override readonly label;
  readonly #socket: TunnelSocket;
  /** Until it is called: the application decides what stays in memory for as long as the connection lasts. */
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
    // Nobody need read what comes behind the end.
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

  /** Resolves when it is over. */
  get closed(): Promise<void> {
    const socket = this.#socket;
    if (socket.closed) return Promise.resolve();
    return new Promise((resolve) => socket.once('close', () => resolve()));
  }

  /** A WebSocket is closed with 1012, by the application's own library; other protocols are left to the application. */
  restart(): void {
    websocketOf(this.#socket)?.close(RESTART, 'Service Restart');
  }

  cut(): void {
    this.#socket.resetAndDestroy();
  }

  /**
   * A WebSocket is closed with 1012, another protocol is reset. The connection ends behind the close frame, without the
   * client's: the error may have left the library unable to read it.
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

  /** Not at once: what its client said before is on its way, or waits to be read. */
  protected override onAbort(why: number): void {
    // A client that has ended its side still reads. Its end comes behind its bytes.
    if (why !== Abort.LEFT) this.#socket.clientOnGone();
  }
}

/** The library ws keeps the WebSocket of a socket there, and so do socket.io and graphql-ws, which stand on it. */
function websocketOf(socket: TunnelSocket): WebSocketLike | undefined {
  const key = Object.getOwnPropertySymbols(socket).find(({ description }) => description === 'websocket');
  const found = key && (socket as unknown as Record<symbol, Partial<WebSocketLike> | undefined>)[key];
  return typeof found?.close === 'function' ? (found as WebSocketLike) : undefined;
}

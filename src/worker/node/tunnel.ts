/**
 * A connection that the application has taken over: `'upgrade'` of Node's servers, as WebSocket servers use it.
 *
 * Law: bytes both ways, as they are. The handshake and what follows are the application's; the acceptor has stopped
 * parsing when it hears of this exchange first. Bytes that came behind the head are the first to be read.
 *
 * Its exchange lives as long as the connection. An end by the application ends both ways behind what was written; an end
 * by the client is the end of what is read, and a client that is gone destroys the socket.
 */
import type { IncomingMessage, Server } from 'node:http';
import type { RequestReader } from '../../ring/message.ts';
import type { InboundBody } from '../inbound.ts';
import { Outbound } from '../outbound.ts';
import { Running, type RunningOwner } from '../running.ts';
import { PeerSocket } from './peer-socket.ts';

const NO_BYTES = Buffer.alloc(0);

type Done = (error?: Error | null) => void;

/** Tells its socket when all is in the ring. */
export class TunnelOutbound extends Outbound {
  socket!: TunnelSocket;

  protected override onFlow(): void {
    this.socket.outboundOnFlow();
  }
}

export class TunnelSocket extends PeerSocket {
  readonly #outbound: Outbound;
  readonly #body: InboundBody;
  #reading = false;
  /** Of what is written, and waits for room. */
  #written: Done | null = null;

  constructor(outbound: TunnelOutbound, body: InboundBody, peers: RequestReader) {
    super({ allowHalfOpen: true, emitClose: false }, peers);
    this.#outbound = outbound;
    this.#body = body;
    outbound.socket = this;
  }

  /** The client is gone. */
  break(): void {
    this.destroy(Object.assign(new Error('read ECONNRESET'), { code: 'ECONNRESET', syscall: 'read' }));
  }

  override _read(): void {
    if (!this.#reading) this.#pull();
  }

  #pull(): void {
    try {
      for (;;) {
        const bytes = this.#body.next();
        if (bytes === undefined) break;
        if (bytes === null) return void this.push(null);
        this.bytesRead += bytes.length;
        this.refreshTimeout();
        if (!this.push(Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength))) return;
      }
    } catch {
      return this.break();
    }
    this.#reading = true;
    void this.#body.wait().then(() => {
      this.#reading = false;
      if (!this.destroyed) this.#pull();
    });
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
    this.#outbound.push(chunk);
  }

  #flush(done: Done): void {
    this.refreshTimeout();
    if (this.#outbound.over) return done();
    this.#written = done;
    this.#outbound.flush();
  }

  outboundOnFlow(): void {
    const written = this.#written;
    this.#written = null;
    written?.();
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
    this.stopTimeout();
    // As net's: what was handed over leaves, and the connection ends behind it.
    this.#outbound.finish(true);
    this.outboundOnFlow();
    // Servers listen for errors of their sockets, and an application that does not is not to die of a client.
    callback(this.listenerCount('error') > 0 ? error : null);
    // As net's, which says whether it was by an error.
    process.nextTick(() => this.emit('close', error !== null));
  }
}

export interface TunnelParts {
  readonly server: Server;
  readonly request: IncomingMessage;
  readonly socket: TunnelSocket;
  readonly requestId: string;
}

/** A WebSocket of the library ws, as far as it is needed. */
interface WebSocketLike {
  close(code: number, reason: string): void;
}

/** Service Restart (the registry of RFC 6455 §11.7). */
const RESTART = 1012;

export class Tunnel extends Running {
  override readonly lasting: boolean = true;
  readonly #parts: TunnelParts;

  constructor(outbound: Outbound, body: InboundBody, parts: TunnelParts) {
    super(outbound, body);
    this.#parts = parts;
  }

  override get label() {
    const { request, requestId } = this.#parts;
    return { method: request.method ?? '', target: request.url ?? '', id: requestId };
  }

  protected override call(owner: RunningOwner): void {
    const { server, request, socket } = this.#parts;
    this.outbound.takeOver();
    socket.once('close', () => owner.runningOnDone(this));
    // Nobody need read what comes behind the end.
    socket.once('finish', () => setImmediate(() => socket.destroy()));
    try {
      server.emit('upgrade', request, socket, NO_BYTES);
    } catch (error) {
      owner.runningOnFailed(this, error);
      socket.destroy();
    }
  }

  /** Resolves when it is over. */
  get closed(): Promise<void> {
    const { socket } = this.#parts;
    if (socket.closed) return Promise.resolve();
    return new Promise((resolve) => socket.once('close', () => resolve()));
  }

  /** A WebSocket is closed with 1012, by the application's own library; other protocols are left to the application. */
  restart(): void {
    websocketOf(this.#parts.socket)?.close(RESTART, 'Service Restart');
  }

  cut(): void {
    this.#parts.socket.destroy();
  }

  protected override onAbort(why: number): void {
    super.onAbort(why);
    this.#parts.socket.break();
  }
}

/** The library ws keeps the WebSocket of a socket there, and so do socket.io and graphql-ws, which stand on it. */
function websocketOf(socket: TunnelSocket): WebSocketLike | undefined {
  const key = Object.getOwnPropertySymbols(socket).find(({ description }) => description === 'websocket');
  const found = key && (socket as unknown as Record<symbol, Partial<WebSocketLike> | undefined>)[key];
  return typeof found?.close === 'function' ? (found as WebSocketLike) : undefined;
}

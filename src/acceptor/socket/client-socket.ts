/**
 * How a socket reads: directly into the parser's memory, without a Buffer for each read.
 *
 * Law: the only file that uses undocumented parts of an accepted socket, mainly its `_handle`. Knows sockets and one read
 * buffer; not HTTP. Before the first client is served, a trial shows whether this Node behaves as expected. If it does not,
 * 'data' events deliver the bytes and this file copies them: slower, but always correct.
 *
 * Node ignores `createServer({ onread })`. So this file moves the accepted socket's handle into a new socket that was made
 * with `onread`. All sockets share one read buffer. A read is consumed before its callback returns, and the event loop runs
 * one callback at a time.
 */
import { once } from 'node:events';
import net from 'node:net';
import { encodePeers, type PeerBytes } from '../../ring/message.ts';
import { UNSENT_MARK } from '../limits.ts';

/** Receives the events of a socket. Each method is called on the I/O thread. */
export interface ClientSocketOwner {
  /** The read buffer begins with `length` new bytes. They are valid until this method returns. */
  socketOnRead(length: number): void;
  socketOnEnd(): void;
  socketOnDrain(): void;
  socketOnClose(): void;
}

interface Handle {
  /** Bytes passed to libuv, and the bytes among them that libuv still has. */
  bytesWritten?: number;
  writeQueueSize?: number;
}

/** How `openSocket` reads. */
export interface ReadOptions {
  /** The socket reads to the start of this buffer. */
  readonly buffer: Uint8Array;
  /** True: reads directly, as `readsIntoBuffer` found possible. False: copies. */
  readonly direct: boolean;
}

/** Takes over an accepted, paused socket. */
export function openSocket(
  accepted: net.Socket,
  { buffer, direct }: ReadOptions,
  ownerOf: (socket: net.Socket) => ClientSocketOwner,
): void {
  const socket = direct ? moveHandle(accepted, buffer, (length) => owner.socketOnRead(length)) : accepted;
  // From now on errors have a listener. Without one, a reset at the wrong moment would end the process.
  socket.on('error', ignore);
  const owner = ownerOf(socket);
  if (!direct) socket.on('data', (chunk) => copyIn(chunk, buffer, owner));
  socket.on('end', () => owner.socketOnEnd());
  socket.on('drain', () => owner.socketOnDrain());
  socket.on('close', () => owner.socketOnClose());
  socket.resume();
}

const TRIAL = 'tsgi';
const TRIAL_MS = 1000;

/** Tries on a connection of its own whether sockets of this Node can read directly. Never rejects. */
export async function readsIntoBuffer(): Promise<boolean> {
  const listener = net.createServer({ pauseOnConnect: true, allowHalfOpen: true });
  let client: net.Socket | undefined;
  let accepted: net.Socket | undefined;
  try {
    const signal = AbortSignal.timeout(TRIAL_MS);
    listener.listen(0, '127.0.0.1');
    await once(listener, 'listening', { signal });
    const { port } = listener.address() as net.AddressInfo;
    client = net.connect(port, '127.0.0.1', () => client!.end(TRIAL));
    client.on('error', ignore);
    [accepted] = (await once(listener, 'connection', { signal })) as [net.Socket];
    return (await readDirectly(accepted, signal)) === TRIAL;
  } catch {
    return false;
  } finally {
    client?.destroy();
    accepted?.destroy();
    listener.close();
  }
}

/** Reads everything that a client sends, until its end, into a buffer. */
function readDirectly(accepted: net.Socket, signal: AbortSignal): Promise<string> {
  const buffer = new Uint8Array(TRIAL.length);
  let text = '';
  return new Promise((resolve) => {
    signal.addEventListener('abort', () => resolve(''));
    openSocket(accepted, { buffer, direct: true }, (socket) => ({
      socketOnRead(length) {
        text += String.fromCharCode(...buffer.subarray(0, length));
      },
      socketOnEnd: () => socket.destroy(),
      socketOnDrain() {},
      socketOnClose: () => resolve(text),
    }));
  });
}

/** Bytes that the kernel has taken since the connection began. The number grows as a slow client reads. */
export function takenBytes(socket: net.Socket): number {
  const { bytesWritten, writeQueueSize } = handleOf(socket) ?? {};
  if (bytesWritten !== undefined && writeQueueSize !== undefined) return bytesWritten - writeQueueSize;
  return socket.bytesWritten - socket.writableLength;
}

/**
 * Resets the connection immediately. `socket.resetAndDestroy` would first send what is written, and then a FIN. A client may
 * mistake that FIN for the end of the response. A client that reads nothing would never be reset.
 */
export function reset(socket: net.Socket): void {
  (socket as unknown as { resetAndClosing: boolean }).resetAndClosing = true;
  socket.destroy();
}

/**
 * Closes the connection of a response that stays incomplete. `begun`: the head was sent, so the connection is reset. A client
 * that reads until the end would take a FIN for the end of the response.
 */
export function breakOff(socket: net.Socket, begun: boolean): void {
  if (begun) reset(socket);
  else socket.destroy();
}

function handleOf(socket: net.Socket): Handle | null | undefined {
  return (socket as unknown as { _handle?: Handle | null })._handle;
}

function moveHandle(accepted: net.Socket, buffer: Uint8Array, onRead: (length: number) => void): net.Socket {
  const socket = new net.Socket({
    handle: handleOf(accepted),
    allowHalfOpen: true,
    writableHighWaterMark: UNSENT_MARK,
    onread: {
      buffer,
      callback: (length: number) => {
        onRead(length);
        return true;
      },
    },
  } as net.SocketConstructorOpts);
  // Without its handle, the accepted socket is empty. Its destruction corrects the listener's count of connections.
  (accepted as unknown as { _handle: null })._handle = null;
  accepted.on('error', ignore);
  accepted.destroy();
  return socket;
}

function copyIn(chunk: Uint8Array, buffer: Uint8Array, owner: ClientSocketOwner): void {
  for (let at = 0; at < chunk.length; at += buffer.length) {
    const piece = chunk.subarray(at, at + buffer.length);
    buffer.set(piece);
    owner.socketOnRead(piece.length);
  }
}

function ignore(): void {}

/** The addresses of both ends, and the number by which workers name the connection. */
export function peersOf(socket: net.Socket, connection: number): PeerBytes {
  const { remoteAddress = '', remotePort = 0, localAddress = '', localPort = 0 } = socket;
  return encodePeers({ remoteAddress, remotePort, localAddress, localPort }, connection);
}

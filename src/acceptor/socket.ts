/**
 * How a socket reads: straight into the parser's memory, without a Buffer per read.
 *
 * Law: the only file that touches the undocumented `_handle` of an accepted socket. It knows sockets and one read
 * buffer; not HTTP. If a Node version changes what `_handle` is, the fallback below copies from 'data' events
 * instead, and only this file changes.
 *
 * `createServer({ onread })` is ignored by Node, so the accepted socket's handle is moved into a new socket that was
 * made with `onread`. All sockets share one read buffer: a read is consumed before its callback returns, and the
 * event loop runs one callback at a time.
 */
import net from 'node:net';

/** Who hears of a socket. Each is called on the I/O thread. */
export interface SocketOwner {
  /** `length` bytes lie at the start of the read buffer, until this returns. */
  socketOnRead(length: number): void;
  socketOnEnd(): void;
  socketOnDrain(): void;
  socketOnClose(): void;
}

interface Handle {
  useUserBuffer?: unknown;
  writeQueueSize?: number;
}

/** Takes an accepted socket over; reads go to the first bytes of `buffer`. */
export function openSocket(
  accepted: net.Socket,
  buffer: Uint8Array,
  ownerOf: (socket: net.Socket) => SocketOwner,
): void {
  const handle = handleOf(accepted);
  const moved = typeof handle?.useUserBuffer === 'function';
  const socket = moved ? moveHandle(accepted, buffer, (length) => owner.socketOnRead(length)) : accepted;
  // From here on an error has a listener: a reset at a bad moment must not end the process.
  socket.on('error', ignore);
  const owner = ownerOf(socket);
  if (!moved) socket.on('data', (chunk) => copyIn(chunk, buffer, owner));
  socket.on('end', () => owner.socketOnEnd());
  socket.on('drain', () => owner.socketOnDrain());
  socket.on('close', () => owner.socketOnClose());
  socket.resume();
}

/** Bytes handed to the socket that the kernel has not taken yet; falls as a slow reader reads. */
export function unsentBytes(socket: net.Socket): number {
  if (socket.writableLength === 0) return 0;
  return handleOf(socket)?.writeQueueSize ?? socket.writableLength;
}

function handleOf(socket: net.Socket): Handle | null | undefined {
  return (socket as unknown as { _handle?: Handle | null })._handle;
}

function moveHandle(accepted: net.Socket, buffer: Uint8Array, onRead: (length: number) => void): net.Socket {
  const handle = handleOf(accepted);
  // Without its handle the accepted socket is an empty shell; destroying it settles the listener's count.
  (accepted as unknown as { _handle: null })._handle = null;
  accepted.on('error', ignore);
  accepted.destroy();
  return new net.Socket({
    handle,
    allowHalfOpen: true,
    onread: {
      buffer,
      callback: (length: number) => {
        onRead(length);
        return true;
      },
    },
  } as net.SocketConstructorOpts);
}

function copyIn(chunk: Uint8Array, buffer: Uint8Array, owner: SocketOwner): void {
  for (let at = 0; at < chunk.length; at += buffer.length) {
    const piece = chunk.subarray(at, at + buffer.length);
    buffer.set(piece);
    owner.socketOnRead(piece.length);
  }
}

function ignore(): void {}

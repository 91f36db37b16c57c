/**
 * How a socket reads: straight into the parser's memory, without a Buffer per read.
 *
 * Law: the only file that touches what is undocumented of an accepted socket, its `_handle` above all. It knows sockets and one read
 * buffer; not HTTP. Whether this Node does what is expected here is tried before the first client comes; if it does
 * not, bytes are copied from 'data' events instead: slower, never wrong.
 *
 * `createServer({ onread })` is ignored by Node, so the accepted socket's handle is moved into a new socket that was
 * made with `onread`. All sockets share one read buffer: a read is consumed before its callback returns, and the
 * event loop runs one callback at a time.
 */
import { once } from 'node:events';
import net from 'node:net';
import { encodePeers, type PeerBytes } from '../../ring/message.ts';
import { UNSENT_MARK } from '../limits.ts';

/** Who hears of a socket. Each is called on the I/O thread. */
export interface ClientSocketOwner {
  /** `length` bytes lie at the start of the read buffer, until this returns. */
  socketOnRead(length: number): void;
  socketOnEnd(): void;
  socketOnDrain(): void;
  socketOnClose(): void;
}

interface Handle {
  /** Bytes handed to libuv, and those among them that it still has. */
  bytesWritten?: number;
  writeQueueSize?: number;
}

/** How `openSocket` reads. */
export interface ReadOptions {
  /** Where reads go, from its first byte on. */
  readonly buffer: Uint8Array;
  /** Directly, as `readsIntoBuffer` found possible; else by copy. */
  readonly direct: boolean;
}

/** Takes an accepted, paused socket over. */
export function openSocket(
  accepted: net.Socket,
  { buffer, direct }: ReadOptions,
  ownerOf: (socket: net.Socket) => ClientSocketOwner,
): void {
  const socket = direct ? moveHandle(accepted, buffer, (length) => owner.socketOnRead(length)) : accepted;
  // From here on an error has a listener: a reset at a bad moment must not end the process.
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

/** Tries it out on a connection of our own: whether sockets of this Node can read directly. Never rejects. */
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

/** What a client says until its end, read into a buffer. */
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

/** Bytes that the kernel has taken since the connection began: the number grows as a slow reader reads. */
export function takenBytes(socket: net.Socket): number {
  const { bytesWritten, writeQueueSize } = handleOf(socket) ?? {};
  if (bytesWritten !== undefined && writeQueueSize !== undefined) return bytesWritten - writeQueueSize;
  return socket.bytesWritten - socket.writableLength;
}

/**
 * Resets the connection at once. `socket.resetAndDestroy` would end it first, when all has been taken: a client may see
 * that end and take it for the answer's, and one that takes nothing would never be reset.
 */
export function reset(socket: net.Socket): void {
  (socket as unknown as { resetAndClosing: boolean }).resetAndClosing = true;
  socket.destroy();
}

/**
 * Closes the connection of an answer that will not be complete. `begun`: its head was sent. Then a client that reads until
 * the end would take a FIN for the end of the answer.
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
  // Without its handle the accepted socket is an empty shell; destroying it settles the listener's count.
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

/** Both ends of it, and the number by which workers name it. */
export function peersOf(socket: net.Socket, connection: number): PeerBytes {
  const { remoteAddress = '', remotePort = 0, localAddress = '', localPort = 0 } = socket;
  return encodePeers({ remoteAddress, remotePort, localAddress, localPort }, connection);
}

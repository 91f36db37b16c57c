/**
 * The way out of one connection: response bytes → its socket, and what waits until the client takes it.
 *
 * Law: the only file that writes to a client's socket. Knows bytes; not what they mean, and not who produced them.
 *
 * Memory is proportional to the bytes that wait, however small the pieces are. The socket itself holds at most two writes
 * that have not left: the one that the kernel did not take whole, and one behind it, whose callback reports that both have
 * left. Until then everything else is joined in a queue, and follows in one write.
 *
 * Progress is always reported: if bytes wait, either that callback is due, or a single write has filled the socket to its
 * high-water mark and 'drain' is due, or so few bytes wait (less than UNSENT_MARK) that nobody stops for them.
 */
import type net from 'node:net';
import { ByteQueue } from '../../ring/byte-queue.ts';
import { UNSENT_MARK } from '../limits.ts';
import { takenBytes } from './client-socket.ts';
import { WriteClock } from './write-clock.ts';

export interface OutputOwner {
  /** Bytes began to wait: look at `late` from now on. */
  outputOnWait(): void;
  /** What the socket held has left. Some bytes may still wait (`unsent`). */
  outputOnProgress(): void;
}

export class ConnectionOutput {
  readonly #socket: net.Socket;
  readonly #owner: OutputOwner;
  readonly #queue: ByteQueue = new ByteQueue();
  readonly #clock: WriteClock = new WriteClock();
  /** A callback of the socket is due; until then bytes go to the queue. */
  #waits = false;

  constructor(socket: net.Socket, owner: OutputOwner) {
    this.#socket = socket;
    this.#owner = owner;
  }

  /** Bytes that the kernel has not taken. */
  get unsent(): number {
    return this.#socket.writableLength + this.#queue.length;
  }

  /** So many bytes wait that nothing may be produced for this client that can wait as well. */
  get full(): boolean {
    return this.unsent >= UNSENT_MARK;
  }

  /** Returns whether the caller may use the memory of `bytes` again: they have left or were copied. Otherwise the socket keeps it. */
  write(bytes: Uint8Array): boolean {
    const socket = this.#socket;
    if (this.#waits) {
      this.#queue.add(bytes);
      return true;
    }
    if (socket.writableLength > 0) {
      this.#writeLast(Uint8Array.prototype.slice.call(bytes));
      return true;
    }
    socket.write(bytes);
    if (socket.writableLength === 0) return true;
    this.#owner.outputOnWait();
    return false;
  }

  /** Sends a FIN behind what waits. Nothing is written afterwards. */
  end(): void {
    this.#flush();
    this.#socket.end();
  }

  /** The same, and closes the socket then. */
  endSoon(): void {
    this.#flush();
    this.#socket.destroySoon();
  }

  /** Whether the client has taken nothing of what waits for more than `timeout` milliseconds; 0: never. */
  late(now: number, timeout: number): boolean {
    const waits = this.#socket.writableLength > 0;
    return this.#clock.late(waits, waits ? takenBytes(this.#socket) : 0, now, timeout);
  }

  // called by the socket

  socketOnDrain(): void {
    if (!this.#waits) this.#owner.outputOnProgress();
  }

  readonly #onWritten = (error?: Error | null): void => {
    // The socket is closed or about to be.
    if (error) return;
    this.#waits = false;
    this.#flush();
    this.#owner.outputOnProgress();
  };

  /** Hands what was joined to the socket. */
  #flush(): void {
    let chunk = this.#queue.shift();
    if (chunk === undefined) return;
    this.#socket.cork();
    for (let next = this.#queue.shift(); next !== undefined; next = this.#queue.shift()) {
      this.#socket.write(chunk);
      chunk = next;
    }
    this.#writeLast(chunk);
    this.#socket.uncork();
  }

  #writeLast(bytes: Uint8Array): void {
    this.#waits = true;
    this.#socket.write(bytes, this.#onWritten);
  }
}

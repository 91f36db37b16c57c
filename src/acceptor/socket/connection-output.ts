/**
 * The output of one connection: response bytes go to its socket, or wait until the client reads.
 *
 * Law: the only file that writes to a client's socket. Knows bytes; not what they mean, and not their producer.
 *
 * Memory is proportional to the bytes that wait, even if the pieces are small. The socket holds at most two unfinished
 * writes: a write that the kernel did not take whole, and one more write behind it. The callback of the second write reports
 * that both have left. Until then, all other bytes are joined in a queue and follow in one write.
 *
 * Progress is always reported while bytes wait. Either that callback is due. Or a single write has filled the socket to its
 * high-water mark, so 'drain' is due. Or fewer than UNSENT_MARK bytes wait, and no producer stops for so few.
 */
import type net from 'node:net';
import { ByteQueue } from '../../ring/byte-queue.ts';
import { UNSENT_MARK } from '../limits.ts';
import { takenBytes } from './client-socket.ts';
import { WriteClock } from './write-clock.ts';

export interface OutputOwner {
  /** Bytes have begun to wait. Check `late` from now on. */
  outputOnWait(): void;
  /** The bytes in the socket have left. Bytes of the queue may still wait (`unsent`). */
  outputOnProgress(): void;
}

export class ConnectionOutput {
  readonly #socket: net.Socket;
  readonly #owner: OutputOwner;
  readonly #queue: ByteQueue = new ByteQueue();
  readonly #clock: WriteClock = new WriteClock();
  /** A callback of the socket is due. Until then bytes go to the queue. */
  #waits = false;

  constructor(socket: net.Socket, owner: OutputOwner) {
    this.#socket = socket;
    this.#owner = owner;
  }

  /** Bytes that the kernel has not taken. */
  get unsent(): number {
    return this.#socket.writableLength + this.#queue.length;
  }

  /** Too many bytes wait: nothing more should be produced for this client if it can wait. */
  get full(): boolean {
    return this.unsent >= UNSENT_MARK;
  }

  /**
   * Returns whether the caller may reuse the memory of `bytes`, because they have left or were copied. If not, the socket
   * keeps it.
   */
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

  /** Sends a FIN after the bytes that wait. Write nothing afterwards. */
  end(): void {
    this.#flush();
    this.#socket.end();
  }

  /** Sends a FIN after the bytes that wait, then closes the socket. Write nothing afterwards. */
  endSoon(): void {
    this.#flush();
    this.#socket.destroySoon();
  }

  /**
   * Whether bytes wait and the client has taken none for more than `timeout` milliseconds. A `timeout` of 0 disables the
   * limit.
   */
  late(now: number, timeout: number): boolean {
    const waits = this.#socket.writableLength > 0;
    return this.#clock.late(waits, waits ? takenBytes(this.#socket) : 0, now, timeout);
  }

  // called by the socket

  socketOnDrain(): void {
    if (!this.#waits) this.#owner.outputOnProgress();
  }

  readonly #onWritten = (error?: Error | null): void => {
    // The socket is closed, or about to close.
    if (error) return;
    this.#waits = false;
    this.#flush();
    this.#owner.outputOnProgress();
  };

  /** Writes the queue to the socket. */
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

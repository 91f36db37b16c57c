/**
 * Whether a connection reads from its socket, and the bytes that it read before their turn.
 *
 * Law: pauses and resumes one socket, and keeps one stash. Its connection decides when. While the acceptor does not read,
 * the body's clock stops: that time is not the client's.
 */
import type net from 'node:net';
import type { ByteQueue } from '../../ring/byte-queue.ts';
import type { ConnectionHost } from './connection-host.ts';
import type { CurrentRequest } from './current-request.ts';
import { Stash } from './stash.ts';

type InletHost = Pick<ConnectionHost, 'parser' | 'now'>;

export class Inlet {
  readonly #host: InletHost;
  readonly #socket: net.Socket;
  readonly #request: Pick<CurrentRequest, 'body'>;
  readonly #stash: Stash = new Stash();
  isPaused = false;

  constructor(host: InletHost, socket: net.Socket, request: Pick<CurrentRequest, 'body'>) {
    this.#host = host;
    this.#socket = socket;
    this.#request = request;
  }

  pause(): void {
    if (this.isPaused) return;
    this.isPaused = true;
    this.#request.body?.clock.stop(this.#host.now);
    this.#socket.pause();
  }

  resume(): void {
    if (!this.isPaused) return;
    this.isPaused = false;
    this.#request.body?.clock.go(this.#host.now);
    this.#socket.resume();
  }

  /** No bytes wait for their turn. */
  get empty(): boolean {
    return this.#stash.empty;
  }

  /** So many bytes wait that the connection reads no more. */
  get full(): boolean {
    return this.#stash.full;
  }

  /** Keeps bytes of the read buffer. Reads no more if that are too many. */
  keep(offset: number, length: number): void {
    this.#stash.add(this.#host.parser.buffer.subarray(offset, offset + length));
    if (this.#stash.full) this.pause();
  }

  /** Copies kept bytes to the start of the read buffer. `begins`: they begin a message. Returns the number of bytes. */
  copyPiece(begins: boolean): number {
    return this.#stash.copyPiece(this.#host.parser.buffer, begins);
  }

  /** That piece was parsed, except for its last `left` bytes. Returns false if the bytes came from the socket. */
  parsed(left: number): boolean {
    return this.#stash.parsed(left);
  }

  /** Takes all kept bytes out. */
  take(): ByteQueue {
    return this.#stash.take();
  }

  clear(): void {
    this.#stash.clear();
  }
}

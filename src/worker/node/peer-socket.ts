/**
 * The properties of a Node socket for a client's connection that the acceptor owns.
 *
 * Law: addresses, the timeout, and the methods of a real socket that have no effect here. Subclasses read and write:
 * `socket.ts` for one exchange, `upgraded-socket.ts` for a connection that the application has taken over.
 */
import { Duplex, type DuplexOptions } from 'node:stream';
import type { Peers } from '../../ring/message.ts';

export interface PeerAddress {
  readonly address: string;
  readonly port: number;
  readonly family: string;
}

export abstract class PeerSocket extends Duplex {
  readonly connecting: boolean = false;
  readonly pending: boolean = false;
  readonly remoteAddress: string;
  readonly remotePort: number;
  readonly localAddress: string;
  readonly localPort: number;
  bytesRead = 0;
  bytesWritten = 0;
  /** Milliseconds of `setTimeout`; undefined without a timeout. */
  timeout: number | undefined;
  #timer: NodeJS.Timeout | null = null;
  #isUntimed = false;
  /** Values of `untaken` and `unsent` when the timer was set. */
  #untaken = 0;
  #unsent = 0;

  constructor(options: DuplexOptions, peers: Peers) {
    super(options);
    this.remoteAddress = peers.remoteAddress;
    this.remotePort = peers.remotePort;
    this.localAddress = peers.localAddress;
    this.localPort = peers.localPort;
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

  address(): PeerAddress {
    return { address: this.localAddress, port: this.localPort, family: this.localFamily };
  }

  /** @throws TypeError ERR_INVALID_ARG_TYPE, RangeError ERR_OUT_OF_RANGE: as net.Socket */
  setTimeout(milliseconds: number, callback?: () => void): this {
    if (this.destroyed) return this;
    this.timeout = milliseconds;
    const checked = durationOf(milliseconds);
    if (this.#timer !== null) clearTimeout(this.#timer);
    const isOff = checked === 0 || this.#isUntimed;
    this.#timer = isOff ? null : setTimeout(timedOut, checked, this).unref();
    this.#look();
    if (callback === undefined) return this;
    return checked === 0 ? this.off('timeout', callback) : this.once('timeout', callback);
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

  /** Restarts the timeout: bytes were read or written. */
  protected refreshTimeout(): void {
    if (this.#timer === null) return;
    this.#timer.refresh();
    this.#look();
  }

  #look(): void {
    this.#untaken = this.untaken;
    this.#unsent = this.unsent;
  }

  /** Written bytes that the client has not taken. */
  protected abstract get untaken(): number;

  /** A number that changes with each byte that the client sends, even if no code reads that byte. */
  protected get unsent(): number {
    return 0;
  }

  /** Ends the timeout, and starts no other: the connection serves other exchanges from now on. */
  protected endTimeout(): void {
    this.#isUntimed = true;
    if (this.#timer !== null) clearTimeout(this.#timer);
  }

  /** Called by `timedOut` alone. As in net.Socket, a client that takes or sends bytes meanwhile is not silent. */
  timePassed(): void {
    const { untaken } = this;
    const isTaking = untaken > 0 && untaken !== this.#untaken;
    if (isTaking || this.unsent !== this.#unsent) this.refreshTimeout();
    else this.onTimeout();
  }

  /** No byte was written, read, taken or sent for the time of `setTimeout`. */
  protected onTimeout(): void {
    this.emit('timeout');
  }
}

function timedOut(socket: PeerSocket): void {
  socket.timePassed();
}

/** The longest delay of a Node timer, in milliseconds. */
const LONGEST_MS = 2 ** 31 - 1;

function durationOf(milliseconds: unknown): number {
  if (typeof milliseconds !== 'number')
    throw Object.assign(
      new TypeError(`The "msecs" argument must be of type number. Received ${typeof milliseconds}`),
      { code: 'ERR_INVALID_ARG_TYPE' },
    );
  if (milliseconds >= 0 && Number.isFinite(milliseconds)) return Math.min(milliseconds, LONGEST_MS);
  throw Object.assign(
    new RangeError(
      `The value of "msecs" is out of range. It must be a non-negative finite number. Received ${milliseconds}`,
    ),
    { code: 'ERR_OUT_OF_RANGE' },
  );
}

export function familyOf(address: string): string {
  return address.includes(':') ? 'IPv6' : 'IPv4';
}

/** The error of a Node socket for a write after its end. */
export function destroyedError(): Error {
  return Object.assign(new Error('Cannot call write after a stream was destroyed'), {
    code: 'ERR_STREAM_DESTROYED',
  });
}

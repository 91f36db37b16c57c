/**
 * What a socket of Node tells of a client's connection, when the connection is the acceptor's.
 *
 * Law: addresses, the timeout, and what a real socket has besides that means nothing here. Reading and writing are a
 * subclass's: `socket.ts` for one exchange, `tunnel.ts` for a connection that the application has taken over.
 */
import { Duplex, type DuplexOptions } from 'node:stream';
import type { Peers } from '../../ring/message.ts';

export interface Address {
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
  /** Milliseconds of `setTimeout`; undefined when there is none. */
  timeout: number | undefined;
  #timer: NodeJS.Timeout | null = null;

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

  address(): Address {
    return { address: this.localAddress, port: this.localPort, family: this.localFamily };
  }

  setTimeout(milliseconds: number, callback?: () => void): this {
    if (this.destroyed) return this;
    this.stopTimeout();
    this.timeout = milliseconds;
    this.#timer = milliseconds === 0 ? null : setTimeout(timedOut, milliseconds, this).unref();
    if (callback === undefined) return this;
    return milliseconds === 0 ? this.off('timeout', callback) : this.once('timeout', callback);
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

  /** Something was read or written. */
  protected refreshTimeout(): void {
    this.#timer?.refresh();
  }

  protected stopTimeout(): void {
    if (this.#timer !== null) clearTimeout(this.#timer);
  }

  /** Nothing was written or read for as long as `setTimeout` was told. Called by `timedOut` alone. */
  onTimeout(): void {
    this.emit('timeout');
  }
}

function timedOut(socket: PeerSocket): void {
  socket.onTimeout();
}

export function familyOf(address: string): string {
  return address.includes(':') ? 'IPv6' : 'IPv4';
}

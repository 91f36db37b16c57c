/**
 * A socket that the supervisor binds and a child listens on. It stays open if the child dies, and the kernel keeps the
 * connections that arrive meanwhile.
 *
 * Law: the only file that uses `net._createServerHandle`. Node does not document that function, but node:cluster is built on
 * it. Never accepts.
 */
import type { SendHandle } from 'node:child_process';
import { lookup } from 'node:dns/promises';
import net from 'node:net';
import { getSystemErrorName } from 'node:util';
import type { SocketAddressRequest } from './parent-messages.ts';

/** A constant of libuv. */
const UV_TCP_IPV6ONLY = 1;

interface Handle {
  getsockname(name: { port?: number }): number;
  close(): void;
}

type CreateServerHandle = (
  address: string,
  port: number,
  addressType: number,
  fd: undefined,
  flags: number,
) => Handle | number;

export class ListeningSocket {
  /** A child has the socket and listens on it. */
  handed = false;
  readonly #address: SocketAddressRequest;
  readonly #handle: Handle;

  private constructor(address: SocketAddressRequest, handle: Handle) {
    this.#address = address;
    this.#handle = handle;
  }

  /** Whether this Node supports such sockets. */
  static get possible(): boolean {
    return process.platform !== 'win32' && '_createServerHandle' in net;
  }

  /** Binds the address. Rejects with the error of the operating system. */
  static async bind(asked: SocketAddressRequest): Promise<ListeningSocket> {
    const { port, ipv6Only = false } = asked;
    const { address, family } = await lookup(asked.host);
    const create = (net as unknown as { _createServerHandle: CreateServerHandle })._createServerHandle;
    const handle = create(address, port, family, undefined, ipv6Only ? UV_TCP_IPV6ONLY : 0);
    if (typeof handle === 'number') throw bindError(getSystemErrorName(handle));
    // libuv postpones EADDRINUSE until `listen`, which is never called here. Then the socket has no port.
    const name: { port?: number } = {};
    handle.getsockname(name);
    if (name.port === undefined || name.port === 0) throw bindError('EADDRINUSE');
    return new ListeningSocket(asked, handle);
  }

  get port(): number {
    return this.#address.port;
  }

  /** Whether the socket was bound for this request. A request for port 0 matches the socket that was bound for port 0. */
  isFor({ port, host, ipv6Only }: SocketAddressRequest): boolean {
    const own = this.#address;
    return port === own.port && host === own.host && ipv6Only === own.ipv6Only;
  }

  /** The handle, for `send`. Node sends it correctly, although the types of `send` do not include it. */
  get handle(): SendHandle {
    return this.#handle as unknown as SendHandle;
  }

  /**
   * Closes the supervisor's copy. Children that listen on the socket continue. The address is free when the last of them
   * stops.
   */
  close(): void {
    this.#handle.close();
  }
}

function bindError(code: string): Error {
  return Object.assign(new Error(`bind ${code}`), { code });
}

/**
 * A socket that is bound here and listened on by a child: it stays when that dies, and the kernel keeps the connections
 * that come meanwhile.
 *
 * Law: the only file that touches `net._createServerHandle`, which Node does not document (it is what node:cluster is
 * made of). Never accepts.
 */
import type { SendHandle } from 'node:child_process';
import { lookup } from 'node:dns/promises';
import net from 'node:net';
import { getSystemErrorName } from 'node:util';
import type { SocketAddressRequest } from './parent-messages.ts';

/** Of libuv. */
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
  /** A child has it, and listens. */
  handed = false;
  readonly #address: SocketAddressRequest;
  readonly #handle: Handle;

  private constructor(address: SocketAddressRequest, handle: Handle) {
    this.#address = address;
    this.#handle = handle;
  }

  /** Whether this Node can do it. */
  static get possible(): boolean {
    return process.platform !== 'win32' && '_createServerHandle' in net;
  }

  /** Rejects with the error of the operating system. */
  static async bind(asked: SocketAddressRequest): Promise<ListeningSocket> {
    const { port, ipv6Only = false } = asked;
    const { address, family } = await lookup(asked.host);
    const create = (net as unknown as { _createServerHandle: CreateServerHandle })._createServerHandle;
    const handle = create(address, port, family, undefined, ipv6Only ? UV_TCP_IPV6ONLY : 0);
    if (typeof handle === 'number') throw bindError(getSystemErrorName(handle));
    // libuv keeps EADDRINUSE for the listen that never comes here: the socket has no port then.
    const name: { port?: number } = {};
    handle.getsockname(name);
    if (name.port === undefined || name.port === 0) throw bindError('EADDRINUSE');
    return new ListeningSocket(asked, handle);
  }

  get port(): number {
    return this.#address.port;
  }

  /** Whether this is what was asked for by these words; port 0 is the one that was picked. */
  isFor({ port, host, ipv6Only }: SocketAddressRequest): boolean {
    const own = this.#address;
    return port === own.port && host === own.host && ipv6Only === own.ipv6Only;
  }

  /** For `send`, which passes it as it is, although its types do not know it. */
  get handle(): SendHandle {
    return this.#handle as unknown as SendHandle;
  }

  /** Who listens on it goes on; when they stop, nobody is left. */
  close(): void {
    this.#handle.close();
  }
}

function bindError(code: string): Error {
  return Object.assign(new Error(`bind ${code}`), { code });
}

/**
 * A socket that is bound here and listened on by somebody else: it stays when they die, and the kernel keeps the
 * connections that come meanwhile.
 *
 * Law: the only file that touches `net._createServerHandle`, which Node does not document (it is what node:cluster is
 * made of). Never accepts.
 */
import { lookup } from 'node:dns/promises';
import net from 'node:net';
import { getSystemErrorName } from 'node:util';
import { listenError } from '../listen-error.ts';

interface Handle {
  readonly fd: number;
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
  readonly #handle: Handle;

  private constructor(handle: Handle) {
    this.#handle = handle;
  }

  /** Whether this Node can do it. */
  static get possible(): boolean {
    return process.platform !== 'win32' && '_createServerHandle' in net;
  }

  /** @throws OptionError TSGI_ERR_LISTEN */
  static async bind(port: number, host: string): Promise<ListeningSocket> {
    const { address, family } = await lookup(host).catch((error) => {
      throw listenError(error, port, host);
    });
    const create = (net as unknown as { _createServerHandle: CreateServerHandle })._createServerHandle;
    const handle = create(address, port, family, undefined, 0);
    if (typeof handle === 'number') throw bindError(getSystemErrorName(handle), port, host);
    // libuv keeps EADDRINUSE for the listen that never comes here: the socket has no port then.
    const name: { port?: number } = {};
    handle.getsockname(name);
    if (name.port === undefined || name.port === 0) throw bindError('EADDRINUSE', port, host);
    return new ListeningSocket(handle);
  }

  get fd(): number {
    return this.#handle.fd;
  }

  /** Who listens on it goes on; when they stop, nobody is left. */
  close(): void {
    this.#handle.close();
  }
}

function bindError(code: string, port: number, host: string): Error {
  return listenError(Object.assign(new Error(`bind ${code}`), { code }), port, host);
}

/**
 * The listening socket: accepts clients and makes each a socket that reads into the parser's memory.
 *
 * Law: knows sockets and how many there may be; not HTTP, not what a connection does with its socket.
 */
import net from 'node:net';
import { openSocket, readsIntoBuffer, type SocketOwner } from './socket.ts';

/** An address, or the handle of a socket that somebody has bound. */
export type ListenWhere = { readonly port: number; readonly host: string } | { readonly handle: object };

export interface ListenerOwner {
  /** A client connected. Returns a refusal to send instead of serving it, or undefined. */
  listenerOnClient(): string | undefined;
  listenerOnSocket(socket: net.Socket): SocketOwner;
}

export class Listener {
  readonly #server: net.Server;
  readonly #buffer: Uint8Array;
  readonly #owner: ListenerOwner;
  /** Sockets read without a copy. */
  #direct = false;

  /** @param buffer where sockets read */
  constructor(buffer: Uint8Array, owner: ListenerOwner) {
    this.#buffer = buffer;
    this.#owner = owner;
    this.#server = net.createServer({ pauseOnConnect: true, allowHalfOpen: true, noDelay: true });
    this.#server.on('connection', (accepted) => this.#onConnection(accepted));
  }

  get address(): net.AddressInfo | string | null {
    return this.#server.address();
  }

  /** Rejects with the error of the operating system. */
  async listen(where: ListenWhere, backlog: number): Promise<void> {
    this.#direct = await readsIntoBuffer();
    await new Promise<void>((resolve, reject) => {
      this.#server.once('error', reject);
      const onListening = () => {
        this.#server.off('error', reject);
        // An accept that fails (no descriptor left, a client that was faster) concerns that client only.
        this.#server.on('error', () => {});
        resolve();
      };
      // Node takes a handle's backlog only from beside it.
      if ('handle' in where) this.#server.listen(where.handle, backlog, onListening);
      else this.#server.listen({ ...where, backlog }, onListening);
    });
  }

  /** Accepts no more. */
  close(): void {
    this.#server.close();
  }

  #onConnection(accepted: net.Socket): void {
    const refusal = this.#owner.listenerOnClient();
    if (refusal !== undefined) {
      accepted.on('error', () => {});
      accepted.end(refusal, 'latin1', () => accepted.destroy());
      return;
    }
    const options = { buffer: this.#buffer, direct: this.#direct };
    openSocket(accepted, options, (socket) => this.#owner.listenerOnSocket(socket));
  }
}

/**
 * One listening socket: accepts clients, and makes each one a socket that reads into the parser's memory.
 *
 * Law: knows sockets; not HTTP, not the maximum number of connections, not what a connection does with its socket.
 */
import net from 'node:net';
import { UNSENT_MARK } from '../limits.ts';
import type { LiveSettings } from '../connection/live-settings.ts';
import { openSocket, readsIntoBuffer, type ClientSocketOwner } from './client-socket.ts';

/** An address, or the handle of a bound socket. An address without a host means all interfaces. */
export type ListenWhere =
  | { readonly port: number; readonly host?: string; readonly ipv6Only?: boolean }
  | { readonly handle: object };

export interface ListenerOwner {
  /** A client has connected at this place. */
  listenerOnSocket(socket: net.Socket, place: number): ClientSocketOwner;
}

export interface ListenerSettings {
  readonly backlog: number;
  readonly live?: Pick<LiveSettings, 'admits'> | undefined;
}

export class Listener {
  readonly #server: net.Server;
  readonly #buffer: Uint8Array;
  readonly #owner: ListenerOwner;
  readonly #place: number;
  /** Whether sockets read directly. null until the trial has finished. */
  #direct: boolean | null = null;
  #trial: Promise<void> | null = null;
  #admits: LiveSettings['admits'] | undefined;

  /** @param buffer the buffer into which sockets read */
  constructor(buffer: Uint8Array, owner: ListenerOwner, place: number) {
    this.#buffer = buffer;
    this.#owner = owner;
    this.#place = place;
    this.#server = net.createServer({
      pauseOnConnect: true,
      allowHalfOpen: true,
      noDelay: true,
      highWaterMark: UNSENT_MARK,
    });
    this.#server.on('connection', (accepted) => this.#onConnection(accepted));
  }

  get address(): net.AddressInfo | string | null {
    return this.#server.address();
  }

  /**
   * Starts listening immediately. Connections accepted before the trial of direct reads has finished wait until it has.
   * Rejects with the error of the operating system.
   */
  async listen(where: ListenWhere, { backlog, live }: ListenerSettings): Promise<net.AddressInfo> {
    this.#admits = live?.admits;
    this.#trial = readsIntoBuffer().then((direct) => void (this.#direct = direct));
    await Promise.all([this.#listen(where, backlog), this.#trial]);
    return this.#server.address() as net.AddressInfo;
  }

  #listen(where: ListenWhere, backlog: number): Promise<void> {
    return new Promise((resolve, reject) => {
      this.#server.once('error', reject);
      const onListening = () => {
        this.#server.off('error', reject);
        // A failed accept (no free descriptor, a client that has left) concerns only that client.
        this.#server.on('error', () => {});
        resolve();
      };
      // For a handle, Node takes the backlog only as a separate argument.
      if ('handle' in where) this.#server.listen(where.handle, backlog, onListening);
      else this.#server.listen({ ...where, backlog }, onListening);
    });
  }

  /** Sets whether the listener keeps the process alive. */
  ref(keepsAlive: boolean): void {
    if (keepsAlive) this.#server.ref();
    else this.#server.unref();
  }

  /** Stops accepting. */
  close(): void {
    if (this.#server.listening) this.#server.close();
  }

  #onConnection(accepted: net.Socket): void {
    const direct = this.#direct;
    if (direct === null) return void this.#trial!.then(() => this.#onConnection(accepted));
    const options = { buffer: this.#buffer, direct };
    if (this.#admits?.(accepted) === false) accepted.destroy();
    else openSocket(accepted, options, (socket) => this.#owner.listenerOnSocket(socket, this.#place));
  }
}

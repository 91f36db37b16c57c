/**
 * All listening sockets of one server: its own, and the sockets of a program that listens in several places.
 *
 * Law: keeps the list; `listener.ts` does the work. All listeners pass their clients to the same owner.
 */
import type net from 'node:net';
import { Listener, type ListenerOwner, type ListenerSettings, type ListenWhere } from './listener.ts';

export class Listeners {
  readonly #buffer: Uint8Array;
  readonly #owner: ListenerOwner;
  readonly #settings: ListenerSettings;
  readonly #listeners: Listener[] = [];

  /** @param buffer the buffer into which sockets read */
  constructor(buffer: Uint8Array, owner: ListenerOwner, settings: ListenerSettings) {
    this.#buffer = buffer;
    this.#owner = owner;
    this.#settings = settings;
  }

  /** The address of the first listener. null if there is none. */
  get address(): net.AddressInfo | string | null {
    return this.#listeners[0]?.address ?? null;
  }

  /** Adds a listener for the place with this number. Rejects with the error of the operating system. */
  async listen(where: ListenWhere, place: number): Promise<net.AddressInfo> {
    const listener = new Listener(this.#buffer, this.#owner, place);
    this.#listeners.push(listener);
    try {
      return await listener.listen(where, this.#settings);
    } catch (error) {
      this.#listeners.splice(this.#listeners.indexOf(listener), 1);
      throw error;
    }
  }

  /** Replaces the first listener. The old one stops accepting. Rejects with the error of the operating system. */
  readonly replaceFirst = async (where: ListenWhere): Promise<net.AddressInfo> => {
    const listener = new Listener(this.#buffer, this.#owner, 0);
    const address = await listener.listen(where, this.#settings);
    this.#listeners[0]?.close();
    this.#listeners[0] = listener;
    return address;
  };

  /** Stops the first listener, because its port is about to be bound for another host. */
  readonly closeFirst = (): void => this.#listeners[0]?.close();

  /** Sets whether the listeners keep the process alive. */
  ref(keepsAlive: boolean): void {
    for (const listener of this.#listeners) listener.ref(keepsAlive);
  }

  /** Stops accepting. */
  close(): void {
    for (const listener of this.#listeners) listener.close();
  }
}

/**
 * The listening sockets of one server: its own, and those of a program that listens in several places.
 *
 * Law: keeps them; what one does is `listener.ts`. All of them hand their clients to the same owner.
 */
import type net from 'node:net';
import { Listener, type ListenerOwner, type ListenerSettings, type ListenWhere } from './listener.ts';

export class Listeners {
  readonly #buffer: Uint8Array;
  readonly #owner: ListenerOwner;
  readonly #settings: ListenerSettings;
  readonly #listeners: Listener[] = [];

  /** @param buffer where sockets read */
  constructor(buffer: Uint8Array, owner: ListenerOwner, settings: ListenerSettings) {
    this.#buffer = buffer;
    this.#owner = owner;
    this.#settings = settings;
  }

  /** Of the first; null when there is none. */
  get address(): net.AddressInfo | string | null {
    return this.#listeners[0]?.address ?? null;
  }

  /** Listens there, too, as a place with this number. Rejects with the error of the operating system. */
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

  /** Takes the place of the first, which accepts no more. Rejects with the error of the operating system. */
  readonly replaceFirst = async (where: ListenWhere): Promise<net.AddressInfo> => {
    const listener = new Listener(this.#buffer, this.#owner, 0);
    const address = await listener.listen(where, this.#settings);
    this.#listeners[0]?.close();
    this.#listeners[0] = listener;
    return address;
  };

  /** The first accepts no more: its port is about to be bound to another host. */
  readonly closeFirst = (): void => this.#listeners[0]?.close();

  /** Whether they keep the process alive. */
  ref(keepsAlive: boolean): void {
    for (const listener of this.#listeners) listener.ref(keepsAlive);
  }

  /** Accepts no more. */
  close(): void {
    for (const listener of this.#listeners) listener.close();
  }
}

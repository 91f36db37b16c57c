/**
 * `tsgi-threads/channel`: sends messages between the workers of a process.
 *
 * Law: an entry point of its own. It imports nothing of the server, so it works in any thread of a process. It is the web's
 * BroadcastChannel, except that it does not keep a worker alive.
 */
/// <reference types="node" preserve="true" />
import { BroadcastChannel } from 'node:worker_threads';

export interface Channel<Message = unknown> {
  readonly name: string;
  /** Sends a clone (`structuredClone`) to every other member in this process, but not to threads that join later. */
  publish(message: Message): void;
  /**
   * Calls `listener` with messages of other members. Messages of one member arrive in order. Returns a function that ends
   * this.
   */
  subscribe(listener: (message: Message) => void): () => void;
  /** Leaves the channel. */
  close(): void;
}

/**
 * Joins the channel with this name. Every call creates a member of its own, so two members in one thread receive each other's
 * messages.
 *
 * @throws DataCloneError from `publish`, for values that cannot be cloned: functions, sockets
 */
export function channel<Message = unknown>(name: string): Channel<Message> {
  // An application with a channel gets no hints about state that is split between workers.
  (globalThis as Record<symbol, unknown>)[Symbol.for('tsgi-threads.channel')] = true;
  const joined = new BroadcastChannel(name);
  const listeners: Set<(message: Message) => void> = new Set();
  joined.onmessage = (event) => {
    for (const listener of [...listeners]) listener((event as { readonly data: Message }).data);
  };
  joined.unref();
  return {
    name,
    publish: (message) => joined.postMessage(message),
    subscribe(listener) {
      listeners.add(listener);
      return () => void listeners.delete(listener);
    },
    close: () => joined.close(),
  };
}

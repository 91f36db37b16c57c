/**
 * `tsgi-threads/channel`: what is said in one worker is heard in the others.
 *
 * Law: a door of its own; imports nothing of the server, so that it works in any thread of a process. It is the web's
 * BroadcastChannel, without what keeps a worker alive.
 */
/// <reference types="node" preserve="true" />
import { BroadcastChannel } from 'node:worker_threads';

export interface Channel<Message = unknown> {
  readonly name: string;
  /** Says it to every other member in this process: not to this one, nor to threads that join later. Cloned as by `structuredClone`. */
  publish(message: Message): void;
  /** Hears what others say, in the order in which each says it. Returns what ends that. */
  subscribe(listener: (message: Message) => void): () => void;
  /** Leaves. */
  close(): void;
}

/**
 * Joins the channel of that name. Every call is a member of its own, so two in one thread hear each other.
 *
 * @throws DataCloneError from `publish`, for what cannot be cloned: functions, sockets
 */
export function channel<Message = unknown>(name: string): Channel<Message> {
  // Hints about state that is split between workers are for applications without one.
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

/**
 * Settings of an acceptor that change while it runs: those of a server of Node's that it serves (`tsgi-threads/node`).
 *
 * Law: the only way past the options. Everybody else's limits are what they were at the start.
 */
import type net from 'node:net';
import type { ConnectionLimits } from './connection-host.ts';
import type { Connections } from './connections.ts';
import type { Listeners } from './listeners.ts';

export interface LiveSettings {
  /** Getters, each called whenever its limit is needed. */
  readonly limits: Partial<ConnectionLimits>;
  /** False: a client is disconnected without an answer. */
  readonly admits: (socket: net.Socket) => boolean;
  /** Gets what such a server keeps alive or ends by itself. */
  readonly onAcceptor: (listeners: Listeners, connections: Connections) => void;
}

/** The limits of an acceptor. */
export function withLive(
  options: ConnectionLimits & { readonly live?: LiveSettings | undefined },
  listeners: Listeners,
  connections: Connections,
): ConnectionLimits {
  const { live } = options;
  if (live === undefined) return options;
  live.onAcceptor(listeners, connections);
  return Object.create(options, Object.getOwnPropertyDescriptors(live.limits)) as ConnectionLimits;
}

/**
 * What a server of Node's decides in the thread of the acceptor that serves it (`tsgi-threads/node`).
 *
 * Law: types only. `node-http/node-http-server.ts` fulfils them.
 */
import type net from 'node:net';
import type { Connections } from './connections.ts';
import type { Listeners } from '../socket/listeners.ts';
import type { OwnLimits } from './place-limits.ts';

export interface LiveSettings {
  /** Getters. The acceptor calls them each time that it needs a limit. */
  readonly limits: OwnLimits;
  /** False: a client is disconnected without an answer. */
  readonly admits: (socket: net.Socket) => boolean;
  /** A connection without a request was idle for too long. False: the acceptor closes it. */
  readonly onTimeout: (socket: net.Socket) => boolean;
  /** Gets what such a server keeps alive or ends by itself. */
  readonly onAcceptor: (listeners: Listeners, connections: Connections) => void;
}

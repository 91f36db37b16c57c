/**
 * `http.Server` on this server's own HTTP: same listener, same calls, but the acceptor parses, frames and keeps the rules.
 *
 * Law: Node's class with another `listen`; everything else of a request is the node interface's (`worker/node/`). One
 * thread does all of it, so that a listener keeps its closure: for test suites and debuggers, not for speed.
 */
import http from 'node:http';
import type net from 'node:net';
import type { LiveSettings } from '../acceptor/connection/live-settings.ts';
import { OptionError } from '../errors.ts';
import { defaultLogger } from '../server/logger.ts';
import {
  type Asked,
  askedBy,
  callbackOf,
  closeOnSignal,
  listensAlready,
  replaceMethods,
  StandIn,
} from '../stand-in.ts';
import { liveLimits } from '../server-limits.ts';
import { Server as Ours } from '../server/server.ts';
import type { ServerOptions } from '../server/server-api.ts';

type Listen = (this: http.Server, ...args: unknown[]) => http.Server;

const { listen: nodeListen } = http.Server.prototype as unknown as { listen: Listen };

/** The most that options of ours take where Node knows no limit. */
const NO_SIZE_LIMIT = Number.MAX_SAFE_INTEGER;
const LONGEST_MS = 24 * 60 * 60 * 1000;

/** For TCP ports; what else a server can listen on is Node's. */
function listen(this: http.Server, ...args: unknown[]): http.Server {
  const asked = askedBy(args);
  if (asked === undefined) return nodeListen.apply(this, args);
  if (this.listening) throw listensAlready();
  const callback = callbackOf(args);
  if (callback !== undefined) this.once('listening', callback);
  closeOnSignal(this, args);
  serve(this, asked);
  return this;
}

function serve(server: http.Server, { port = 0, host = '::' }: Asked): void {
  let own: Parameters<LiveSettings['onAcceptor']> | undefined;
  const ours = new Ours(
    { ...optionsOf(server), threads: 0, app: server },
    {
      live: {
        limits: liveLimits(server),
        admits: (socket) => admits(server, socket),
        onTimeout: (socket) => server.emit('timeout', socket),
        onAcceptor: (...parts) => void (own = parts),
      },
    },
  );
  const listening = ours.listen({ port, host });
  const standIn = new StandIn(server, {
    standInAddress: () => addressOf(ours),
    standInOnClose: () => ours.close(),
    standInConnections: () => connectionsOf(ours),
    standInOnRef: (keepsAlive) => own?.[0].ref(keepsAlive),
    standInOnCut: (idleOnly) => own?.[1].cut(idleOnly),
  });
  listening.then(
    () => standIn.announce(),
    (error: Error) => standIn.fail(error.cause instanceof Error ? error.cause : error),
  );
}

/** As Node's servers above `maxConnections`. */
function admits(server: http.Server, socket: net.Socket): boolean {
  const { maxConnections } = server;
  const { _connections } = server as unknown as { readonly _connections: number };
  if (!maxConnections || _connections < maxConnections) return true;
  const { localAddress, localPort, localFamily, remoteAddress, remotePort, remoteFamily } = socket;
  const ends = { localAddress, localPort, localFamily, remoteAddress, remotePort, remoteFamily };
  server.emit('drop', ends);
  return false;
}

/** 0 before it serves. */
function connectionsOf(ours: Ours): number {
  try {
    return ours.stats().connections;
  } catch (error) {
    if (error instanceof OptionError) return 0;
    throw error;
  }
}

/** Null before it listens, and when it cannot. */
function addressOf(ours: Ours) {
  try {
    return ours.address;
  } catch (error) {
    if (error instanceof OptionError) return null;
    throw error;
  }
}

/** What the server was told when it was made, and Node's own freedom where it was told nothing. */
function optionsOf(server: http.Server): Omit<ServerOptions, 'app'> {
  const { maxHeaderSize = http.maxHeaderSize } = server as { maxHeaderSize?: number };
  return {
    interface: 'node',
    // Node says nothing of what it refuses.
    logger: { ...defaultLogger, warn: () => {} },
    bodyTimeout: 0,
    maxHeaderSize,
    maxRequestLine: maxHeaderSize,
    maxBodySize: NO_SIZE_LIMIT,
    minBodyRate: 0,
    handlerTimeout: 0,
    writeTimeout: 0,
    pendingTimeout: LONGEST_MS,
    shutdownTimeout: LONGEST_MS,
    concurrency: 10_000,
  };
}

/** See `http.Server`; the differences are in docs/reference/node-http.md. */
export class Server extends http.Server {
  static {
    serveHere(this.prototype);
  }
}

/** Servers with this prototype listen by us. */
export function serveHere(prototype: http.Server): void {
  replaceMethods(prototype, listen);
}

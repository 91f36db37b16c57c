/**
 * `http.Server` on the HTTP implementation of tsgi-threads. Listeners and calls are Node's; the acceptor parses and frames HTTP
 * and enforces its rules.
 *
 * Law: Node's class with another `listen`. The node interface (`worker/node/`) does everything else of a request. One thread
 * does all of the work, so that a listener keeps its closure. This serves test suites and debuggers, not speed.
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

/** The largest values of size and time options, for limits that Node does not have. */
const NO_SIZE_LIMIT = Number.MAX_SAFE_INTEGER;
const LONGEST_MS = 24 * 60 * 60 * 1000;

/** Listens on TCP ports. For anything else that a server can listen on, it calls Node's `listen`. */
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

/** Like Node, emits `drop` and returns false if the server has `maxConnections` connections. */
function admits(server: http.Server, socket: net.Socket): boolean {
  const { maxConnections } = server;
  const { _connections } = server as unknown as { readonly _connections: number };
  if (!maxConnections || _connections < maxConnections) return true;
  const { localAddress, localPort, localFamily, remoteAddress, remotePort, remoteFamily } = socket;
  const ends = { localAddress, localPort, localFamily, remoteAddress, remotePort, remoteFamily };
  server.emit('drop', ends);
  return false;
}

/** The number of open connections. 0 before the server serves. */
function connectionsOf(ours: Ours): number {
  try {
    return ours.stats().connections;
  } catch (error) {
    if (error instanceof OptionError) return 0;
    throw error;
  }
}

/** Null before the server listens, and if it cannot listen. */
function addressOf(ours: Ours) {
  try {
    return ours.address;
  } catch (error) {
    if (error instanceof OptionError) return null;
    throw error;
  }
}

/** The options that `server` was made with. Where Node has no limit, there is none here. */
function optionsOf(server: http.Server): Omit<ServerOptions, 'app'> {
  const { maxHeaderSize = http.maxHeaderSize } = server as { maxHeaderSize?: number };
  return {
    interface: 'node',
    // Node logs nothing about requests that it rejects.
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

/** See `http.Server`. docs/reference/node-http.md lists the differences. */
export class Server extends http.Server {
  static {
    serveHere(this.prototype);
  }
}

/** Replaces `listen` of servers with this prototype, so that tsgi-threads serves them. */
export function serveHere(prototype: http.Server): void {
  replaceMethods(prototype, listen);
}

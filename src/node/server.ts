/**
 * `http.Server` on this server's own HTTP: same listener, same calls, but the acceptor parses, frames and keeps the rules.
 *
 * Law: Node's class with another `listen`; everything else of a request is the node interface's (`worker/node/`). One
 * thread does all of it, so that a listener keeps its closure: for test suites and debuggers, not for speed.
 */
import http from 'node:http';
import { OptionError } from '../errors.ts';
import { defaultLogger } from '../logger.ts';
import { type Asked, askedBy, callbackOf, StandIn } from '../node-server.ts';
import { createServer } from '../create-server.ts';
import type { Server as Ours } from '../server.ts';
import type { ServerOptions } from '../server-api.ts';

type Listen = (this: http.Server, ...args: unknown[]) => http.Server;

const { listen: nodeListen } = http.Server.prototype as unknown as { listen: Listen };

/** The most that options of ours take where Node knows no limit. */
const NO_SIZE_LIMIT = Number.MAX_SAFE_INTEGER;
const MOST_HEADERS = 2000;
const LONGEST = '24h';

/** For TCP ports; what else a server can listen on is Node's. */
function listen(this: http.Server, ...args: unknown[]): http.Server {
  const asked = askedBy(args);
  if (asked === undefined) return nodeListen.apply(this, args);
  if (this.listening)
    throw Object.assign(new Error('Listen method has been called more than once without closing.'), {
      code: 'ERR_SERVER_ALREADY_LISTEN',
    });
  const callback = callbackOf(args);
  if (callback !== undefined) this.once('listening', callback);
  serve(this, asked);
  return this;
}

function serve(server: http.Server, { port = 0, host = '::' }: Asked): void {
  const ours = createServer(0, { ...optionsOf(server), app: server });
  const standIn = new StandIn(server, {
    standInAddress: () => addressOf(ours),
    standInOnClose: () => ours.close(),
  });
  Object.assign(server, {
    closeAllConnections: () => ours.closeAllConnections(),
    getConnections: (done: (error: null, count: number) => void) =>
      process.nextTick(done, null, ours.stats().connections),
  });
  ours.listen({ port, host }).then(
    () => standIn.announce(),
    (error: Error) => standIn.fail(error.cause instanceof Error ? error.cause : error),
  );
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

/** What the server was told, and Node's own freedom where it was told nothing. */
function optionsOf(server: http.Server): Omit<ServerOptions, 'app'> {
  const { keepAliveTimeout, headersTimeout, maxHeadersCount, requestTimeout } = server;
  const { maxHeaderSize = http.maxHeaderSize } = server as { maxHeaderSize?: number };
  const orLongest = (milliseconds: number) => (milliseconds > 0 ? milliseconds : LONGEST);
  return {
    interface: 'node',
    // Node says nothing of what it refuses.
    logger: { ...defaultLogger, warn: () => {} },
    keepAliveTimeout: orLongest(keepAliveTimeout),
    headersTimeout: orLongest(headersTimeout),
    bodyTimeout: requestTimeout,
    maxHeaderSize,
    maxRequestLine: maxHeaderSize,
    maxHeaders: Math.min(maxHeadersCount || MOST_HEADERS, MOST_HEADERS),
    maxBodySize: NO_SIZE_LIMIT,
    minBodyRate: 0,
    handlerTimeout: 0,
    writeTimeout: 0,
    pendingTimeout: LONGEST,
    shutdownTimeout: LONGEST,
    concurrency: 10_000,
  };
}

/** Servers of this class listen by us. */
export function replaceListen(prototype: http.Server): void {
  Object.defineProperty(prototype, 'listen', { configurable: true, writable: true, value: listen });
}

/** See `http.Server`; the differences are in docs/interfaces.md. */
export class Server extends http.Server {
  static {
    replaceListen(this.prototype);
  }
}

/**
 * A server of Node's HTTP that looks as if it listened, while somebody else owns the socket.
 *
 * Law: what a call of `listen` asks for, and what tells where a server listens; binds nothing. Who stands behind it is
 * its owner: the acceptor across the thread wall (`worker/program.ts`), or one in this thread (`node/server.ts`).
 */
import type { Server } from 'node:http';
import type { AddressInfo } from 'node:net';

/** What a call of `listen` asked for. */
export interface Asked {
  /** Undefined: any. */
  readonly port: number | undefined;
  /** Undefined: every address, as Node listens without a host: `::`, or `0.0.0.0` on a machine without IPv6. */
  readonly host: string | undefined;
  /** `::` does not accept IPv4 as well. */
  readonly ipv6Only?: boolean;
}

export interface StandInOwner {
  /** Where it listens; null as long as it does not. */
  standInAddress(server: Server): AddressInfo | null;
  /** It is not to serve any more. Resolves when what it was answering is over. */
  standInOnClose(server: Server): Promise<void>;
}

type Done = (error?: Error) => void;

/** Node's own listener of 'listening' starts a timer that looks at connections, of which there are none. */
const WATCHES_CONNECTIONS = 'setupConnectionsTracking';

export class StandIn {
  readonly server: Server;
  readonly #owner: StandInOwner;
  #open = true;

  constructor(server: Server, owner: StandInOwner) {
    this.server = server;
    this.#owner = owner;
    for (const listener of server.listeners('listening') as Done[])
      if (listener.name === WATCHES_CONNECTIONS) server.off('listening', listener);
    const address = () => (this.#open ? owner.standInAddress(server) : null);
    const property = { configurable: true, writable: true };
    Object.defineProperties(server, {
      listening: { configurable: true, get: () => address() !== null },
      address: { ...property, value: address },
      close: { ...property, value: (done?: Done) => this.#close(done) },
      closeAllConnections: { ...property, value: () => {} },
      closeIdleConnections: { ...property, value: () => {} },
      ref: { ...property, value: () => server },
      unref: { ...property, value: () => server },
    });
  }

  /** It has not been closed. */
  get open(): boolean {
    return this.#open;
  }

  /** It listens now, if it is open still. */
  announce(): void {
    if (this.#open) process.nextTick(() => this.server.emit('listening'));
  }

  /** It could not listen. */
  fail(error: Error): void {
    if (!this.#open) return;
    this.#open = false;
    process.nextTick(() => this.server.emit('error', error));
  }

  #close(done?: Done): Server {
    const { server } = this;
    if (!this.#open) {
      const error = Object.assign(new Error('Server is not running.'), { code: 'ERR_SERVER_NOT_RUNNING' });
      if (done !== undefined) process.nextTick(done, error);
      return server;
    }
    this.#open = false;
    if (done !== undefined) server.once('close', () => done());
    void this.#owner.standInOnClose(server).then(() => server.emit('close'));
    return server;
  }
}

/**
 * `listen(port, host?, …)` or `listen({ port, host })`, as Node reads them; undefined for what is no TCP port: a path, a
 * descriptor, a handle.
 */
export function askedBy(args: readonly unknown[]): Asked | undefined {
  const [first, second] = args;
  const isObject = typeof first === 'object' && first !== null;
  const { port, host, ipv6Only } = isObject
    ? (first as { port?: unknown; host?: unknown; ipv6Only?: unknown })
    : { port: first, host: second };
  const isNone = port === undefined || port === null || typeof port === 'function';
  const number = isNone ? undefined : Number(port);
  const elsewhere = isObject && isNone && ['path', 'fd', '_handle'].some((key) => key in first);
  if (elsewhere || port === '' || !isPort(number)) return undefined;
  const named = typeof host === 'string' && host !== '' ? host : undefined;
  return { port: number, host: named, ...(ipv6Only === true ? { ipv6Only } : {}) };
}

/** The listener of `listen`'s callback, which stands last. */
export function callbackOf(args: readonly unknown[]): (() => void) | undefined {
  return args.findLast((arg) => typeof arg === 'function') as (() => void) | undefined;
}

function isPort(port: number | undefined): boolean {
  return port === undefined || (Number.isInteger(port) && port >= 0 && port <= 65535);
}

/**
 * Whole programs: a file that calls `listen` itself runs as it stands, and what it listens on is served by the acceptor.
 *
 * Law: takes the place of `listen` on Node's HTTP servers in this thread and of what tells where they listen; binds
 * nothing. Where the acceptor listens is told from outside (`bound`); who calls the server's listeners is the node
 * interface.
 *
 * The first server that listens is the program's. Another one that listens on the same port is taken for one more
 * address of it (Fastify listens on each of localhost's); any other listens for real, in each worker that runs it.
 */
import http, { type Server } from 'node:http';
import https from 'node:https';
import type { AddressInfo } from 'node:net';
import { OptionError } from '../errors.ts';

/** What the program asked for. */
export interface Asked {
  /** Undefined: any. */
  readonly port: number | undefined;
  /** Undefined: every address. */
  readonly host: string | undefined;
}

export interface ProgramOwner {
  /** The program closed its server, and nobody had told it to. */
  programOnClose(): void;
  /** Resolves when nothing of it runs in this thread any more. */
  idle(): Promise<void>;
}

const HTTP2 = /^Http2(?:Secure)?Server$/;
const netServer = Object.getPrototypeOf(http.Server.prototype) as Server;
const netListen = netServer.listen as unknown as Listen;

type Listen = (this: Server, ...args: unknown[]) => Server;

export class Program {
  readonly #owner: ProgramOwner;
  readonly #taken: Set<Server> = new Set();
  #asked: Asked | null = null;
  #address: AddressInfo | null = null;
  #resolve!: (server: Server) => void;
  /** Resolves with the server that it listens with. */
  readonly captured: Promise<Server>;

  constructor(owner: ProgramOwner) {
    this.#owner = owner;
    this.captured = new Promise((resolve) => {
      this.#resolve = resolve;
    });
  }

  get asked(): Asked | null {
    return this.#asked;
  }

  /** From now on HTTP servers of this thread do not listen by themselves. */
  arm(): void {
    const nodeListen = http.Server.prototype.listen as unknown as Listen;
    const take = (server: Server, args: readonly unknown[]) => this.#take(server, args);
    setListen(http.Server.prototype, function (this: Server, ...args) {
      return take(this, args) ? this : nodeListen.apply(this, args);
    });
    setListen(https.Server.prototype, () => unlike('node:https', 'HTTP'));
    // Its classes have no names of their own.
    setListen(netServer, function (this: Server, ...args) {
      if (HTTP2.test(this.constructor.name)) unlike('node:http2', 'HTTP/1.1');
      return netListen.apply(this, args);
    });
  }

  disarm(): void {
    Reflect.deleteProperty(http.Server.prototype, 'listen');
    Reflect.deleteProperty(https.Server.prototype, 'listen');
    setListen(netServer, netListen);
  }

  /** The acceptor listens there. */
  bound(address: AddressInfo): void {
    this.#address = address;
    for (const server of this.#taken) process.nextTick(() => server.emit('listening'));
  }

  #take(server: Server, args: readonly unknown[]): boolean {
    const asked = askedBy(args);
    const first = this.#asked;
    if (first !== null && asked.port !== first.port && asked.port !== this.#address?.port) {
      server.prependOnceListener('error', explain);
      return false;
    }
    const callback = args.findLast((arg) => typeof arg === 'function') as (() => void) | undefined;
    if (callback !== undefined) server.once('listening', callback);
    this.#stand(server);
    if (first === null) {
      this.#asked = asked;
      this.#resolve(server);
    }
    if (this.#address !== null) process.nextTick(() => server.emit('listening'));
    return true;
  }

  /** The server looks as if it listened where the acceptor does. */
  #stand(server: Server): void {
    const taken = this.#taken;
    taken.add(server);
    const isOpen = () => taken.has(server);
    Object.defineProperties(server, {
      listening: { configurable: true, get: () => isOpen() && this.#address !== null },
      address: { configurable: true, writable: true, value: () => (isOpen() ? this.#address : null) },
      close: { configurable: true, writable: true, value: (done?: Done) => this.#close(server, done) },
      closeAllConnections: { configurable: true, writable: true, value: () => {} },
      closeIdleConnections: { configurable: true, writable: true, value: () => {} },
      ref: { configurable: true, writable: true, value: () => server },
      unref: { configurable: true, writable: true, value: () => server },
    });
  }

  #close(server: Server, done?: Done): Server {
    if (!this.#taken.delete(server)) {
      const error = Object.assign(new Error('Server is not running.'), { code: 'ERR_SERVER_NOT_RUNNING' });
      if (done !== undefined) process.nextTick(done, error);
      return server;
    }
    if (done !== undefined) server.once('close', () => done());
    this.#owner.programOnClose();
    void this.#owner.idle().then(() => server.emit('close'));
    return server;
  }
}

type Done = (error?: Error) => void;

function setListen(prototype: object, value: Listen): void {
  Object.defineProperty(prototype, 'listen', { configurable: true, writable: true, value });
}

/** @throws OptionError TSGI_ERR_APP_LISTEN */
function unlike(module: string, spoken: string): never {
  throw new OptionError(
    'TSGI_ERR_APP_LISTEN',
    `The application listens with ${module}, and the server speaks ${spoken} alone: let it listen with node:http, and put in front what speaks TLS and HTTP/2`,
  );
}

/** On a server that listens for real, and may not be the first to do so on its port. */
function explain(this: Server, error: NodeJS.ErrnoException): void {
  if (error.code === 'EADDRINUSE')
    error.message += `; every worker runs the program, and they share the first server that listens, and no other: run this one in a process of its own`;
  if (this.listenerCount('error') === 0) throw error;
}

function isPort(port: number | undefined): boolean {
  return port === undefined || (Number.isInteger(port) && port >= 0 && port <= 65535);
}

/**
 * `listen(port, host?, …)` or `listen({ port, host })`, as Node reads them.
 *
 * @throws OptionError TSGI_ERR_APP_LISTEN for what is no port: a path, a descriptor, a handle
 */
function askedBy(args: readonly unknown[]): Asked {
  const [first, second] = args;
  const isObject = typeof first === 'object' && first !== null;
  const { port, host } = isObject
    ? (first as { port?: unknown; host?: unknown })
    : { port: first, host: second };
  const isNone = port === undefined || port === null || typeof port === 'function';
  const number = isNone ? undefined : Number(port);
  const elsewhere = isObject && ['path', 'fd', '_handle'].some((key) => key in first && port === undefined);
  if (elsewhere || port === '' || !isPort(number)) {
    throw new OptionError(
      'TSGI_ERR_APP_LISTEN',
      `The application listens on ${isObject ? JSON.stringify(first) : String(first)}: the server serves TCP ports alone; let it listen on one, or export the application`,
    );
  }
  return { port: number, host: typeof host === 'string' && host !== '' ? host : undefined };
}

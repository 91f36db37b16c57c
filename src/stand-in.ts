/**
 * A `node:http` server that seems to listen, while other code owns the socket.
 *
 * Law: reads the arguments of `listen`, and reports where a server listens; binds nothing. The real listener is the owner's:
 * the acceptor in another thread (`worker/load/listening-program.ts`), or a server in this thread
 * (`node-http/node-http-server.ts`).
 */
import http, { type Server } from 'node:http';
import type { AddressInfo } from 'node:net';

/** The arguments of a call of `listen`. */
export interface Asked {
  /** Undefined means any port. */
  readonly port: number | undefined;
  /** Undefined means all addresses, as Node listens without a host: `::`, or `0.0.0.0` on a machine without IPv6. */
  readonly host: string | undefined;
  /** True: `::` does not accept IPv4. */
  readonly ipv6Only?: boolean;
}

export interface StandInOwner {
  /** The address where the server listens. Null while it does not. */
  standInAddress(): AddressInfo | null;
  /** The server should stop serving. Resolves when its unfinished responses are complete. */
  standInOnClose(): Promise<void>;
  /** The number of the server's connections now. */
  standInConnections(): number;
  /** Sets whether the server keeps the process alive. */
  standInOnRef(keepsAlive: boolean): void;
  /** Ends the server's connections: all of them, or only connections without a request. */
  standInOnCut(idleOnly: boolean): void;
}

/** Internal properties of Node's servers. They are the same since Node 20. */
interface Inner {
  /** The bound handle. Node's `listening`, `address`, `close`, `ref` and `unref` use it. */
  _handle: StandIn | null;
  _unref?: boolean;
  /** Changes with every close. */
  readonly _listeningId?: number;
  _emitCloseIfDrained(): void;
}

const standIns: WeakMap<Server, StandIn> = new WeakMap();

/** Whether the server listens, or has listened, through a stand-in. */
export function hasStandIn(server: Server): boolean {
  return standIns.has(server);
}

/**
 * Replaces the bound handle of a server. Node's own code does everything else. Methods without a comment are methods of
 * Node's handles.
 */
export class StandIn {
  readonly server: Server;
  readonly fd: number = -1;
  readonly #owner: StandInOwner;
  readonly #listeningId: number | undefined;
  #state: 'starting' | 'listening' | 'closing' | 'closed' = 'starting';

  constructor(server: Server, owner: StandInOwner) {
    this.server = server;
    this.#owner = owner;
    this.#listeningId = this.#inner._listeningId;
    standIns.set(server, this);
    Object.defineProperty(server, '_connections', { configurable: true, get: () => this.#connections });
    if (owner.standInAddress() !== null) this.#listen();
  }

  get #inner(): Inner {
    return this.server as unknown as Inner;
  }

  /** Counts as Node does: a server with connections has not closed. */
  get #connections(): number {
    if (this.#state === 'closed') return 0;
    return Math.max(this.#owner.standInConnections(), this.#state === 'closing' ? 1 : 0);
  }

  /** Whether the server has not been closed. */
  get open(): boolean {
    const isClosedEarly = this.#state === 'starting' && this.#inner._listeningId !== this.#listeningId;
    return !isClosedEarly && (this.#state === 'starting' || this.#state === 'listening');
  }

  /** Marks the server as listening, if it is still open. */
  announce(): void {
    if (!this.open) return;
    if (this.#state === 'starting') this.#listen();
    process.nextTick(() => this.open && this.server.emit('listening'));
  }

  #listen(): void {
    this.#state = 'listening';
    this.#inner._handle = this;
    if (this.#inner._unref === true) this.unref();
  }

  /** The server could not listen. */
  fail(error: Error): void {
    if (!this.open) return;
    this.#state = 'closed';
    this.#inner._handle = null;
    process.nextTick(() => this.server.emit('error', error));
  }

  /** Ends connections of the server. */
  cut(idleOnly: boolean): void {
    this.#owner.standInOnCut(idleOnly);
  }

  close(): void {
    this.#state = 'closing';
    void this.#owner.standInOnClose().then(() => {
      this.#state = 'closed';
      this.#inner._emitCloseIfDrained();
    });
  }

  getsockname(out: object): number {
    Object.assign(out, this.#owner.standInAddress());
    return 0;
  }

  ref(): void {
    this.#owner.standInOnRef(true);
  }

  unref(): void {
    this.#owner.standInOnRef(false);
  }

  hasRef(): boolean {
    return this.#inner._unref !== true;
  }
}

type Methods = Pick<Server, 'closeAllConnections' | 'closeIdleConnections'>;
type Listen = (this: Server, ...args: unknown[]) => Server;

const { closeAllConnections, closeIdleConnections } = http.Server.prototype;

/**
 * Servers with this prototype listen through `listen`. Methods that end connections also end the connections of the stand-in.
 */
export function replaceMethods(prototype: Server, listen: Listen): void {
  replace(prototype, {
    listen,
    closeAllConnections(this: Server) {
      closeAllConnections.call(this);
      standIns.get(this)?.cut(false);
    },
    closeIdleConnections(this: Server) {
      closeIdleConnections.call(this);
      standIns.get(this)?.cut(true);
    },
  });
}

/** Restores the methods of `http.Server`. */
export function restoreMethods(): void {
  Reflect.deleteProperty(http.Server.prototype, 'listen');
  replace(http.Server.prototype, { closeAllConnections, closeIdleConnections } satisfies Methods);
}

function replace(prototype: Server, methods: object): void {
  for (const [name, value] of Object.entries(methods) as [string, unknown][])
    Object.defineProperty(prototype, name, { configurable: true, writable: true, value });
}

/** `listen({ signal })`: the server closes when the signal aborts. */
export function closeOnSignal(server: Server, [options]: readonly unknown[]): void {
  const { signal } = (typeof options === 'object' && options !== null ? options : {}) as {
    signal?: AbortSignal;
  };
  if (signal === undefined) return;
  const close = () => void server.close();
  if (signal.aborted) return process.nextTick(close);
  signal.addEventListener('abort', close, { once: true });
  server.once('close', () => signal.removeEventListener('abort', close));
}

/**
 * Reads `listen(port, host?, …)` or `listen({ port, host })` as Node does. Returns undefined if that is not a TCP port (a
 * path, a descriptor, a handle), or if Node rejects the call.
 */
export function askedBy(args: readonly unknown[]): Asked | undefined {
  const [first, second] = args;
  const isObject = typeof first === 'object' && first !== null;
  const { port, host, ipv6Only } = isObject
    ? (first as { port?: unknown; host?: unknown; ipv6Only?: unknown })
    : { port: first, host: second };
  const isNone = port === undefined || port === null || (!isObject && typeof port === 'function');
  const number = isNone ? undefined : numberOf(port);
  const elsewhere = isObject && (!('port' in first) || 'fd' in first || '_handle' in first);
  const isWrongHost = isObject && Boolean(host) && typeof host !== 'string';
  if (elsewhere || isWrongHost || !isPort(number)) return undefined;
  const named = typeof host === 'string' && host !== '' ? host : undefined;
  return { port: number, host: named, ...(ipv6Only === true ? { ipv6Only } : {}) };
}

/** The path or the name of the socket that `listen(path)` or `listen({ path })` names, read as Node does. */
export function pathBy([first]: readonly unknown[]): string | undefined {
  if (typeof first === 'string') return first !== '' && Number.isNaN(Number(first)) ? first : undefined;
  if (typeof first !== 'object' || first === null || 'port' in first) return undefined;
  const { path } = first as { path?: unknown };
  return typeof path === 'string' && path !== '' ? path : undefined;
}

/** The error that Node throws if `listen` is called on a server that already listens. */
export function listensAlready(): Error {
  const error = new Error('Listen method has been called more than once without closing.');
  return Object.assign(error, { code: 'ERR_SERVER_ALREADY_LISTEN' });
}

/** The callback of `listen`, which is the last argument. */
export function callbackOf(args: readonly unknown[]): (() => void) | undefined {
  return args.findLast((arg) => typeof arg === 'function') as (() => void) | undefined;
}

function numberOf(port: unknown): number {
  if (typeof port === 'string') return port.trim() === '' ? Number.NaN : Number(port);
  return typeof port === 'number' ? port : Number.NaN;
}

function isPort(port: number | undefined): boolean {
  return port === undefined || (Number.isInteger(port) && port >= 0 && port <= 65535);
}

/**
 * A server of Node's HTTP that looks as if it listened, while somebody else owns the socket.
 *
 * Law: what a call of `listen` asks for, and what tells where a server listens; binds nothing. Who stands behind it is
 * its owner: the acceptor across the thread wall (`worker/load/listening-program.ts`), or one in this thread (`node-http/node-http-server.ts`).
 */
import http, { type Server } from 'node:http';
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
  standInAddress(): AddressInfo | null;
  /** It is not to serve any more. Resolves when what it was answering is over. */
  standInOnClose(): Promise<void>;
  /** Connections that it has now. */
  standInConnections(): number;
  /** Whether the server keeps the process alive. */
  standInOnRef(keepsAlive: boolean): void;
  /** Ends its connections: all of them, or those without a request. */
  standInOnCut(idleOnly: boolean): void;
}

/** What Node's servers keep to themselves; the same since Node 20. */
interface Inner {
  /** What is bound. Node's `listening`, `address`, `close`, `ref` and `unref` are made of it. */
  _handle: StandIn | null;
  _unref?: boolean;
  /** Changes with every close. */
  readonly _listeningId?: number;
  _emitCloseIfDrained(): void;
}

const standIns: WeakMap<Server, StandIn> = new WeakMap();

/** The server listens, or did, by a stand-in. */
export function hasStandIn(server: Server): boolean {
  return standIns.has(server);
}

/**
 * Stands in place of the bound handle below a server: all that the server does with it is Node's. Methods without a comment
 * are those of Node's handles.
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

  /** As Node counts: a server with connections has not closed. */
  get #connections(): number {
    if (this.#state === 'closed') return 0;
    return Math.max(this.#owner.standInConnections(), this.#state === 'closing' ? 1 : 0);
  }

  /** It has not been closed. */
  get open(): boolean {
    const isClosedEarly = this.#state === 'starting' && this.#inner._listeningId !== this.#listeningId;
    return !isClosedEarly && (this.#state === 'starting' || this.#state === 'listening');
  }

  /** It listens now, if it is open still. */
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

  /** It could not listen. */
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

/** Servers with this prototype listen by `listen`. What ends their connections ends those of their stand-ins as well. */
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

/** Gives `http.Server` its own methods back. */
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
 * `listen(port, host?, …)` or `listen({ port, host })`, as Node reads them; undefined for what is no TCP port (a path, a
 * descriptor, a handle), and for a call that Node refuses.
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

/** The path or the name of the socket that `listen(path)` or `listen({ path })` means, as Node reads them. */
export function pathBy([first]: readonly unknown[]): string | undefined {
  if (typeof first === 'string') return first !== '' && Number.isNaN(Number(first)) ? first : undefined;
  if (typeof first !== 'object' || first === null || 'port' in first) return undefined;
  const { path } = first as { path?: unknown };
  return typeof path === 'string' && path !== '' ? path : undefined;
}

/** What Node throws if `listen` is called on a server that listens. */
export function listensAlready(): Error {
  const error = new Error('Listen method has been called more than once without closing.');
  return Object.assign(error, { code: 'ERR_SERVER_ALREADY_LISTEN' });
}

/** The listener of `listen`'s callback, which stands last. */
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

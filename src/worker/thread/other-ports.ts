/**
 * Ports of a program other than its HTTP site: servers of node:net and node:tls, HTTP servers on sockets of the file system,
 * sockets of node:dgram.
 *
 * Law: one thread's end. The pool decides which worker owns a port (`pool/port-owners.ts`). `load/listening-program.ts` handles
 * HTTP servers on TCP ports.
 *
 * Every worker runs the program, and a TCP port can be bound once. Threads cannot pass a listening socket to each other, as the
 * processes of node:cluster can. One worker at a time therefore owns the port: its server is Node's own, with Node's sockets.
 * In the other workers the server only appears to listen. When the owner closes it or ends, the next worker binds.
 *
 * UDP needs no owner, because the kernel shares it: sockets of several workers are bound with SO_REUSEADDR, and the one that
 * was bound last receives.
 *
 * Programs delete the file of a socket before they listen, because an earlier run may have left it. In all workers but the
 * first this deletes the owner's file. A worker therefore checks for the file when its claim is answered. If the file is gone,
 * the owner binds again.
 *
 * In a thread of its own, nothing here keeps the event loop alive. A program that has only such ports is therefore noticed when
 * it has loaded.
 */
import diagnostics from 'node:diagnostics_channel';
import type { Socket } from 'node:dgram';
import { errorMonitor, type EventEmitter } from 'node:events';
import { existsSync } from 'node:fs';
import type { AddressInfo, Server } from 'node:net';
import { constants } from 'node:os';
import { askedBy, callbackOf, pathBy } from '../../stand-in.ts';

export type Listen = (this: Server, ...args: unknown[]) => Server;

/** The messages about ports between a worker and the pool. */
export interface PortClaims {
  /** The pool answers with `granted`, or with `shared` once another worker's server listens there. */
  claim(key: string): void;
  /** This worker's server listens there. */
  bound(key: string): void;
  /**
   * Another worker's server listens there, and the file of its socket is gone. The pool answers with `shared` once the file is
   * there.
   */
  lost(key: string): void;
  /** This worker does not need the port any more. */
  release(key: string): void;
  /** A reply of the pool is due: the program's event loop counts as alive until `answered`. */
  awaited(): void;
  answered(): void;
}

const NO_CLAIMS: PortClaims = {
  claim() {},
  bound() {},
  lost() {},
  release() {},
  awaited() {},
  answered() {},
};

type Done = (error?: Error) => void;
type PortState = 'asked' | 'standby' | 'owner' | 'closed';

interface Port {
  readonly server: Server;
  readonly key: string;
  readonly args: readonly unknown[];
  readonly address: AddressInfo | string;
  state: PortState;
  /** True once this worker has checked for the file of the owner's socket. */
  looked: boolean;
}

export class OtherPorts {
  readonly #claims: PortClaims;
  readonly #isShared: boolean;
  readonly #listen: Listen;
  readonly #ports: Set<Port> = new Set();
  /** Each with the place in the program where it was opened. */
  readonly #opened: string[] = [];

  /**
   * @param claims null if there is no other worker
   * @param netServer the prototype of Node's servers, unchanged
   */
  constructor(claims: PortClaims | null, netServer: Server) {
    this.#claims = claims ?? NO_CLAIMS;
    this.#isShared = claims !== null;
    this.#listen = netServer.listen as unknown as Listen;
  }

  /** From now on, UDP sockets of this thread can share a port with sockets of other workers. */
  arm(): void {
    diagnostics.subscribe('udp.socket', this.#onSocket);
  }

  disarm(): void {
    diagnostics.unsubscribe('udp.socket', this.#onSocket);
  }

  /** Entries like `TCP port 2525 (/app/mail.js:3:5)`, in the order in which the ports were opened. */
  get opened(): readonly string[] {
    return this.#opened;
  }

  /** Replaces Node's `listen` on a server that does not serve HTTP over TCP. */
  listen(server: Server, args: readonly unknown[], caller: (...args: never[]) => unknown): Server {
    const key = keyOf(args);
    this.#opened.push(`${key ?? 'a TCP port'}${placeOf(caller)}`);
    if (key === undefined || !this.#isShared) return this.#listenNow(server, args);
    if (this.#withKey(key, 'asked', 'standby', 'owner').length > 0) return inUse(server, key);
    const callback = callbackOf(args);
    if (callback !== undefined) server.once('listening', callback);
    const rest = args.filter((arg) => arg !== callback);
    const port: Port = { server, key, args: rest, address: addressOf(args), state: 'asked', looked: false };
    this.#ports.add(port);
    this.#standIn(port);
    this.#claims.awaited();
    this.#claims.claim(key);
    return server;
  }

  /** The pool has granted the port to this worker. */
  granted(key: string): void {
    const [port] = this.#withKey(key, 'asked', 'standby');
    if (port === undefined) return this.#claims.release(key);
    const { server } = port;
    const wasAsked = port.state === 'asked';
    port.state = 'owner';
    this.#giveBack(server);
    // A server in standby has already emitted 'listening'.
    if (!wasAsked) sayOnce(server, 'listening', () => this.#claims.bound(key));
    else server.once('listening', () => this.#claims.bound(key));
    (server as EventEmitter).once(errorMonitor, () => {
      if (!server.listening) this.#leave(port);
    });
    const close = (done?: Done) => {
      this.#giveBack(server);
      const result = server.close(done);
      this.#leave(port);
      return result;
    };
    Object.defineProperty(server, 'close', { configurable: true, writable: true, value: close });
    this.#listenNow(server, port.args);
    if (wasAsked) this.#claims.answered();
  }

  /** Another worker's server listens there. */
  shared(key: string): void {
    for (const port of this.#withKey(key, 'asked')) {
      if (!port.looked && isGone(port.address)) {
        port.looked = true;
        this.#claims.lost(key);
        continue;
      }
      port.state = 'standby';
      process.nextTick(() => port.state === 'standby' && port.server.emit('listening'));
      this.#claims.answered();
    }
  }

  /** The file of this worker's socket is gone: the worker binds again. */
  renew(key: string): void {
    for (const { server, args } of this.#withKey(key, 'owner')) {
      if (!server.listening) continue;
      const inner = server as unknown as { _handle: { close(): void } | null };
      inner._handle?.close();
      inner._handle = null;
      sayOnce(server, 'listening', () => this.#claims.bound(key));
      this.#listenNow(server, args);
    }
  }

  /** This worker ends, and other workers take over its ports. Open connections go on. */
  letGo(): void {
    for (const port of this.#withKey(null, 'asked', 'standby', 'owner')) {
      const { server, state } = port;
      if (state === 'owner') {
        const closed = new Promise<void>((resolve) => server.once('close', resolve));
        server.close();
        // The program may close the server, too. This is not an error.
        const close = (done?: Done) => {
          if (done !== undefined) void closed.then(() => done());
          return server;
        };
        Object.defineProperty(server, 'close', { configurable: true, writable: true, value: close });
      } else this.#leave(port);
    }
  }

  #withKey(key: string | null, ...states: PortState[]): Port[] {
    return [...this.#ports].filter(
      (port) => (key === null || port.key === key) && states.includes(port.state),
    );
  }

  #listenNow(server: Server, args: readonly unknown[]): Server {
    this.#listen.apply(server, [...args]);
    return this.#isShared ? server.unref() : server;
  }

  #leave(port: Port): void {
    if (port.state === 'closed') return;
    port.state = 'closed';
    this.#ports.delete(port);
    this.#claims.release(port.key);
  }

  /** Makes a server appear to listen while another worker owns the port. */
  #standIn(port: Port): void {
    const { server } = port;
    const property = { configurable: true, writable: true };
    const close = (done?: Done) => {
      const wasAsked = port.state === 'asked';
      this.#giveBack(server);
      this.#leave(port);
      if (wasAsked) this.#claims.answered();
      if (done !== undefined) server.once('close', () => done());
      process.nextTick(() => server.emit('close'));
      return server;
    };
    Object.defineProperties(server, {
      listening: { configurable: true, get: () => port.state === 'standby' },
      address: { ...property, value: () => (port.state === 'standby' ? port.address : null) },
      close: { ...property, value: close },
    });
  }

  #giveBack(server: Server): void {
    for (const name of ['listening', 'address', 'close']) Reflect.deleteProperty(server, name);
  }

  readonly #onSocket = (message: unknown): void => {
    const { socket } = message as { socket: Socket };
    const { bind } = socket;
    const bindShared = (...args: unknown[]): Socket => {
      const [first] = args;
      const port = typeof first === 'object' && first !== null ? (first as { port?: unknown }).port : first;
      if (Number(port) > 0) {
        this.#opened.push(`UDP port ${String(port)}${placeOf(bindShared)}`);
        if (this.#isShared) shareAddress(socket);
      }
      const bound = (bind as (...args: unknown[]) => Socket).apply(socket, args);
      return this.#isShared ? bound.unref() : bound;
    };
    Object.defineProperty(socket, 'bind', { configurable: true, writable: true, value: bindShared });
  };
}

/** Node's error if another server of this thread already listens there. */
function inUse(server: Server, key: string): Server {
  const error = new Error(`listen EADDRINUSE: address already in use, ${key}`);
  Object.assign(error, { code: 'EADDRINUSE', errno: -constants.errno.EADDRINUSE, syscall: 'listen' });
  process.nextTick(() => server.emit('error', error));
  return server;
}

/** Sets the option `reuseAddr` of `dgram.createSocket`, which the program did not know to set. */
function shareAddress(socket: Socket): void {
  const symbol = Object.getOwnPropertySymbols(socket).find(
    ({ description }) => description === 'state symbol',
  );
  const state = symbol && (socket as unknown as Record<symbol, { reuseAddr?: boolean }>)[symbol];
  if (state !== undefined) state.reuseAddr = true;
}

/** Suppresses the first emit of `event`, and calls `call` instead. */
function sayOnce(server: Server, event: string, call: () => void): void {
  const emitter: EventEmitter = server;
  const emit = emitter.emit.bind(server);
  const quiet = (name: string, ...args: unknown[]): boolean => {
    if (name !== event) return emit(name, ...args);
    Reflect.deleteProperty(server, 'emit');
    call();
    return true;
  };
  Object.defineProperty(server, 'emit', { configurable: true, writable: true, value: quiet });
}

/** Returns undefined for a port that each worker may have for itself: any free port, a descriptor, a handle. */
function keyOf(args: readonly unknown[]): string | undefined {
  const path = pathBy(args);
  if (path !== undefined) return path;
  const asked = askedBy(args);
  if (asked === undefined || (asked.port ?? 0) === 0) return undefined;
  return `TCP port ${asked.host === undefined ? '' : `${asked.host}:`}${asked.port}`;
}

/** True if the socket has a path in the file system, and no file is there. */
function isGone(address: AddressInfo | string): boolean {
  return typeof address === 'string' && !address.startsWith('\0') && !existsSync(address);
}

function addressOf(args: readonly unknown[]): AddressInfo | string {
  const path = pathBy(args);
  if (path !== undefined) return path;
  const { port = 0, host = '::' } = askedBy(args) ?? {};
  return { address: host, family: host.includes(':') ? 'IPv6' : 'IPv4', port };
}

/** ` (file:line:column)` of the call: in the program if possible, otherwise in a package. */
function placeOf(called: (...args: never[]) => unknown): string {
  const holder: { stack?: string } = {};
  Error.captureStackTrace(holder, called);
  const frames = (holder.stack ?? '')
    .split('\n')
    .filter((line) => /^\s+at /.test(line) && !line.includes('node:'));
  const frame = frames.find((line) => !line.includes('node_modules')) ?? frames[0];
  const place = frame && /\(?((?:file:\/\/)?[^\s()]+:\d+:\d+)\)?$/.exec(frame)?.[1];
  return place === undefined ? '' : ` (${place.replace('file://', '')})`;
}

/**
 * What a program listens on beside its site: servers of node:net and node:tls, HTTP servers on sockets of the file system,
 * sockets of node:dgram.
 *
 * Law: one thread's end; who owns a port is decided by the pool (`pool/port-owners.ts`). HTTP servers on TCP ports are
 * `load/listening-program.ts`'s.
 *
 * Every worker runs the program, and a TCP port can be bound once. Threads cannot hand a listening socket to each other as
 * the processes of node:cluster can, so one worker at a time owns the port: its server is Node's own, with Node's sockets.
 * In the other workers the server looks as if it listened. When the owner closes it or ends, the next worker binds. What
 * the kernel shares by itself needs no owner: UDP sockets of several workers are bound with SO_REUSEADDR, and the one that
 * was bound last receives.
 *
 * Programs delete the file of a socket before they listen, because an earlier run may have left it. In all workers but the
 * first this deletes the owner's file, so a worker whose claim is answered looks for the file, and the owner binds anew.
 *
 * In a thread of its own, nothing here keeps the event loop alive, so that a program that has only such ports is found out when it has loaded.
 */
import diagnostics from 'node:diagnostics_channel';
import type { Socket } from 'node:dgram';
import { errorMonitor, type EventEmitter } from 'node:events';
import { existsSync } from 'node:fs';
import type { AddressInfo, Server } from 'node:net';
import { constants } from 'node:os';
import { askedBy, callbackOf, pathBy } from '../../stand-in.ts';

export type Listen = (this: Server, ...args: unknown[]) => Server;

/** How a worker speaks with the pool about ports. */
export interface PortClaims {
  /** Answered by `granted`, or by `shared` once another worker's server listens there. */
  claim(key: string): void;
  /** This worker's server listens there. */
  bound(key: string): void;
  /** Another worker's server listens there, and the file of its socket is gone: answered by `shared` once it is there. */
  lost(key: string): void;
  /** This worker wants it no more. */
  release(key: string): void;
  /** An answer is due: the program's event loop counts as alive until `answered`. */
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
  /** The file of the owner's socket was looked for. */
  looked: boolean;
}

export class OtherPorts {
  readonly #claims: PortClaims;
  readonly #isShared: boolean;
  readonly #listen: Listen;
  readonly #ports: Set<Port> = new Set();
  /** Each with where in the program it was opened. */
  readonly #opened: string[] = [];

  /**
   * @param claims null if there is no other worker
   * @param netServer the prototype of Node's servers, as Node made it
   */
  constructor(claims: PortClaims | null, netServer: Server) {
    this.#claims = claims ?? NO_CLAIMS;
    this.#isShared = claims !== null;
    this.#listen = netServer.listen as unknown as Listen;
  }

  /** From now on UDP sockets of this thread can be bound beside those of other workers. */
  arm(): void {
    diagnostics.subscribe('udp.socket', this.#onSocket);
  }

  disarm(): void {
    diagnostics.unsubscribe('udp.socket', this.#onSocket);
  }

  /** `TCP port 2525 (/app/mail.js:3:5)` and its like, in the order in which they were opened. */
  get opened(): readonly string[] {
    return this.#opened;
  }

  /** Takes the place of Node's `listen` on a server that speaks no HTTP. */
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

  /** The port is this worker's. */
  granted(key: string): void {
    const [port] = this.#withKey(key, 'asked', 'standby');
    if (port === undefined) return this.#claims.release(key);
    const { server } = port;
    const wasAsked = port.state === 'asked';
    port.state = 'owner';
    this.#giveBack(server);
    // One that stood by has said already that it listens.
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

  /** The file of this worker's socket is gone. */
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

  /** This worker ends: others take its ports over. Connections that there are go on. */
  letGo(): void {
    for (const port of this.#withKey(null, 'asked', 'standby', 'owner')) {
      const { server, state } = port;
      if (state === 'owner') {
        const closed = new Promise<void>((resolve) => server.once('close', resolve));
        server.close();
        // The program may close it, too, and nothing is wrong with that.
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

  /** As long as another worker owns the port. */
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

/** Node's error if another server of the thread listens there. */
function inUse(server: Server, key: string): Server {
  const error = new Error(`listen EADDRINUSE: address already in use, ${key}`);
  Object.assign(error, { code: 'EADDRINUSE', errno: -constants.errno.EADDRINUSE, syscall: 'listen' });
  process.nextTick(() => server.emit('error', error));
  return server;
}

/** As the option `reuseAddr` of `dgram.createSocket` does, which the program did not know to set. */
function shareAddress(socket: Socket): void {
  const symbol = Object.getOwnPropertySymbols(socket).find(
    ({ description }) => description === 'state symbol',
  );
  const state = symbol && (socket as unknown as Record<symbol, { reuseAddr?: boolean }>)[symbol];
  if (state !== undefined) state.reuseAddr = true;
}

/** Emits nothing the first time, and calls back instead. */
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

/** Undefined for what each worker may have for itself: any free port, a descriptor, a handle. */
function keyOf(args: readonly unknown[]): string | undefined {
  const path = pathBy(args);
  if (path !== undefined) return path;
  const asked = askedBy(args);
  if (asked === undefined || (asked.port ?? 0) === 0) return undefined;
  return `TCP port ${asked.host === undefined ? '' : `${asked.host}:`}${asked.port}`;
}

/** The socket has a file, and it does not exist. */
function isGone(address: AddressInfo | string): boolean {
  return typeof address === 'string' && !address.startsWith('\0') && !existsSync(address);
}

function addressOf(args: readonly unknown[]): AddressInfo | string {
  const path = pathBy(args);
  if (path !== undefined) return path;
  const { port = 0, host = '::' } = askedBy(args) ?? {};
  return { address: host, family: host.includes(':') ? 'IPv6' : 'IPv4', port };
}

/** ` (file:line:column)` of the call, in the program rather than in a package where that can be told. */
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

/**
 * Whole programs: a file that calls `listen` itself runs unchanged, and the acceptor serves the addresses on which it listens.
 *
 * Law: replaces `listen` of Node's HTTP servers in this thread; binds nothing. The pool reports where the acceptor listens
 * (`bound`). The node interface calls the server's listeners.
 *
 * Places: every worker runs the same program. Its calls of `listen` are counted in order, and the acceptor listens once for
 * each place. A place is a port and a host: Fastify listens on each of localhost's addresses with a server of its own. The
 * first place is the server's own.
 */
import http, { type Server } from 'node:http';
import https from 'node:https';
import type { AddressInfo } from 'node:net';
import { constants } from 'node:os';
import { OptionError } from '../../errors.ts';
import {
  type Asked,
  askedBy,
  callbackOf,
  closeOnSignal,
  listensAlready,
  pathBy,
  replaceMethods,
  restoreMethods,
  StandIn,
} from '../../stand-in.ts';
import { reportLimits, type ServerLimits } from '../../server-limits.ts';
import { OtherPorts, type PortClaims } from '../thread/other-ports.ts';

export interface ProgramOwner {
  /** The program listens in one more place. */
  programOnAsk(place: number, asked: Asked): void;
  /**
   * The program listens after the worker began to serve its export, and the acceptor has bound that place. From now on the
   * worker serves the program.
   */
  programOnServe(server: Server): void;
  /** The complete set of limits that the server object of a place has set for its clients. */
  programOnLimits(place: number, own: Partial<ServerLimits>): void;
  /**
   * The program ends connections of an open server that no worker serves. `idleOnly`: only connections without a request in
   * flight.
   */
  programOnCut(place: number, idleOnly: boolean): void;
  /** The program aborts the requests of its server in this thread. */
  programOnCutRunning(server: Server): void;
  /** The program closed its first server by itself. */
  programOnClose(): void;
  /** Number of requests and taken-over connections in this thread. */
  running(): number;
  /** Resolves when no request of the program runs in this thread. */
  idle(): Promise<void>;
}

interface Place {
  readonly asked: Asked;
  readonly standIns: StandIn[];
}

/** The address at which a request arrived, as the acceptor's socket has it. */
export interface LocalAddress {
  readonly localPort: number;
  readonly localAddress: string;
}

const EVERY = new Set(['::', '0.0.0.0']);

/** Milliseconds that a request waits for a server that does not listen yet. */
const ABSENT_MS = 5000;

/** Matched by name: node:http2 does not export its server classes. */
const HTTP2 = /^Http2(?:Secure)?Server$/;
const netServer = Object.getPrototypeOf(http.Server.prototype) as Server;
const NetServer = netServer.constructor as new () => Server;
const netListen = netServer.listen as unknown as Listen;

export class ListeningProgram {
  /** Ports of the program that do not serve HTTP over TCP. */
  readonly otherPorts: OtherPorts;
  readonly #owner: ProgramOwner;
  readonly #places: Place[] = [];
  readonly #addresses: (AddressInfo | undefined)[];
  #resolve!: (server: Server) => void;
  /** Called when the program listens in one more place. */
  readonly #waiting: Set<() => void> = new Set();
  /**
   * Replaces a server that does not listen yet in this worker, but does in another one. When it listens, it receives the
   * request.
   */
  readonly #absent: Server = http.createServer((request, response) => {
    const { localPort = 0, localAddress = '' } = request.socket;
    const stop = () => {
      clearTimeout(timer);
      this.#waiting.delete(look);
    };
    const look = () => {
      const server = this.#findServer({ localPort, localAddress });
      if (server === undefined) return;
      stop();
      server.emit('request', request, response);
    };
    const timer = setTimeout(() => {
      stop();
      response
        .writeHead(503, { 'retry-after': '1', 'content-type': 'text/plain' })
        .end('Service Unavailable\n');
    }, ABSENT_MS);
    this.#waiting.add(look);
  });
  /** Resolves with the first server that calls `listen`. */
  readonly captured: Promise<Server>;
  /** Resolves when the first server has emitted 'listening'. */
  readonly listening: Promise<void>;
  #onListening!: () => void;
  /** True while the worker serves the file's export at the server's own place. */
  #exported = false;
  /** Number of calls of `listen`. */
  #calls = 0;

  /**
   * @param addresses addresses at which the acceptor already listens, by place
   * @param claims null in the caller's own thread
   */
  constructor(
    owner: ProgramOwner,
    addresses: readonly (AddressInfo | undefined)[],
    claims: PortClaims | null,
  ) {
    this.#owner = owner;
    this.otherPorts = new OtherPorts(claims, netServer);
    this.#addresses = [...addresses];
    this.captured = new Promise((resolve) => {
      this.#resolve = resolve;
    });
    this.listening = new Promise((resolve) => {
      this.#onListening = resolve;
    });
    if (addresses[0] !== undefined) this.#onListening();
  }

  /** Arguments of the first call of `listen`; null while the program does not listen. */
  get asked(): Asked | null {
    return this.#places[0]?.asked ?? null;
  }

  /** Returns the server for a request that arrived at this address of the acceptor. */
  serverAt(local: LocalAddress): Server {
    return this.#findServer(local) ?? this.#absent;
  }

  #findServer(local: LocalAddress): Server | undefined {
    const index = this.#places.length === 1 ? 0 : this.#indexOf(local);
    const standIns = this.#places[index]?.standIns ?? [];
    return (standIns.find(({ open }) => open) ?? (index === 0 ? standIns[0] : undefined))?.server;
  }

  /**
   * Several places may share a port. Prefers the place with the address itself, and then the place that listens on every
   * address.
   */
  #indexOf({ localPort, localAddress }: LocalAddress): number {
    const addresses = this.#addresses;
    const samePort = addresses.findIndex((address) => address?.port === localPort);
    const next = addresses.findIndex((address, index) => index > samePort && address?.port === localPort);
    if (next === -1) return samePort;
    const exact = addresses.findIndex(
      (address) => address?.port === localPort && address.address === localAddress,
    );
    if (exact !== -1) return exact;
    const isEvery = ({ address, port }: AddressInfo) => port === localPort && EVERY.has(address);
    return addresses.findIndex((address) => address !== undefined && isEvery(address));
  }

  /** The worker serves the file's export until the program listens. */
  exported(): void {
    this.#exported = true;
  }

  /** From now on, HTTP servers of this thread do not bind by themselves. */
  arm(): void {
    const { otherPorts } = this;
    const take = (server: Server, args: readonly unknown[]) => this.#take(server, args);
    replaceMethods(http.Server.prototype, function listen(this: Server, ...args): Server {
      if (pathBy(args) === undefined) take(this, args);
      else otherPorts.listen(this, args, listen);
      return this;
    });
    setListen(https.Server.prototype, () => unlike('node:https', 'HTTP'));
    setListen(netServer, function listen(this: Server, ...args): Server {
      if (HTTP2.test(this.constructor.name)) unlike('node:http2', 'HTTP/1.1');
      otherPorts.listen(this, args, listen);
      return this;
    });
    otherPorts.arm();
  }

  disarm(): void {
    restoreMethods();
    Reflect.deleteProperty(https.Server.prototype, 'listen');
    setListen(netServer, netListen);
    this.otherPorts.disarm();
  }

  /** The acceptor listens in this place. */
  bound(place: number, address: AddressInfo): void {
    this.#addresses[place] = address;
    const own = place === 0 && this.#exported ? this.#places[0]?.standIns[0] : undefined;
    if (own !== undefined) {
      this.#exported = false;
      this.#owner.programOnServe(own.server);
    }
    for (const standIn of this.#places[place]?.standIns ?? []) standIn.announce();
    if (place === 0) process.nextTick(this.#onListening);
    this.#look();
  }

  /** The acceptor cannot listen in this place. */
  refused(place: number, error: Error): void {
    const { asked, standIns = [] } = this.#places[place] ?? {};
    const told = asked === undefined ? error : Object.assign(error, callOf(error, asked));
    for (const standIn of standIns) standIn.fail(told);
  }

  /** @throws OptionError TSGI_ERR_APP_LISTEN for a descriptor or a handle; Node's error for a call that Node rejects */
  #take(server: Server, args: readonly unknown[]): void {
    if (this.#listens(server)) throw listensAlready();
    this.#calls += 1;
    const asked = askedBy(args);
    if (asked === undefined) {
      // Node throws for every other call without a port.
      if (!isHandle(args[0])) Reflect.apply(netListen, new NetServer(), args);
      throw notServed(args[0]);
    }
    const callback = callbackOf(args);
    if (callback !== undefined) server.once('listening', callback);
    closeOnSignal(server, args);
    const place = this.#placeOf(asked);
    const standIn = new StandIn(server, {
      standInAddress: () => this.#addresses[place] ?? expectedAt(asked),
      standInOnClose: () => this.#onClose(place),
      standInConnections: () => this.#owner.running(),
      // The thread belongs to the server, so `ref` and `unref` have no effect.
      standInOnRef: () => {},
      standInOnCut: (idleOnly) => {
        if (!idleOnly) this.#owner.programOnCutRunning(server);
        // Node's `close` ends idle connections first. If the server closes, its other connections belong to other workers.
        process.nextTick(() => standIn.open && this.#owner.programOnCut(place, idleOnly));
      },
    });
    const { standIns } = this.#places[place]!;
    const isTaken = standIns.some(({ open }) => open);
    standIns.push(standIn);
    if (isTaken) return standIn.fail(inUse(asked));
    reportLimits(server, (own) => standIn.open && this.#owner.programOnLimits(place, own));
    const isComing = place === 0 && this.#exported;
    if (this.#addresses[place] !== undefined && !isComing) standIn.announce();
    this.#resolve(server);
    this.#look();
  }

  /** Resolves when requests are over. A program may close its server to listen again; this is not its end. */
  async #onClose(place: number): Promise<void> {
    if (place !== 0) return this.#owner.idle();
    const calls = this.#calls;
    const end = () => calls === this.#calls && this.#owner.programOnClose();
    // The callback of `close` is called once this promise settles. Running requests cannot wait for it.
    if (this.#owner.running() > 0) end();
    else setImmediate(end);
    return this.#owner.idle();
  }

  #listens(server: Server): boolean {
    return this.#places.some(({ standIns }) => standIns.some((one) => one.server === server && one.open));
  }

  /** Waits until the code that called `listen` is done: it may add routes. */
  #look(): void {
    if (this.#waiting.size > 0) setImmediate(() => [...this.#waiting].forEach((look) => look()));
  }

  /** Returns the place with this port and host, or adds one. */
  #placeOf(asked: Asked): number {
    const known = this.#places.findIndex(
      (place) => asked.port === place.asked.port && asked.host === place.asked.host,
    );
    if ((asked.port ?? 0) !== 0 && known !== -1) return known;
    const place = this.#places.push({ asked, standIns: [] }) - 1;
    if (place === 0 ? this.#exported : this.#addresses[place] === undefined)
      this.#owner.programOnAsk(place, asked);
    return place;
  }
}

type Listen = (this: Server, ...args: unknown[]) => Server;

/**
 * Without a host, Node binds within the call, so a server listens at once, and `address()` is not null. For port 0 the acceptor
 * chooses the port later. Until 'listening', `address().port` is 0.
 */
function expectedAt({ port = 0, host, ipv6Only }: Asked): AddressInfo | null {
  if (host !== undefined || ipv6Only === true) return null;
  return { address: '::', family: 'IPv6', port };
}

function setListen(prototype: object, value: Listen): void {
  Object.defineProperty(prototype, 'listen', { configurable: true, writable: true, value });
}

/** Properties of Node's error for the call that failed. Programs read them to decide whether the error is their own. */
function callOf(
  { message }: Error,
  { port = 0, host = '::' }: Asked,
): Pick<NodeJS.ErrnoException, 'syscall'> {
  if (message.startsWith('getaddrinfo ')) return { syscall: 'getaddrinfo', ...{ hostname: host } };
  return { syscall: 'listen', ...{ address: host, port } };
}

/** Node's error if a server of the same thread already listens there. */
function inUse(asked: Asked): Error {
  const { port = 0, host = '::' } = asked;
  const error = new Error(`listen EADDRINUSE: address already in use ${host}:${port}`);
  const code = { code: 'EADDRINUSE', errno: -constants.errno.EADDRINUSE };
  return Object.assign(error, code, callOf(error, asked));
}

/** @throws OptionError TSGI_ERR_APP_LISTEN */
function unlike(module: string, spoken: string): never {
  throw new OptionError(
    'TSGI_ERR_APP_LISTEN',
    `The application listens with ${module}, but the server supports only ${spoken}. Listen with node:http, and put a proxy for TLS and HTTP/2 in front of the server.`,
  );
}

/** True for a descriptor, or an object with a handle. */
function isHandle(where: unknown): boolean {
  return (
    typeof where === 'object' && where !== null && ['fd', '_handle', 'handle'].some((key) => key in where)
  );
}

function notServed(where: unknown): OptionError {
  const shown = typeof where === 'object' ? JSON.stringify(where) : String(where);
  return new OptionError(
    'TSGI_ERR_APP_LISTEN',
    `The application listens on ${shown}, but the server serves only TCP ports. Listen on a TCP port, or export the application.`,
  );
}

/**
 * Whole programs: a file that calls `listen` itself runs as it stands, and what it listens on is served by the acceptor.
 *
 * Law: takes the place of `listen` on Node's HTTP servers in this thread; binds nothing. Where the acceptor listens is
 * told from outside (`bound`); who calls the server's listeners is the node interface.
 *
 * Places: every worker runs the same program, so the places where it listens are counted in the order of its calls, and
 * the acceptor listens once in each. A server that listens on the port of a place is one more of it (Fastify listens on
 * each of localhost's addresses). The first place is the server's own.
 */
import http, { type Server } from 'node:http';
import https from 'node:https';
import type { AddressInfo } from 'node:net';
import { OptionError } from '../errors.ts';
import { type Asked, askedBy, callbackOf, StandIn } from '../node-server.ts';

export interface ProgramOwner {
  /** The program listens in one more place. */
  programOnAsk(place: number, asked: Asked): void;
  /** The program closed its first server, and nobody had told it to. */
  programOnClose(): void;
  /** Resolves when nothing of it runs in this thread any more. */
  idle(): Promise<void>;
}

interface Place {
  readonly asked: Asked;
  readonly standIns: StandIn[];
}

type Listen = (this: Server, ...args: unknown[]) => Server;

export class Program {
  readonly #owner: ProgramOwner;
  readonly #places: Place[] = [];
  readonly #addresses: (AddressInfo | undefined)[];
  #resolve!: (server: Server) => void;
  /** Resolves with the server that it listens with first. */
  readonly captured: Promise<Server>;

  /** @param addresses where the acceptor listens already, by place */
  constructor(owner: ProgramOwner, addresses: readonly (AddressInfo | undefined)[]) {
    this.#owner = owner;
    this.#addresses = [...addresses];
    this.captured = new Promise((resolve) => {
      this.#resolve = resolve;
    });
  }

  /** What it asked for first; null as long as it does not listen. */
  get asked(): Asked | null {
    return this.#places[0]?.asked ?? null;
  }

  /** Who serves what came through this port of the acceptor; undefined: it does not listen there, or not yet. */
  serverAt(port: number): Server | undefined {
    const index =
      this.#places.length === 1 ? 0 : this.#addresses.findIndex((address) => address?.port === port);
    return this.#places[index]?.standIns.find((standIn) => standIn.open || index === 0)?.server;
  }

  /** From now on HTTP servers of this thread do not listen by themselves. */
  arm(): void {
    const take = (server: Server, args: readonly unknown[]) => this.#take(server, args);
    setListen(http.Server.prototype, function (this: Server, ...args) {
      take(this, args);
      return this;
    });
    setListen(https.Server.prototype, () => {
      throw new OptionError(
        'TSGI_ERR_APP_LISTEN',
        'The application listens with node:https, and the server speaks HTTP alone: let it listen with node:http, and put TLS in front',
      );
    });
  }

  disarm(): void {
    Reflect.deleteProperty(http.Server.prototype, 'listen');
    Reflect.deleteProperty(https.Server.prototype, 'listen');
  }

  /** The acceptor listens there. */
  bound(place: number, address: AddressInfo): void {
    this.#addresses[place] = address;
    for (const standIn of this.#places[place]?.standIns ?? []) standIn.announce();
  }

  /** The acceptor cannot listen there. */
  refused(place: number, error: Error): void {
    for (const standIn of this.#places[place]?.standIns ?? []) standIn.fail(error);
  }

  /** @throws OptionError TSGI_ERR_APP_LISTEN for what is no port: a path, a descriptor, a handle */
  #take(server: Server, args: readonly unknown[]): void {
    const asked = askedBy(args);
    if (asked === undefined) throw notServed(args[0]);
    const callback = callbackOf(args);
    if (callback !== undefined) server.once('listening', callback);
    const place = this.#placeOf(asked);
    const standIn = new StandIn(server, {
      standInAddress: () => this.#addresses[place] ?? null,
      standInOnClose: () => {
        if (place === 0) this.#owner.programOnClose();
        return this.#owner.idle();
      },
    });
    this.#places[place]!.standIns.push(standIn);
    if (this.#addresses[place] !== undefined) standIn.announce();
    this.#resolve(server);
  }

  /** A new one, unless it listens on that port already. */
  #placeOf(asked: Asked): number {
    const isSame = (place: Place, index: number) =>
      asked.port === place.asked.port || asked.port === this.#addresses[index]?.port;
    const known = (asked.port ?? 0) === 0 ? -1 : this.#places.findIndex(isSame);
    if (known !== -1) return known;
    const place = this.#places.push({ asked, standIns: [] }) - 1;
    if (place > 0 && this.#addresses[place] === undefined) this.#owner.programOnAsk(place, asked);
    return place;
  }
}

function setListen(prototype: object, value: Listen): void {
  Object.defineProperty(prototype, 'listen', { configurable: true, writable: true, value });
}

function notServed(where: unknown): OptionError {
  const shown = typeof where === 'object' ? JSON.stringify(where) : String(where);
  return new OptionError(
    'TSGI_ERR_APP_LISTEN',
    `The application listens on ${shown}: the server serves TCP ports alone; let it listen on one, or export the application`,
  );
}

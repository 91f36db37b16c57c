/**
 * Whole programs: a file that calls `listen` itself runs as it stands, and what it listens on is served by the acceptor.
 *
 * Law: takes the place of `listen` on Node's HTTP servers in this thread; binds nothing. Where the acceptor listens is told from outside (`bound`); who calls the server's listeners is the node
 * interface.
 *
 * The first server that listens is the program's. Another one that listens on the same port is taken for one more
 * address of it (Fastify listens on each of localhost's); any other listens for real, in each worker that runs it.
 */
import http, { type Server } from 'node:http';
import https from 'node:https';
import type { AddressInfo } from 'node:net';
import { OptionError } from '../errors.ts';
import { type Asked, askedBy, callbackOf, StandIn } from '../node-server.ts';

export interface ProgramOwner {
  /** The program closed its server, and nobody had told it to. */
  programOnClose(): void;
  /** Resolves when nothing of it runs in this thread any more. */
  idle(): Promise<void>;
}

type Listen = (this: Server, ...args: unknown[]) => Server;

export class Program {
  readonly #owner: ProgramOwner;
  readonly #standIns: StandIn[] = [];
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
  bound(address: AddressInfo): void {
    this.#address = address;
    for (const standIn of this.#standIns) standIn.announce();
  }

  /** @throws OptionError TSGI_ERR_APP_LISTEN for what is no port: a path, a descriptor, a handle */
  #take(server: Server, args: readonly unknown[]): boolean {
    const asked = askedBy(args);
    if (asked === undefined) throw notServed(args[0]);
    const first = this.#asked;
    if (first !== null && asked.port !== first.port && asked.port !== this.#address?.port) return false;
    const callback = callbackOf(args);
    if (callback !== undefined) server.once('listening', callback);
    const standIn = new StandIn(server, {
      standInAddress: () => this.#address,
      standInOnClose: () => {
        this.#owner.programOnClose();
        return this.#owner.idle();
      },
    });
    this.#standIns.push(standIn);
    if (first === null) {
      this.#asked = asked;
      this.#resolve(server);
    }
    if (this.#address !== null) standIn.announce();
    return true;
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

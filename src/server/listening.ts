/**
 * Where a server listens: which of several sources decides, and which code binds.
 *
 * Law: addresses only. Node binds, or under a supervisor, the parent process (`Binder`). The acceptor accepts.
 */
import type { AddressInfo } from 'node:net';
import type { ListenWhere } from '../acceptor/socket/listener.ts';
import { listenError } from './listen-error.ts';
import type { Asked } from '../stand-in.ts';
import type { Resolution } from '../options/resolve.ts';

export interface ListenOptions {
  /** Default: the option `port`, 8000. 0 picks a free one. */
  readonly port?: number;
  /** Default: the option `host`, 127.0.0.1. */
  readonly host?: string;
}

/** Another process that binds sockets and keeps them. Its methods reject with the error of the operating system. */
export interface Binder {
  /** Binds an address that the server will probably use, so that an address in use is an error before the application loads. */
  reserve(address: BindAddress): Promise<void>;
  /** Returns a handle to listen on. `place`: its number. A second call with the same address returns the same socket. */
  bind(place: number, address: BindAddress): Promise<object>;
}

export interface BindAddress {
  readonly port: number;
  readonly host: string;
  readonly ipv6Only?: boolean;
}

type Listen = (where: ListenWhere) => Promise<AddressInfo>;

/** How the acceptor moves the server's own place. */
interface Move {
  readonly replaceFirst: Listen;
  readonly closeFirst: () => void;
}

type ListenAddress = Required<Pick<Asked, 'port' | 'host'>> & {
  readonly port: number;
  readonly ipv6Only?: boolean;
};

/** The hosts that Node tries, in this order, if a program names none. */
const EVERYWHERE = ['::', '0.0.0.0'] as const;

export class Listening {
  readonly #resolution: Resolution;
  readonly #given: ListenOptions;
  readonly #binder: Binder | undefined;
  #last: Promise<unknown> = Promise.resolve();

  /** @param given the arguments of `listen` */
  constructor(resolution: Resolution, given: ListenOptions, binder: Binder | undefined) {
    this.#resolution = resolution;
    this.#given = given;
    this.#binder = binder;
  }

  /**
   * Reserves the port before the application loads, if there is a binder. So a port in use is an early error. Skipped if the
   * application may be a program that names another port.
   *
   * @throws OptionError TSGI_ERR_LISTEN
   */
  async reserve(): Promise<void> {
    const { options, given } = this.#resolution;
    const isProgram = options.interface === 'auto' || options.interface === 'node';
    if (this.#given.port === undefined && !given.has('port') && isProgram) return;
    const { port, host = EVERYWHERE[0] } = this.#where(null);
    await this.#binder?.reserve({ port, host }).catch((error) => {
      throw listenError(error, port, host);
    });
  }

  /**
   * Listens at the server's own place. Without a binder, `listen` is called synchronously.
   *
   * @param asked the address from a program that listens itself
   * @throws OptionError TSGI_ERR_LISTEN
   */
  async listen(asked: Asked | null, listen: Listen): Promise<void> {
    await this.#listen(0, this.#where(asked), listen);
  }

  /**
   * Listens at another place that a program has requested. `own`: the address of the server's own place.
   *
   * @throws OptionError TSGI_ERR_LISTEN
   */
  listenToo(place: number, asked: Asked, own: AddressInfo, listen: Listen): Promise<AddressInfo> {
    // An operator who chose the host of the server's port has chosen it for all addresses that the program adds to that port.
    if (this.#isDecided('host') && asked.port === own.port) return Promise.resolve(own);
    // The binder handles one request at a time.
    const listened = this.#last.then(() => this.#listen(place, { ...asked, port: asked.port ?? 0 }, listen));
    this.#last = listened.catch(() => {});
    return listened;
  }

  /**
   * Moves the server's own place to the address of a program that at first had only an export. If an option decides the port,
   * the place does not move.
   *
   * @param own where the server listens now
   * @throws OptionError TSGI_ERR_LISTEN; the server then listens as before
   */
  move(asked: Asked, own: AddressInfo, { replaceFirst, closeFirst }: Move): Promise<AddressInfo> {
    const where = this.#where(asked);
    const isThere = where.port === own.port && (where.host ?? EVERYWHERE[0]) === own.address;
    if (isThere || this.#isDecided('port')) return Promise.resolve(own);
    const moved = this.#last.then(async () => {
      if (where.port !== own.port) return this.#listen(0, where, replaceFirst);
      // One port cannot be bound twice, so the new address is free once the old one is closed.
      closeFirst();
      try {
        return await this.#listen(0, where, replaceFirst);
      } catch (error) {
        await this.#listen(0, { port: own.port, host: own.address }, replaceFirst);
        throw error;
      }
    });
    this.#last = moved.catch(() => {});
    return moved;
  }

  async #listen(place: number, address: ListenAddress, listen: Listen): Promise<AddressInfo> {
    const { port, host } = address;
    try {
      if (this.#binder === undefined) return await listen(here(address));
      return await listen({ handle: await this.#bind(this.#binder, place, address) });
    } catch (error) {
      throw listenError(error as NodeJS.ErrnoException, port, host ?? EVERYWHERE[0]);
    }
  }

  /** Binds as Node does. Without a host, it binds IPv6 and IPv4 together, or only IPv4 if IPv6 cannot be bound. */
  async #bind(binder: Binder, place: number, { host, ...rest }: ListenAddress): Promise<object> {
    if (host !== undefined) return binder.bind(place, { ...rest, host });
    const [every, everyIpv4] = EVERYWHERE;
    try {
      return await binder.bind(place, { ...rest, host: every });
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code === 'EADDRINUSE') throw error;
      return binder.bind(place, { ...rest, host: everyIpv4 });
    }
  }

  #isDecided(name: 'port' | 'host'): boolean {
    return this.#given[name] !== undefined || this.#resolution.given.has(name);
  }

  /**
   * Port and host. Each is the first of these that is set:
   *
   * - the argument of `listen`
   * - the option or its own variable
   * - the address of a program that listens itself (an application with only an export has none)
   * - `PORT`
   * - the default
   */
  #where(asked: Asked | null): ListenAddress {
    const { port, host } = this.#resolution.options;
    const chosen = { port: this.#given.port ?? port, host: this.#given.host ?? host };
    if (asked === null) return chosen;
    const isHostDecided = this.#isDecided('host');
    return {
      port: this.#isDecided('port') ? chosen.port : (asked.port ?? port),
      host: isHostDecided ? chosen.host : asked.host,
      ...(asked.ipv6Only === true && !isHostDecided ? { ipv6Only: true } : {}),
    };
  }
}

/** A listening address as a URL: `http://[::]:8000`. */
export function urlOf({ address, port }: Pick<AddressInfo, 'address' | 'port'>): string {
  return `http://${address.includes(':') ? `[${address}]` : address}:${port}`;
}

/** Node tries several addresses only if it receives no host. Only then does it bind within the call. */
function here({ port, host, ipv6Only = false }: ListenAddress): ListenWhere {
  const isAny = host === undefined || (host === EVERYWHERE[0] && !ipv6Only);
  return { port, ...(isAny ? {} : { host }), ipv6Only };
}

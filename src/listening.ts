/**
 * Where a server listens: who decides, and who binds.
 *
 * Law: addresses alone. Binding is Node's or, under a supervisor, its parent's (`Binder`); accepting is the acceptor's.
 */
import type { AddressInfo } from 'node:net';
import type { ListenWhere } from './acceptor/listener.ts';
import { listenError } from './listen-error.ts';
import type { Asked } from './node-server.ts';
import type { Resolution } from './options/resolve.ts';

export interface ListenOptions {
  /** Default: the option `port`, 8000. 0 picks a free one. */
  readonly port?: number;
  /** Default: the option `host`, 127.0.0.1. */
  readonly host?: string;
}

/** Who binds sockets and keeps them, in another process. Rejects with the error of the operating system. */
export interface Binder {
  /** The address is likely to be served: it is an error at once that it cannot be had. */
  reserve(port: number, host: string): Promise<void>;
  /** A handle to listen on. `place`: which of the places where a server listens; asked for anew, it is the same. */
  bind(place: number, port: number, host: string): Promise<object>;
}

type Listen = (where: ListenWhere) => Promise<AddressInfo>;

interface Address {
  readonly port: number;
  readonly host: string;
}

/** Every address, as Node listens where a program names none. */
const EVERYWHERE = '::';

export class Listening {
  readonly #resolution: Resolution;
  readonly #given: ListenOptions;
  readonly #binder: Binder | undefined;
  #last: Promise<unknown> = Promise.resolve();

  /** @param given what `listen` was told */
  constructor(resolution: Resolution, given: ListenOptions, binder: Binder | undefined) {
    this.#resolution = resolution;
    this.#given = given;
    this.#binder = binder;
  }

  /**
   * A port in use is told before the application loads, by a binder that will keep it; unless the application may be a
   * program that names another.
   *
   * @throws OptionError TSGI_ERR_LISTEN
   */
  async reserve(): Promise<void> {
    const { options, given } = this.#resolution;
    const isProgram = options.interface === 'auto' || options.interface === 'node';
    if (this.#given.port === undefined && !given.has('port') && isProgram) return;
    const { port, host } = this.#where(null);
    await this.#binder?.reserve(port, host).catch((error) => {
      throw listenError(error, port, host);
    });
  }

  /**
   * The server's own place. Without a binder `listen` is called at once.
   *
   * @param asked by a program that listens itself
   * @throws OptionError TSGI_ERR_LISTEN
   */
  async listen(asked: Asked | null, listen: Listen): Promise<void> {
    await this.#listen(0, this.#where(asked), listen);
  }

  /**
   * Another place, where a program asked for it.
   *
   * @throws OptionError TSGI_ERR_LISTEN
   */
  listenToo(place: number, { port = 0, host = EVERYWHERE }: Asked, listen: Listen): Promise<AddressInfo> {
    // A binder is asked one thing at a time.
    const listened = this.#last.then(() => this.#listen(place, { port, host }, listen));
    this.#last = listened.catch(() => {});
    return listened;
  }

  async #listen(place: number, { port, host }: Address, listen: Listen): Promise<AddressInfo> {
    try {
      // Node listens at once only where it need not look up a host.
      const here = host === EVERYWHERE ? { port } : { port, host };
      const handle = this.#binder && { handle: await this.#binder.bind(place, port, host) };
      return await listen(handle ?? here);
    } catch (error) {
      const { code = '' } = error as NodeJS.ErrnoException;
      // A machine without IPv6.
      if (host === EVERYWHERE && (code === 'EAFNOSUPPORT' || code === 'EADDRNOTAVAIL'))
        return this.#listen(place, { port, host: '0.0.0.0' }, listen);
      throw listenError(error as NodeJS.ErrnoException, port, host);
    }
  }

  /**
   * Each part: given to `listen`, else by the option or the environment, else what a program asked for that listens
   * itself, else the default.
   */
  #where(asked: Asked | null): Address {
    const { options, given } = this.#resolution;
    const decided = (name: 'port' | 'host') => asked === null || given.has(name);
    const { port, host } = options;
    return {
      port: this.#given.port ?? (decided('port') ? port : (asked?.port ?? port)),
      host: this.#given.host ?? (decided('host') ? host : (asked?.host ?? EVERYWHERE)),
    };
  }
}

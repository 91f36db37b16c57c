/**
 * The limits of connections, by the place where the acceptor accepted them.
 *
 * Law: decides whose value is a limit: that of the operator, of the server object that listens there, or the default of an
 * option. What a limit does is for connections and their intakes. A connection keeps the object of its place, so it
 * sees each change.
 */
import type { ConnectionLimits } from './connection-host.ts';

/** The limits that a server object of the application may set. */
export type OwnLimits = Pick<
  ConnectionLimits,
  'timeout' | 'keepAliveTimeout' | 'headersTimeout' | 'requestTimeout' | 'maxHeaders'
>;

/** The options, which decide where no server object does. */
export interface LimitOptions extends Omit<ConnectionLimits, 'timeout'> {
  /** Names of the options that the operator has set. */
  readonly decided: ReadonlySet<string>;
}

export class PlaceLimits {
  readonly #options: LimitOptions;
  readonly #live: Partial<OwnLimits> | undefined;
  readonly #places: Map<number, ConnectionLimits> = new Map();

  /** @param live getters that take the place of every option and of `set` */
  constructor(options: LimitOptions, live: Partial<OwnLimits> | undefined) {
    this.#options = options;
    this.#live = live;
  }

  at(place: number): ConnectionLimits {
    let limits = this.#places.get(place);
    if (limits === undefined) {
      limits = this.#fresh();
      this.#places.set(place, limits);
    }
    return limits;
  }

  /** Replaces what a server object has set for this place. A limit that it leaves out is the option's again. */
  set(place: number, own: Partial<OwnLimits>): void {
    if (this.#live !== undefined) return;
    const free = Object.entries(own).filter(([name]) => !this.#options.decided.has(name));
    Object.assign(this.at(place), this.#fresh(), Object.fromEntries(free));
  }

  #fresh(): ConnectionLimits {
    const { maxBodySize, bodyBuffer, headersTimeout, writeTimeout, keepAliveTimeout } = this.#options;
    const { pendingTimeout, maxHeaders, requestTimeout, bodyTimeout, minBodyRate } = this.#options;
    const limits = {
      timeout: 0,
      maxBodySize,
      bodyBuffer,
      headersTimeout,
      writeTimeout,
      keepAliveTimeout,
      pendingTimeout,
      maxHeaders,
      requestTimeout,
      bodyTimeout,
      minBodyRate,
    };
    if (this.#live === undefined) return limits;
    return Object.defineProperties(limits, Object.getOwnPropertyDescriptors(this.#live));
  }
}

/** The shorter of two times, of which 0 is none. */
export function shorter(one: number, other: number): number {
  return one === 0 || other === 0 ? one || other : Math.min(one, other);
}

/** Milliseconds that a request head may take; 0: any. */
export function headTimeout({ headersTimeout, requestTimeout }: ConnectionLimits): number {
  return shorter(headersTimeout, requestTimeout);
}

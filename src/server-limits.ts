/**
 * The limits that a server object of `node:http` sets for its clients: `timeout`, `keepAliveTimeout`, `headersTimeout`,
 * `requestTimeout` and `maxHeadersCount`.
 *
 * Law: reads those properties, and reports changes. The acceptor enforces the limits.
 */
import http, { type Server } from 'node:http';

/** Milliseconds, and a number of header fields. 0 disables a limit. */
export interface ServerLimits {
  /** How long a client may be silent. */
  readonly timeout: number;
  readonly keepAliveTimeout: number;
  readonly headersTimeout: number;
  readonly requestTimeout: number;
  readonly maxHeaders: number;
}

type Name = keyof ServerLimits;

/** Node's servers have this property from Node 22.19 on. */
interface Buffered {
  readonly keepAliveTimeoutBuffer?: number;
}

/** The time that Node adds to `keepAliveTimeout` if the server object sets no other. */
const KEEP_ALIVE_BUFFER_MS = 1000;
/** The acceptor has room for this many fields. In Node, 0 means no limit. */
const MOST_HEADERS = 2000;

const READ: Readonly<Record<Name, (server: Server) => number>> = {
  timeout: ({ timeout }) => milliseconds(timeout),
  keepAliveTimeout: keepAliveOf,
  headersTimeout: ({ headersTimeout }) => milliseconds(headersTimeout),
  requestTimeout: ({ requestTimeout }) => milliseconds(requestTimeout),
  maxHeaders: ({ maxHeadersCount }) =>
    Math.min(Math.floor(milliseconds(maxHeadersCount)) || MOST_HEADERS, MOST_HEADERS),
};
const NAMES = Object.keys(READ) as Name[];

/** The property behind a limit. */
const PROPERTY: Readonly<Record<Name, keyof Server>> = {
  timeout: 'timeout',
  keepAliveTimeout: 'keepAliveTimeout',
  headersTimeout: 'headersTimeout',
  requestTimeout: 'requestTimeout',
  maxHeaders: 'maxHeadersCount',
};

/** How long Node keeps the connection of an answered client. */
export function keepAliveOf(server: Server): number {
  const { keepAliveTimeoutBuffer = KEEP_ALIVE_BUFFER_MS } = server as Buffered;
  const { keepAliveTimeout } = server;
  return keepAliveTimeout > 0 ? milliseconds(keepAliveTimeout + keepAliveTimeoutBuffer) : 0;
}

/** An object whose getters read the server's limits. */
export function liveLimits(server: Server): ServerLimits {
  const getters = NAMES.map((name) => [name, { enumerable: true, get: () => READ[name](server) }] as const);
  return Object.defineProperties({}, Object.fromEntries(getters)) as ServerLimits;
}

type Report = (own: Partial<ServerLimits>) => void;

const watched: WeakMap<Server, Watched> = new WeakMap();

/**
 * Calls `report` with the limits that the program has set: now, and at each later change. A value that now equals Node's
 * default counts as not set. A second call for the same server replaces the first.
 */
export function reportLimits(server: Server, report: Report): void {
  const known = watched.get(server) ?? new Watched(server);
  watched.set(server, known);
  known.report = report;
  known.tell();
}

class Watched {
  report!: Report;
  readonly #server: Server;
  /** Limits whose property the program has set. */
  readonly #names: Set<Name> = new Set();

  constructor(server: Server) {
    this.#server = server;
    const pristine = http.createServer();
    for (const name of NAMES) {
      if (server[PROPERTY[name]] !== pristine[PROPERTY[name]]) this.#names.add(name);
      this.#watch(name);
    }
  }

  tell(): void {
    this.report(Object.fromEntries([...this.#names].map((name) => [name, READ[name](this.#server)])));
  }

  /** A property that is already an accessor, or cannot become one, keeps its first value. */
  #watch(name: Name): void {
    const own = Object.getOwnPropertyDescriptor(this.#server, PROPERTY[name]);
    if (own?.configurable !== true || !('value' in own)) return;
    let { value } = own as { value: unknown };
    Object.defineProperty(this.#server, PROPERTY[name], {
      configurable: true,
      enumerable: true,
      get: () => value,
      set: (given: unknown) => {
        value = given;
        this.#names.add(name);
        this.tell();
      },
    });
  }
}

/** A value that is not a positive number means no limit. */
function milliseconds(value: number | null | undefined): number {
  const number = Number(value);
  return number > 0 && number < Number.POSITIVE_INFINITY ? number : 0;
}

/**
 * The open connections of one server.
 *
 * Law: knows which connections there are, which of them wait for a time, and which have been idle for longest. Acts on all of
 * them at once. `connection.ts` decides what one connection does.
 */
import { MOST_REFUSED } from '../limits.ts';
import type { Connection } from './connection.ts';
import type { ConnectionLimits } from './connection-host.ts';
import { parses, ConnectionState } from './connection-state.ts';
import type { Clock } from './room.ts';

/** One search keeps this many of the idle connections that it finds. */
const MOST_FOUND = 256;
/** A second search in one tick is allowed only if the last one looked at no more connections than this for each that it found. */
const LOOKED_FOR_ONE = 64;
/** While there is still room, the server closes only connections that have been idle for this long, ms. */
const IDLE_MS = 100;

interface Idle {
  readonly connection: Connection;
  /** When the connection became idle. If `idleSince` differs now, it was not idle all the time. */
  readonly since: number;
}

export class Connections {
  readonly #open: Set<Connection> = new Set();
  readonly #byNumber: Map<number, Connection> = new Map();
  #number = 0;
  /** Connections that wait for a time. Most connections that an application has taken over wait for none. */
  readonly #watched: Set<Connection> = new Set();
  /** Connections above the limit, in the order in which they came. They have their 503, and linger. */
  readonly #refused: Set<Connection> = new Set();
  /** The connections that the last search found, the one that was idle for longest at the end. */
  #idle: Idle[] = [];
  #lookedAt = -1;
  #found = 0;
  #onNone: (() => void) | null = null;

  /** Number of connections, refused ones excluded. */
  get size(): number {
    return this.#open.size - this.#refused.size;
  }

  get none(): boolean {
    return this.#open.size === 0;
  }

  /** Returns the number of the next connection that is accepted. */
  nextNumber(): number {
    this.#number = (this.#number + 1) | 0;
    return this.#number;
  }

  get(number: number): Connection | undefined {
    return this.#byNumber.get(number);
  }

  add(connection: Connection): void {
    this.#open.add(connection);
    this.#byNumber.set(connection.number, connection);
    this.#watched.add(connection);
  }

  /** Answers a connection above the limit with 503. Then it lingers. If too many linger, this closes the first of them. */
  refuse(connection: Connection, status: number): void {
    this.add(connection);
    this.#refused.add(connection);
    connection.refuse(status, '');
    if (this.#refused.size <= MOST_REFUSED) return;
    const [first] = this.#refused;
    this.#cut(first!);
  }

  /** Calls the connection's `tick` at every tick, until the connection waits for no time. */
  watch(connection: Connection): void {
    if (this.#open.has(connection)) this.#watched.add(connection);
  }

  remove(connection: Connection): void {
    this.#open.delete(connection);
    this.#byNumber.delete(connection.number);
    this.#watched.delete(connection);
    this.#refused.delete(connection);
    if (this.#open.size === 0) this.#onNone?.();
  }

  /** Every connection waits only for the rest of a response, or for its end. */
  get areAnswered(): boolean {
    for (const connection of this.#open) if (!connection.isAnswered) return false;
    return true;
  }

  tick(): void {
    for (const connection of this.#watched) if (!connection.tick()) this.#watched.delete(connection);
  }

  /**
   * Closes the connection that has been idle for longest, if there is one. `isFull`: even one that was answered just now.
   * This never closes a connection that was accepted just now: its request may have arrived unread. After two ticks that is
   * impossible, because the event loop has read all bytes that came between them.
   */
  giveUpIdle(clock: Clock, isFull: boolean): void {
    if (this.#giveUpFound(clock, isFull) || this.#idle.length > 0) return;
    if (this.#lookedAt === clock.now && this.#found * LOOKED_FOR_ONE < this.#open.size) return;
    this.#lookedAt = clock.now;
    this.#idle = this.#findIdle();
    this.#found = this.#idle.length;
    this.#giveUpFound(clock, isFull);
  }

  /** Closes each connection when it has been answered. Resolves when none is left. */
  async close(): Promise<void> {
    for (const connection of [...this.#open]) connection.close();
    if (this.#open.size > 0) await new Promise<void>((resolve) => (this.#onNone = resolve));
  }

  /** Destroys all connections now. */
  destroy(): void {
    for (const connection of [...this.#open]) connection.destroy();
  }

  /** Destroys all connections that are not taken over, as Node's server does. `idleOnly`: only answered connections. */
  cut(idleOnly: boolean): void {
    for (const connection of [...this.#open])
      if (idleOnly ? isIdle(connection) : connection.state !== ConnectionState.TUNNEL) connection.destroy();
  }

  /** Destroys the connections with these limits whose requests no worker has. `idleOnly`: only answered connections. */
  cutUnserved(limits: ConnectionLimits, idleOnly: boolean): void {
    for (const connection of [...this.#open]) {
      if (connection.limits !== limits) continue;
      const isUnserved = parses(connection.state) && connection.exchange === null;
      if (idleOnly ? isIdle(connection) : isUnserved) connection.destroy();
    }
  }

  #giveUpFound({ now, before }: Clock, isFull: boolean): boolean {
    for (let found = this.#idle.at(-1); found !== undefined; found = this.#idle.at(-1)) {
      const { connection, since } = found;
      const isIdle = connection.idleSince === since && this.#open.has(connection);
      if (isIdle && !isFull && now - since < IDLE_MS) return false;
      this.#idle.pop();
      if (!isIdle || (connection.peers === null && since >= before)) continue;
      this.#cut(connection);
      return true;
    }
    return false;
  }

  #findIdle(): Idle[] {
    const idle: Idle[] = [];
    for (const connection of this.#open) {
      const since = connection.idleSince;
      if (since !== Infinity) idle.push({ connection, since });
    }
    return idle
      .sort((one, other) => one.since - other.since)
      .slice(0, MOST_FOUND)
      .reverse();
  }

  /** Frees the descriptor at once. `connectionOnClose` follows later. */
  #cut(connection: Connection): void {
    this.remove(connection);
    connection.destroy();
  }
}

/** The client has been answered, and has sent no further request. */
function isIdle({ idleSince, peers }: Connection): boolean {
  return idleSince !== Infinity && peers !== null;
}

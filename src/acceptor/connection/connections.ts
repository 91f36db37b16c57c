/**
 * The open connections of one server.
 *
 * Law: which there are, which of them wait for a time, which are idle for longest, and all of them at once; what one does
 * is `connection.ts`.
 */
import { MOST_REFUSED } from '../limits.ts';
import type { Connection } from './connection.ts';
import type { ConnectionLimits } from './connection-host.ts';
import { parses, ConnectionState } from './connection-state.ts';
import type { Clock } from './room.ts';

/** A look over all connections keeps so many of those that it finds idle. */
const MOST_FOUND = 256;
/** A look in the tick of the last one must be worth it: so many connections were looked at for each that was found. */
const LOOKED_FOR_ONE = 64;
/** While there is still room, only connections that have been idle for so long are given up, ms. */
const IDLE_MS = 100;

interface Idle {
  readonly connection: Connection;
  /** When it became idle; if it is another time now, it was not idle all the time. */
  readonly since: number;
}

export class Connections {
  readonly #open: Set<Connection> = new Set();
  readonly #byNumber: Map<number, Connection> = new Map();
  #number = 0;
  /** Most of those that an application has taken over wait for nothing, and are not looked at. */
  readonly #watched: Set<Connection> = new Set();
  /** Connections above the limit, in the order in which they came: they have their 503 and linger. */
  readonly #refused: Set<Connection> = new Set();
  /** Connections that were idle for longest at the last look, the longest last. */
  #idle: Idle[] = [];
  #lookedAt = -1;
  #found = 0;
  #onNone: (() => void) | null = null;

  /** Connections that are served. */
  get size(): number {
    return this.#open.size - this.#refused.size;
  }

  get none(): boolean {
    return this.#open.size === 0;
  }

  /** For the next connection that is accepted. */
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

  /** Answers a connection above the limit with 503; it lingers then. If too many linger, the first of them is cut. */
  refuse(connection: Connection, status: number): void {
    this.add(connection);
    this.#refused.add(connection);
    connection.refuse(status, '');
    if (this.#refused.size <= MOST_REFUSED) return;
    const [first] = this.#refused;
    this.#cut(first!);
  }

  /** Looks at it at every tick, until it waits for no time any more. */
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
   * Closes the connection that has been idle for longest, if there is one. `isFull`: also one that was answered just now.
   * A connection that was accepted just now is never closed: its request may have come and not be read yet. After two
   * ticks that is impossible, because the event loop has read whatever came between them.
   */
  giveUpIdle(clock: Clock, isFull: boolean): void {
    if (this.#giveUpFound(clock, isFull) || this.#idle.length > 0) return;
    if (this.#lookedAt === clock.now && this.#found * LOOKED_FOR_ONE < this.#open.size) return;
    this.#lookedAt = clock.now;
    this.#idle = this.#findIdle();
    this.#found = this.#idle.length;
    this.#giveUpFound(clock, isFull);
  }

  /** Each is closed when it has been answered. Resolves when none is left. */
  async close(): Promise<void> {
    for (const connection of [...this.#open]) connection.close();
    if (this.#open.size > 0) await new Promise<void>((resolve) => (this.#onNone = resolve));
  }

  /** Cuts each now. */
  destroy(): void {
    for (const connection of [...this.#open]) connection.destroy();
  }

  /** Cuts as a server of Node's: those that it has answered, or all but those that its application has taken over. */
  cut(idleOnly: boolean): void {
    for (const connection of [...this.#open])
      if (idleOnly ? isIdle(connection) : connection.state !== ConnectionState.TUNNEL) connection.destroy();
  }

  /** The same for those with these limits, as far as no worker has their requests. */
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

  /** Its descriptor is free at once; that it is closed is told later. */
  #cut(connection: Connection): void {
    this.remove(connection);
    connection.destroy();
  }
}

/** Its client has been answered, and has not asked again. */
function isIdle({ idleSince, peers }: Connection): boolean {
  return idleSince !== Infinity && peers !== null;
}

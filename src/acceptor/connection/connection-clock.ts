/**
 * Whether a connection has waited for too long: the deadline of its state, and the silence of its client.
 *
 * Law: reports that a time has passed, and its connection decides what follows. Reads the acceptor's clock, which is up to
 * one tick old. Has no timer of its own. All times are milliseconds.
 */
import { LINGER_IDLE_MS, LINGER_MS, NEW_MS } from '../limits.ts';
import type { ConnectionOutput } from '../socket/connection-output.ts';
import { TICK_MS } from '../turn/ticker.ts';
import type { Connection } from './connection.ts';
import type { ConnectionLimits, ConnectionRegistry, TickClock } from './connection-host.ts';
import { headTimeout, shorter } from './place-limits.ts';

/** The silence of the client was reported to the application. */
const REPORTED = Infinity;

type ClockHost = TickClock & Pick<ConnectionRegistry, 'watch'>;

export class ConnectionClock {
  readonly #host: ClockHost;
  readonly #connection: Connection;
  readonly #limits: ConnectionLimits;
  /** When the client connected, or its last response left. */
  begunAt = 0;
  /** When the acceptor began to wait for the present head. */
  startedAt = 0;
  #deadline = 0;
  #lingerUntil = 0;
  /** The acceptor calls the connection's `tick`. */
  #watched = false;
  /** `timeout` as it was when the client connected or was last answered: as under Node, a change applies to later waits. */
  #timeout = 0;
  /** When the last byte of the client came, or the last response left, or REPORTED. */
  #heardAt = 0;

  constructor(host: ClockHost, connection: Connection, limits: ConnectionLimits) {
    this.#host = host;
    this.#connection = connection;
    this.#limits = limits;
    this.begin();
  }

  /** Sets the deadline of the present state, from now on. 0 removes it. */
  set(milliseconds: number): void {
    this.#deadline = milliseconds === 0 ? 0 : this.#host.now + milliseconds;
    if (milliseconds !== 0) this.watch();
  }

  /** Sets the deadline of a head. `closing`: the server closes, so the client gets less time. */
  awaitHead(closing: boolean): void {
    this.startedAt = this.#host.now;
    const longest = headTimeout(this.#limits);
    this.set(closing ? shorter(longest, NEW_MS) : longest);
  }

  get isPast(): boolean {
    return this.#deadline !== 0 && this.#host.now >= this.#deadline;
  }

  /** Sets the deadline of a connection after its last response. */
  linger(): void {
    this.#lingerUntil = this.#host.now + LINGER_MS;
    this.set(LINGER_IDLE_MS);
  }

  /** The client still sends. */
  lingerOn(): void {
    this.#deadline = Math.min(this.#lingerUntil, this.#host.now + LINGER_IDLE_MS);
  }

  /** The acceptor has read for as long as it reads after the last response. */
  get hasLingered(): boolean {
    return this.#host.now >= this.#lingerUntil;
  }

  /** Has the acceptor call the connection's `tick`. */
  watch(): void {
    if (this.#watched) return;
    this.#watched = true;
    this.#host.watch(this.#connection);
  }

  /** Called at the end of a tick. `has`: the connection waits for another time as well. Returns whether another tick follows. */
  watchesOn(has: boolean): boolean {
    this.#watched = this.#deadline !== 0 || has;
    return this.#watched;
  }

  /** The client connected, or its last response left. */
  begin(): void {
    this.begunAt = this.#host.now;
    this.#timeout = this.#limits.timeout;
    this.heard();
  }

  /** Bytes of the client came. */
  heard(): void {
    this.#heardAt = this.#host.now + TICK_MS;
  }

  /** The application was notified of the client's silence. */
  reported(): void {
    this.#heardAt = REPORTED;
  }

  /** For longer than `timeout`, the client has sent no byte and taken none. */
  isSilent(output: ConnectionOutput): boolean {
    if (this.#timeout === 0 || this.#heardAt === REPORTED) return false;
    const { now } = this.#host;
    return output.unsent > 0 ? output.late(now, this.#timeout) : now - this.#heardAt >= this.#timeout;
  }
}

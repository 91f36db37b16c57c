/**
 * When a connection has waited for too long: the deadline of its state, and the silence of its client.
 *
 * Law: reports that a time has passed; its connection decides what follows. Reads the acceptor's clock, which is up to
 * one tick old, and has no timer of its own.
 */
import type { Connection } from './connection.ts';
import type { ConnectionHost, ConnectionLimits } from './connection-host.ts';
import { LINGER_IDLE_MS, LINGER_MS } from '../limits.ts';
import type { ConnectionOutput } from '../socket/connection-output.ts';
import { TICK_MS } from '../turn/ticker.ts';

/** The application knows that the client is silent. */
const REPORTED = Infinity;

export class ConnectionClock {
  readonly #host: Pick<ConnectionHost, 'now' | 'watch'>;
  readonly #connection: Connection;
  readonly #limits: ConnectionLimits;
  /** When the client connected, or its last answer left. */
  begunAt = 0;
  #deadline = 0;
  #lingerUntil = 0;
  /** The acceptor calls the connection's `tick`. */
  #watched = false;
  /** `timeout` when the client connected or was last answered: as under Node, a change is for what comes later. */
  #timeout = 0;
  /** When the last byte of the client came, or the last answer left; REPORTED. */
  #heardAt = 0;

  constructor(host: Pick<ConnectionHost, 'now' | 'watch'>, connection: Connection, limits: ConnectionLimits) {
    this.#host = host;
    this.#connection = connection;
    this.#limits = limits;
    this.begin();
  }

  /** The present state ends so many milliseconds from now; 0: not by time. */
  set(milliseconds: number): void {
    this.#deadline = milliseconds === 0 ? 0 : this.#host.now + milliseconds;
    if (milliseconds !== 0) this.watch();
  }

  get isPast(): boolean {
    return this.#deadline !== 0 && this.#host.now >= this.#deadline;
  }

  linger(): void {
    this.#lingerUntil = this.#host.now + LINGER_MS;
    this.set(LINGER_IDLE_MS);
  }

  /** The client still sends. */
  lingerOn(): void {
    this.#deadline = Math.min(this.#lingerUntil, this.#host.now + LINGER_IDLE_MS);
  }

  /** What the client sends is not read any more. */
  get hasLingered(): boolean {
    return this.#host.now >= this.#lingerUntil;
  }

  watch(): void {
    if (this.#watched) return;
    this.#watched = true;
    this.#host.watch(this.#connection);
  }

  /** Called at the end of a tick. Returns whether there will be another. */
  watchesOn(has: boolean): boolean {
    this.#watched = this.#deadline !== 0 || has;
    return this.#watched;
  }

  begin(): void {
    this.begunAt = this.#host.now;
    this.#timeout = this.#limits.timeout;
    this.heard();
  }

  /** Bytes of the client came. */
  heard(): void {
    this.#heardAt = this.#host.now + TICK_MS;
  }

  reported(): void {
    this.#heardAt = REPORTED;
  }

  /** Neither bytes of the client came nor did it take any for longer than `timeout`. */
  isSilent(output: ConnectionOutput): boolean {
    if (this.#timeout === 0 || this.#heardAt === REPORTED) return false;
    const { now } = this.#host;
    return output.unsent > 0 ? output.late(now, this.#timeout) : now - this.#heardAt >= this.#timeout;
  }
}

/**
 * Watches the time of requests and the event loops of workers.
 *
 * Law: reads shared state and compares it with the time that the caller passes. The owner decides what to do.
 *
 * The deadline of an exchange runs from the moment when a worker was seen to have it, until its response head. The clock
 * stops while the application waits for bytes that the client has not sent.
 *
 * A worker's epoch shows whether its loop turns: the epoch changes soon after a probe, unless the thread is busy. If it has
 * not changed since the worker took a late exchange, the worker is in the first synchronous call of that exchange. Then the
 * worker has the grace period to see the abort and end the call.
 *
 * The owner may terminate a stuck worker. A worker is stuck in these two cases:
 *
 * - The epoch has not changed for the grace period after a deadline.
 * - No client waits for a head (a stream, a client that left), and the epoch has not changed for `handlerTimeout`. If the
 *   grace period is longer, it replaces `handlerTimeout` here.
 *
 * A worker is not stuck while one of its exchanges has requested more time and has some of it left. A worker whose loop
 * turns is never stuck.
 *
 * While a debugger is attached, no request is late and no worker is stuck: each clock that would have expired starts again.
 */
import type { ExchangeTable } from '../../ring/exchange-table.ts';
import { ExchangeState } from '../../ring/layout.ts';
import type { Exchange } from '../exchange/exchange.ts';
import type { Exchanges } from '../exchange/exchanges.ts';
import type { WorkerLink } from '../workers/worker-link.ts';
import type { WorkerLinks } from '../workers/worker-links.ts';

export interface WatchdogLimits {
  /** Milliseconds. 0 turns the watchdog off. */
  readonly handlerTimeout: number;
  readonly killGrace: number;
}

/**
 * The state of a worker's loop at a deadline. `stuck`: it has not turned since the worker took the late request. `stuck
 * elsewhere`: it has not turned since the probe shortly before the deadline.
 */
export type LoopState = 'turns' | 'stuck' | 'stuck elsewhere';

export interface WatchdogOwner {
  /** Whether a debugger may stop workers. Then every clock starts again, until the debugger is detached. */
  watchdogIsHeld(): boolean;
  /** The deadline of the exchange has passed, and its client still waits. */
  watchdogOnLate(exchange: Exchange, link: WorkerLink | undefined, loop: LoopState): void;
  watchdogOnStuck(link: WorkerLink): void;
}

/** How long before a deadline its probe is sent, so that the epoch is conclusive at the deadline, ms. */
const PROBE_LEAD_MS = 45;
/** After a tick that is this late, the elapsed time does not count, ms. */
const PAUSE_MS = 500;
/** How often an idle loop is probed, ms. */
const PROBE_EVERY_MS = 1000;

export class Watchdog {
  readonly #limits: WatchdogLimits;
  readonly #owner: WatchdogOwner;
  readonly #exchanges: Exchanges;
  readonly #links: WorkerLinks;
  readonly #table: ExchangeTable;
  #last = 0;

  constructor(
    limits: WatchdogLimits,
    owner: WatchdogOwner,
    exchanges: Exchanges,
    links: WorkerLinks,
    table: ExchangeTable,
  ) {
    this.#limits = limits;
    this.#owner = owner;
    this.#exchanges = exchanges;
    this.#links = links;
    this.#table = table;
  }

  tick(now: number): void {
    const elapsed = now - this.#last;
    this.#last = now;
    if (this.#limits.handlerTimeout === 0) return;
    if (elapsed > PAUSE_MS) this.#forgive(elapsed);
    for (const exchange of this.#exchanges.watched) {
      if (!this.#exchanges.watched.has(exchange)) continue;
      if (exchange.connection === null) this.#watchGrace(exchange, now);
      else if (exchange.headSent) continue;
      else if (exchange.takenAt === 0) this.#noteTaken(exchange, now);
      else if (this.#waitsForClient(exchange)) exchange.takenAt += elapsed;
      else this.#watchDeadline(exchange, now);
    }
    for (const link of [...this.#links]) if (link.live) this.#watchLoop(link, now);
  }

  /** This thread stood still, and perhaps all others did: the machine slept, or a program shares the thread. */
  #forgive(pause: number): void {
    for (const exchange of this.#exchanges.watched) {
      if (exchange.takenAt !== 0) exchange.takenAt += pause;
      if (exchange.lateAt !== 0) exchange.lateAt += pause;
    }
    for (const { life } of this.#links) if (life.probedAt !== 0) life.probedAt += pause;
  }

  #noteTaken(exchange: Exchange, now: number): void {
    const state = this.#table.state(exchange.index);
    if (state !== ExchangeState.TAKEN && state !== ExchangeState.RUNNING) return;
    exchange.takenAt = now;
    exchange.epochThen = this.#links.ownerOf(exchange)?.epoch ?? 0;
  }

  /** The clock stops while the application waits for bytes that the client has not sent, and has read all others. */
  #waitsForClient({ upload, index }: Exchange): boolean {
    if (upload?.wanted !== true || upload.ended || upload.waiting > 0) return false;
    return upload.isRead(this.#table.consumed(index));
  }

  #watchDeadline(exchange: Exchange, now: number): void {
    const left = this.#deadlineOf(exchange) - now;
    if (left > PROBE_LEAD_MS) return;
    const link = this.#links.ownerOf(exchange);
    if (left <= 0 && this.#owner.watchdogIsHeld()) {
      exchange.takenAt = now;
      exchange.epochProbed = 0;
      return;
    }
    if (left <= 0) {
      const loop = loopState(exchange, link?.epoch);
      exchange.epochThen = link?.epoch ?? 0;
      return this.#owner.watchdogOnLate(exchange, link, loop);
    }
    if (exchange.epochProbed !== 0 || link === undefined) return;
    exchange.epochProbed = link.epoch;
    link.probe();
  }

  #deadlineOf({ takenAt, index }: Exchange): number {
    return takenAt + Math.max(this.#limits.handlerTimeout, this.#table.extended(index));
  }

  /** After a deadline, the worker has the grace period to show that its loop turns. */
  #watchGrace(exchange: Exchange, now: number): void {
    const { epochThen } = exchange;
    if (exchange.lateAt === 0 || epochThen === 0 || now - exchange.lateAt < this.#limits.killGrace) return;
    const link = this.#links.ownerOf(exchange);
    const stands = link?.epoch === epochThen;
    // The next tick checks the exchange again.
    if (stands && (this.#isExtended(link, now) || this.#owner.watchdogIsHeld())) return;
    exchange.epochThen = 0;
    if (stands) this.#owner.watchdogOnStuck(link);
  }

  #watchLoop(link: WorkerLink, now: number): void {
    const { epoch, life } = link;
    if (epoch !== life.epoch) {
      link.life = { epoch, turnedAt: now, probedAt: 0 };
    } else if (life.probedAt !== 0) {
      const { handlerTimeout, killGrace } = this.#limits;
      const isStuck = now - life.probedAt >= Math.max(handlerTimeout, killGrace);
      if (!isStuck || this.#isExtended(link, now)) return;
      if (this.#owner.watchdogIsHeld()) life.probedAt = now;
      else this.#owner.watchdogOnStuck(link);
    } else if (now - life.turnedAt >= PROBE_EVERY_MS) {
      life.probedAt = now;
      link.probe();
    }
  }

  /** An application with a long computation may have requested more time. */
  #isExtended(link: WorkerLink, now: number): boolean {
    for (const exchange of this.#exchanges.active) {
      if (exchange.takenAt === 0 || this.#table.extended(exchange.index) === 0) continue;
      if (this.#table.owner(exchange.index) === link.slot && this.#deadlineOf(exchange) > now) return true;
    }
    return false;
  }
}

function loopState(exchange: Exchange, epoch: number | undefined): LoopState {
  if (epoch === undefined || epoch !== exchange.epochProbed) return 'turns';
  return epoch === exchange.epochThen ? 'stuck' : 'stuck elsewhere';
}

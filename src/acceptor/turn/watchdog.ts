/**
 * Watches the time of handlers and the loops of workers.
 *
 * Law: reads shared state and judges it against time that is given; what follows is decided by its owner. The deadline
 * runs from the moment a worker was seen to have an exchange to its response head, and stands while the application
 * waits for bytes that the client has not sent.
 *
 * Whether a loop turns is told by its worker's epoch, which moves soon after a probe unless the thread is busy. A worker
 * whose epoch has not moved since it took a late exchange is in that exchange's first synchronous call, and has the
 * grace to hear the abort and end it. One whose epoch has not moved for the grace after a deadline, or for a whole
 * `handlerTimeout` (the grace, if that is longer) although nobody waits for a head (a stream, a client that left), is stuck
 * and may be ended, unless one of its exchanges has asked for more time and has some of it left. A worker whose loop turns
 * never is.
 *
 * While a debugger is attached no request is late and no worker is stuck: each clock that would have run out starts anew.
 */
import type { ExchangeTable } from '../../ring/exchange-table.ts';
import { ExchangeState } from '../../ring/layout.ts';
import type { Exchange } from '../exchange/exchange.ts';
import type { Exchanges } from '../exchange/exchanges.ts';
import type { WorkerLink } from '../workers/worker-link.ts';
import type { WorkerLinks } from '../workers/worker-links.ts';

export interface WatchdogLimits {
  /** Milliseconds; 0 turns it off. */
  readonly handlerTimeout: number;
  readonly killGrace: number;
}

/** What a worker's loop does at a deadline: it has not turned since it took the late request, or not lately. */
export type LoopState = 'turns' | 'stuck' | 'stuck elsewhere';

export interface WatchdogOwner {
  /** A debugger may hold workers: every clock starts anew, until it is detached. */
  watchdogIsHeld(): boolean;
  /** Its deadline has passed and its client still waits. */
  watchdogOnLate(exchange: Exchange, link: WorkerLink | undefined, loop: LoopState): void;
  watchdogOnStuck(link: WorkerLink): void;
}

/** A deadline's probe goes out so long before it, so that the epoch can tell at the deadline, ms. */
const PROBE_LEAD_MS = 45;
/** A tick that comes so late says that no time was measured, ms. */
const PAUSE_MS = 500;
/** How often a loop that nothing else moves is asked whether it turns, ms. */
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

  /** This thread, and perhaps all others, stood still: a machine that slept, or a program that shares its thread. */
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

  /** The clock stands while the application waits for bytes that the client has not sent: it has read all others. */
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

  /** After its deadline the worker has the grace to show that its loop turns. */
  #watchGrace(exchange: Exchange, now: number): void {
    const { epochThen } = exchange;
    if (exchange.lateAt === 0 || epochThen === 0 || now - exchange.lateAt < this.#limits.killGrace) return;
    const link = this.#links.ownerOf(exchange);
    const stands = link?.epoch === epochThen;
    // It is looked at again.
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

  /** An application that burns its time may have asked for more of it. */
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

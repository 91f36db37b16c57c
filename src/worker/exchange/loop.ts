/**
 * The worker's turn: sort what came, hear notices, pull requests, ring once, sleep.
 *
 * Law: decides when this thread claims and when it leaves a claim to another; knows the link and what runs, not how
 * an application is called (`gateway.ts`).
 *
 * Pull: a worker claims while its event loop is free and it holds fewer than `concurrency` exchanges whose head is
 * not sent and that do not wait for bytes of their client. Handlers that await and then burn CPU would pile up on whoever is quickest to claim, so a worker that
 * already holds exchanges leaves the claim to a live worker that holds fewer, for a millisecond (after that the other
 * is not turning its loop). Below 200 µs of CPU an exchange it packs instead: waking others would cost more.
 */

import { AsyncResource } from 'node:async_hooks';
import { performance } from 'node:perf_hooks';
import { HttpDate } from '../../http/date.ts';
import { INSUFFICIENT } from '../../ring/byte-ring.ts';
import { LOST } from '../../ring/exchange-table.ts';
import { Abort, entryOf } from '../../ring/layout.ts';
import { EMPTY } from '../../ring/request-ring.ts';
import type { AnswerObserver } from './answers.ts';
import { CostMeter } from './cost-meter.ts';
import type { Link } from './link.ts';
import { points } from '../points.ts';
import type { Outbound } from './outbound.ts';
import type { SplitState } from './split-state.ts';

const HEAVY_US = 200;
const LEAVE_MS = 1;
/** After this long in one turn the event loop gets a full turn: timers and sockets of the application live too. */
const TURN_MS = 2;
/** The same for handlers that burn CPU: a full turn for each of them would cost a part of every core. */
const HEAVY_TURN_MS = 12;

/** So many messages on connections that were taken over wait for the end of a turn; more, and the acceptor begins to send them. */
const MOST_UNRUNG = 8;

export interface LoopLimits {
  readonly concurrency: number;
  readonly maxStreams: number;
  /** The acceptor has a thread of its own: what is committed leaves while this one burns CPU. */
  readonly apart: boolean;
}

/** What the loop calls: the gateway. */
export interface Runner {
  /** Runs a taken exchange. */
  run(exchange: number, generation: number): void;
  /** Sorts what came through the inbound ring; connections that were taken over are read at once. */
  sortInbound(): void;
  inboundReady(): boolean;
  /** Exchanges of this worker were aborted. */
  checkAborts(): void;
  /** Exchanges that this worker has and has not finished. */
  readonly running: number;
}

export class WorkerLoop {
  readonly link: Link;
  /** Is shown the answers of this worker; null: nothing looks at them. */
  answers: AnswerObserver | null = null;
  /** Is told of connections that were taken over; null: the server has one worker. */
  split: SplitState | null = null;
  readonly #limits: LoopLimits;
  readonly #cost: CostMeter;
  #runner!: Runner;
  #held = 0;
  #scheduled = false;
  #inTurn = false;
  /** Something was committed in this turn that is rung for at its end; so many messages among it. */
  #ringDue = false;
  #unrung = 0;
  #leavingSince = 0;
  #noticeSeen = 0;
  #abortsSeen = 0;
  readonly #blocked: Set<Outbound> = new Set();
  /** Entries of exchanges that wait for this worker; not in the request ring. */
  readonly #assigned: number[] = [];
  /** Called when every exchange has its response head. */
  readonly #waitingForHeads: (() => void)[] = [];
  /** Records that found no room; the text is a payload in Latin-1. */
  #unsaid: [kind: number, exchange: number, generation: number, text: string][] = [];
  readonly #date: HttpDate = new HttpDate();
  /** The clock as it was read for the exchange at hand, and what makes that ms since the epoch; the latter for each turn. */
  #clock = 0;
  #epoch = 0;
  /** Where turns run: one is scheduled from within an application, whose asynchronous context is not everybody's. */
  readonly #scope: AsyncResource = new AsyncResource('TSGILOOP');

  constructor(link: Link, limits: LoopLimits) {
    this.link = link;
    this.#limits = limits;
    this.#cost = new CostMeter((microseconds) => link.setCost(microseconds));
  }

  start(runner: Runner): void {
    this.#runner = runner;
    this.link.port.on('message', this.#turn);
    this.schedule();
  }

  stop(): void {
    this.link.port.off('message', this.#turn);
    this.link.port.close();
  }

  schedule(): void {
    if (this.#scheduled) return;
    this.#scheduled = true;
    setImmediate(this.#turn);
  }

  /** What came for a connection that was taken over is worth an exchange. */
  workedOnTunnel(): void {
    this.#cost.count();
  }

  /** It is taken when there is room for it, like those in the request ring. */
  assign(exchange: number, generation: number): void {
    this.#assigned.push(entryOf(exchange, generation));
    if (!this.#inTurn) this.schedule();
  }

  // called by responses

  get apart(): boolean {
    return this.#limits.apart;
  }

  get draining(): boolean {
    return this.link.draining;
  }

  date(): string {
    return this.#date.at(Date.now());
  }

  /** When the exchange at hand was begun, ms since the epoch. */
  get now(): number {
    return Math.round(this.#epoch + this.#clock);
  }

  /** An exchange that it holds has sent its head, or waits for its client. */
  letGo(): void {
    this.#held -= 1;
    this.link.setHeld(this.#held);
    if (this.#held === 0 && this.#waitingForHeads.length > 0) this.#settle();
    if (!this.#inTurn && this.#waiting > 0) this.schedule();
  }

  /** Resolves when every exchange that this worker holds has its response head. */
  answered(): Promise<void> {
    if (this.#held === 0) return Promise.resolve();
    return new Promise((resolve) => this.#waitingForHeads.push(resolve));
  }

  #settle(): void {
    for (const resolve of this.#waitingForHeads.splice(0)) resolve();
  }

  /** One that waited for its client goes on. */
  hold(): void {
    this.#held += 1;
    this.link.setHeld(this.#held);
  }

  /**
   * Records were committed. A complete answer of a cheap application waits for the end of the turn, so that a batch
   * costs one ring; what is part of a stream, comes between turns, or stands before CPU-heavy work does not wait.
   */
  committed(complete: boolean): void {
    if (this.#inTurn && complete && this.#cost.isBelow(HEAVY_US)) this.#ringDue = true;
    else this.#ring();
  }

  /** The same of a message on a connection that was taken over: of a turn's first ones the acceptor sends some while the rest are made. */
  committedMessage(): void {
    this.committed(true);
    if (this.#ringDue && ++this.#unrung >= MOST_UNRUNG) this.#ring();
  }

  blockedOn(outbound: Outbound): void {
    this.#blocked.add(outbound);
    this.link.acceptor.ring();
  }

  /** The same, until the acceptor has read what is committed. */
  awaitTurn(outbound: Outbound): void {
    this.link.responses.awaitSpace();
    this.blockedOn(outbound);
  }

  creditOf(outbound: Outbound): number {
    return this.link.shared.table.credit(outbound.exchange);
  }

  /** Why nobody waits for an answer that is not over: one of `Abort`. */
  abortOf(outbound: Outbound): number {
    return outbound.over ? Abort.NONE : this.link.shared.table.abortOf(outbound.exchange);
  }

  /** The response ring is full: asks to be told of space, and looks once more. True: there is room after all. */
  awaitSpace(bytes: number): boolean {
    this.link.responses.awaitSpace();
    return this.link.responses.claim(bytes) !== INSUFFICIENT;
  }

  /** Writes a record with a short text (Latin-1), or none, now or when there is room; in order. */
  say(kind: number, exchange: number, generation: number, text = ''): void {
    this.#unsaid.push([kind, exchange, generation, text]);
    this.#sayUnsaid();
  }

  // the turn

  readonly #turn = (): void => this.#scope.runInAsyncScope(this.#run, this);

  #run(): void {
    this.#scheduled = false;
    this.#clock = performance.now();
    this.#epoch = Date.now() - this.#clock;
    this.#inTurn = true;
    this.link.sleeper.disarm();
    this.link.turned();
    this.#cost.sample(this.#clock);
    this.#runner.sortInbound();
    this.#hear();
    const more = this.#pull();
    this.#inTurn = false;
    if (this.#ringDue) this.#ring();
    if (more) this.schedule();
    else this.#sleep();
  }

  #ring(): void {
    this.#ringDue = false;
    this.#unrung = 0;
    this.link.acceptor.ring();
  }

  /** Arms, then looks at everything once more; see `ring/doorbell.ts`. */
  #sleep(): void {
    if (this.#scheduled) return;
    this.link.sleeper.arm();
    const work =
      (this.#canClaim() && this.#waiting > 0) ||
      this.#runner.inboundReady() ||
      this.link.notice !== this.#noticeSeen;
    if (!work) return;
    this.link.sleeper.disarm();
    this.schedule();
  }

  #hear(): void {
    const { notice, aborts } = this.link;
    if (notice !== this.#noticeSeen) {
      this.#noticeSeen = notice;
      this.#sayUnsaid();
      for (const outbound of [...this.#blocked]) {
        this.#blocked.delete(outbound);
        outbound.flush();
      }
    }
    if (aborts !== this.#abortsSeen) {
      this.#abortsSeen = aborts;
      this.#runner.checkAborts();
    }
  }

  #sayUnsaid(): void {
    while (this.#unsaid.length > 0) {
      const [kind, exchange, generation, text] = this.#unsaid[0]!;
      if (this.link.say(kind, exchange, generation, text)) this.#unsaid.shift();
      else if (!this.awaitSpace(text.length)) return;
    }
  }

  #canClaim(): boolean {
    const { concurrency, maxStreams } = this.#limits;
    return this.#held < concurrency && this.#runner.running < maxStreams && this.link.live;
  }

  /** Claims as many as were there at entry, within the turn's time; true when there is more for the next turn. */
  #pull(): boolean {
    let left = this.link.shared.ring.depth();
    this.#clock = performance.now();
    const end = this.#clock + (this.#cost.isBelow(HEAVY_US) ? TURN_MS : HEAVY_TURN_MS);
    while (this.#canClaim() && this.#assigned.length > 0) {
      this.#take(this.#assigned.shift()!);
      if (this.#isOver(end)) return true;
    }
    while (left-- > 0 && this.#canClaim()) {
      if (this.#leaves()) return true;
      if (!this.#claim() || this.#isOver(end)) break;
    }
    return this.#canClaim() && this.#waiting > 0;
  }

  #isOver(end: number): boolean {
    this.#clock = performance.now();
    return this.#clock > end;
  }

  /** Requests that this worker might take. */
  get #waiting(): number {
    return this.#assigned.length + this.link.shared.ring.depth();
  }

  #claim(): boolean {
    const entry = this.link.shared.ring.claim();
    if (entry === EMPTY) return false;
    points.reached('claimed');
    return this.#take(entry);
  }

  #take(entry: number): boolean {
    const { ring, table } = this.link.shared;
    const generation = table.take(entry, this.link.slot);
    if (generation === LOST) return true;
    points.reached('taken');
    this.#held += 1;
    this.link.setHeld(this.#held);
    this.#cost.count();
    // There is more than this one, and each is worth a core: ask for another worker before burning CPU.
    if (!this.#cost.isBelow(HEAVY_US) && ring.depth() > 0 && this.link.othersSleep())
      this.link.acceptor.ring();
    this.#runner.run(entry & 0xffff, generation);
    return true;
  }

  /** Whether this claim is left to a worker that holds fewer exchanges. */
  #leaves(): boolean {
    if (this.#held === 0 || this.#cost.isBelow(HEAVY_US) || !this.link.othersHoldFewer(this.#held)) {
      this.#leavingSince = 0;
      return false;
    }
    const now = performance.now();
    if (this.#leavingSince === 0) {
      this.#leavingSince = now;
      this.link.acceptor.ring();
    }
    if (now - this.#leavingSince < LEAVE_MS) return true;
    this.#leavingSince = 0;
    return false;
  }
}

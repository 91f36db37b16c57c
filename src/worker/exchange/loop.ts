/**
 * The worker's turn: sort inbound bytes, read notices, claim requests, ring the acceptor once, sleep.
 *
 * Law: decides when this thread claims, and when it leaves a claim to another worker. Knows the link and the running exchanges,
 * not how to call an application (`gateway.ts`).
 *
 * Pull: a worker claims while its event loop is free and it holds fewer than `concurrency` exchanges. An exchange counts until
 * its head is sent, except while it waits for bytes of its client.
 *
 * Handlers that await and then burn CPU would pile up on the worker that claims fastest. A worker that already holds exchanges
 * therefore leaves the claim to a live worker that holds fewer. It does so for one millisecond; after that, the other worker is
 * not turning its loop. If an exchange costs less than 200 µs of CPU, the worker claims at once, because waking other workers
 * would cost more.
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
/** After this time in one turn the event loop gets a full turn, so that the application's timers and sockets run too. */
const TURN_MS = 2;
/** The same limit for handlers that burn CPU. A full turn for each of them would cost a part of every core. */
const HEAVY_TURN_MS = 12;

/**
 * Number of messages on taken-over connections that wait for the end of a turn. With more, the worker rings, and the acceptor
 * begins to send them.
 */
const MOST_UNRUNG = 8;

export interface LoopLimits {
  readonly concurrency: number;
  readonly maxStreams: number;
  /** True if the acceptor has a thread of its own. It then sends committed records while this thread burns CPU. */
  readonly apart: boolean;
}

/** The gateway, as the loop calls it. */
export interface Runner {
  /** Runs an exchange that the loop has taken. */
  run(exchange: number, generation: number): void;
  /** Sorts the bytes in the inbound ring. Reads connections that were taken over at once. */
  sortInbound(): void;
  inboundReady(): boolean;
  /** Called if exchanges of this worker were aborted. */
  checkAborts(): void;
  /** Number of exchanges that this worker has not finished. */
  readonly running: number;
}

export class WorkerLoop {
  readonly link: Link;
  /** Observes the answers of this worker; null for no observer. */
  answers: AnswerObserver | null = null;
  /** Receives events of connections that were taken over; null if the server has one worker. */
  split: SplitState | null = null;
  readonly #limits: LoopLimits;
  readonly #cost: CostMeter;
  #runner!: Runner;
  #held = 0;
  #scheduled = false;
  #inTurn = false;
  /**
   * `#ringDue`: the worker rings at the turn's end for records that it committed in this turn. `#unrung`: number of messages
   * among them.
   */
  #ringDue = false;
  #unrung = 0;
  #leavingSince = 0;
  #noticeSeen = 0;
  #abortsSeen = 0;
  readonly #blocked: Set<Outbound> = new Set();
  /** Entries of exchanges that the acceptor assigned to this worker. They are not in the request ring. */
  readonly #assigned: number[] = [];
  /** Called when every exchange has its response head. */
  readonly #waitingForHeads: (() => void)[] = [];
  /** Records that found no room. `text` is the payload in Latin-1. */
  #unsaid: [kind: number, exchange: number, generation: number, text: string][] = [];
  readonly #date: HttpDate = new HttpDate();
  /**
   * `#clock`: `performance.now()` when the current exchange began. `#epoch`: the offset that converts it to ms since the epoch,
   * computed in each turn.
   */
  #clock = 0;
  #epoch = 0;
  /**
   * The asynchronous context of turns. An application can schedule a turn, and its own context must not leak into other
   * exchanges.
   */
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

  /** Counts messages on a taken-over connection as an exchange. */
  workedOnTunnel(): void {
    this.#cost.count();
  }

  /** Queues an exchange for this worker. The loop takes it when it has room, as it does with the request ring. */
  assign(exchange: number, generation: number): void {
    this.#assigned.push(entryOf(exchange, generation));
    if (!this.#inTurn) this.schedule();
  }

  // Called by responses.

  get apart(): boolean {
    return this.#limits.apart;
  }

  get draining(): boolean {
    return this.link.draining;
  }

  date(): string {
    return this.#date.at(Date.now());
  }

  /** Time at which the current exchange began, in ms since the epoch. */
  get now(): number {
    return Math.round(this.#epoch + this.#clock);
  }

  /** An exchange that the worker holds has sent its head, or waits for its client. */
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

  /** An exchange that waited for its client continues. */
  hold(): void {
    this.#held += 1;
    this.link.setHeld(this.#held);
  }

  /**
   * Records were committed. A complete answer of a cheap application waits for the end of the turn, so that a batch costs one
   * ring. The worker rings at once for parts of a stream, for records between turns, and before CPU-heavy work.
   */
  committed(complete: boolean): void {
    if (this.#inTurn && complete && this.#cost.isBelow(HEAVY_US)) this.#ringDue = true;
    else this.#ring();
  }

  /**
   * The same for a message on a taken-over connection. After `MOST_UNRUNG` messages the worker rings, so that the acceptor
   * sends them while the application makes the rest.
   */
  committedMessage(): void {
    this.committed(true);
    if (this.#ringDue && ++this.#unrung >= MOST_UNRUNG) this.#ring();
  }

  blockedOn(outbound: Outbound): void {
    this.#blocked.add(outbound);
    this.link.acceptor.ring();
  }

  /** The same, until the acceptor has read the committed records. */
  awaitTurn(outbound: Outbound): void {
    this.link.responses.awaitSpace();
    this.blockedOn(outbound);
  }

  creditOf(outbound: Outbound): number {
    return this.link.shared.table.credit(outbound.exchange);
  }

  /** One of `Abort`: the reason why no client waits for an unfinished answer. */
  abortOf(outbound: Outbound): number {
    return outbound.over ? Abort.NONE : this.link.shared.table.abortOf(outbound.exchange);
  }

  /**
   * The response ring is full. Requests a notice when there is space, and then tries once more. Returns true if there is room
   * now.
   */
  awaitSpace(bytes: number): boolean {
    this.link.responses.awaitSpace();
    return this.link.responses.claim(bytes) !== INSUFFICIENT;
  }

  /** Writes a record with a short text (Latin-1) or none, now or when there is room. Keeps the order of calls. */
  say(kind: number, exchange: number, generation: number, text = ''): void {
    this.#unsaid.push([kind, exchange, generation, text]);
    this.#sayUnsaid();
  }

  // The turn.

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

  /** Arms the sleeper, then checks for work once more; see `ring/doorbell.ts`. */
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

  /**
   * Claims at most the requests that were in the ring at entry, within the turn's time. Returns true if the next turn has more
   * to claim.
   */
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

  /** Number of requests that this worker might take. */
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
    // More requests wait, and each needs a core. Ring for another worker before this one burns CPU.
    if (!this.#cost.isBelow(HEAVY_US) && ring.depth() > 0 && this.link.othersSleep())
      this.link.acceptor.ring();
    this.#runner.run(entry & 0xffff, generation);
    return true;
  }

  /** True if this worker leaves the claim to a worker that holds fewer exchanges. */
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

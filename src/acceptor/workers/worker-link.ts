/**
 * The acceptor's end of one worker incarnation: its two rings and its doorbell.
 *
 * Law: one link for each incarnation, never reused. Everything in it is written for one thread on each side. Knows only the
 * ring room.
 */
import type { MessagePort } from 'node:worker_threads';
import { RingConsumer, RingProducer } from '../../ring/byte-ring.ts';
import { Doorbell } from '../../ring/doorbell.ts';
import { ABORTS, ASLEEP, COST, EPOCH, HELD, LIVE, NOTICE, workerWord } from '../../ring/layout.ts';
import type { Memory } from '../../ring/memory.ts';

/** The parts that the pool makes for each incarnation and passes to both sides. */
export interface LinkParts {
  /** The worker's line in the control buffer. Control words name an owner by this number. */
  readonly slot: number;
  /** The position of the worker in the server. A replacement has the same index. */
  readonly index: number;
  readonly responses: SharedArrayBuffer;
  readonly inbound: SharedArrayBuffer;
  /** The acceptor's end of the doorbell. */
  readonly port: MessagePort;
}

export class WorkerLink {
  readonly slot: number;
  readonly index: number;
  readonly responses: RingConsumer;
  readonly inbound: RingProducer;
  readonly port: MessagePort;
  /** Exchanges that the worker has answered completely. */
  answered = 0;
  /** Connections that the application has taken over, or may be about to. */
  tunnels = 0;
  /** Requests with a key that wait for this worker only. */
  keyed = 0;
  /** The inbound ring contains records for which the worker has not been rung. */
  untold = false;
  /** The watchdog's last observation of the worker's loop. */
  life = { epoch: 0, turnedAt: 0, probedAt: 0 };
  /** Exchanges that the worker may answer before it is worn. */
  most: number = Number.POSITIVE_INFINITY;
  readonly #memory: Memory;
  readonly #doorbell: Doorbell;
  /** The last value that was stored in LIVE. */
  #live = 0;

  constructor(parts: LinkParts, memory: Memory) {
    this.slot = parts.slot;
    this.index = parts.index;
    this.port = parts.port;
    this.#memory = memory;
    this.responses = new RingConsumer(parts.responses);
    this.inbound = new RingProducer(parts.inbound);
    this.#doorbell = new Doorbell(memory, workerWord(parts.slot, ASLEEP), parts.port);
  }

  get asleep(): boolean {
    return this.#doorbell.asleep;
  }

  get live(): boolean {
    return this.#memory.load(workerWord(this.slot, LIVE)) === 1;
  }

  get held(): number {
    return this.#memory.load(workerWord(this.slot, HELD));
  }

  /** CPU microseconds per exchange, smoothed. −1 while unknown. */
  get cost(): number {
    return this.#memory.load(workerWord(this.slot, COST));
  }

  /** The number of turns of the worker's loop. It changes soon after `probe`, unless the loop is stuck. */
  get epoch(): number {
    return this.#memory.load(workerWord(this.slot, EPOCH));
  }

  setLive(live: boolean): void {
    this.#live = live ? 1 : 0;
    this.#memory.store(workerWord(this.slot, LIVE), this.#live);
  }

  /** Returns false if a stray write has changed LIVE or one of the rings. */
  isSound(): boolean {
    const isLive = this.#memory.load(workerWord(this.slot, LIVE)) === this.#live;
    return isLive && this.responses.isSound() && this.inbound.isSound();
  }

  ring(): boolean {
    return this.#doorbell.ring();
  }

  probe(): void {
    this.#doorbell.probe();
  }

  /** An exchange that the worker runs is no longer needed. The caller has stored its abort word. */
  notifyAbort(): void {
    this.#memory.add(workerWord(this.slot, ABORTS), 1);
    this.notify();
  }

  /** Something has changed in an exchange that the worker runs, or in its rings. */
  notify(): void {
    this.#memory.add(workerWord(this.slot, NOTICE), 1);
    this.#doorbell.ring();
  }
}

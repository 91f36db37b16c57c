/**
 * The acceptor's end of one worker incarnation: its two rings and its doorbell.
 *
 * Law: one link per incarnation, never used again; everything in it is written for one thread on each side. Knows the
 * ring room only.
 */
import type { MessagePort } from 'node:worker_threads';
import { RingConsumer, RingProducer } from '../../ring/byte-ring.ts';
import { Doorbell } from '../../ring/doorbell.ts';
import { ABORTS, ASLEEP, COST, EPOCH, HELD, LIVE, NOTICE, workerWord } from '../../ring/layout.ts';
import type { Memory } from '../../ring/memory.ts';

/** What the pool makes for each incarnation and hands to both sides. */
export interface LinkParts {
  /** The worker's line in the control buffer, and the owner in control words. */
  readonly slot: number;
  /** Which of the server's workers it is; its replacement is the same one. */
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
  /** Exchanges it has answered to the end. */
  answered = 0;
  /** Connections that its application has taken over, or may be about to. */
  tunnels = 0;
  /** Requests with a key that wait for it alone. */
  keyed = 0;
  /** Something lies in its inbound ring that it was not rung for. */
  untold = false;
  /** What the watchdog has seen of its loop. */
  life = { epoch: 0, turnedAt: 0, probedAt: 0 };
  /** As many as it may answer. */
  most: number = Number.POSITIVE_INFINITY;
  readonly #memory: Memory;
  readonly #doorbell: Doorbell;
  /** What LIVE was last set to. */
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

  /** CPU microseconds an exchange, smoothed; −1 while not known. */
  get cost(): number {
    return this.#memory.load(workerWord(this.slot, COST));
  }

  /** Turns of its loop; changes soon after `probe` unless the loop is stuck. */
  get epoch(): number {
    return this.#memory.load(workerWord(this.slot, EPOCH));
  }

  setLive(live: boolean): void {
    this.#live = live ? 1 : 0;
    this.#memory.store(workerWord(this.slot, LIVE), this.#live);
  }

  /** False: a stray write has changed LIVE, or one of its rings. */
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

  /** Nobody waits for an exchange it runs any more; its abort word is stored already. */
  notifyAbort(): void {
    this.#memory.add(workerWord(this.slot, ABORTS), 1);
    this.notify();
  }

  /** Something changed in an exchange it runs, or in its rings. */
  notify(): void {
    this.#memory.add(workerWord(this.slot, NOTICE), 1);
    this.#doorbell.ring();
  }
}

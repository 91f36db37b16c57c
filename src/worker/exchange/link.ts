/**
 * The worker's end of its link to the acceptor: its rings, its words in shared memory, and its doorbells.
 *
 * Law: one per worker incarnation; knows rings and shared words, not applications. Only this thread writes to the response
 * ring, so a claim is committed before any other write.
 */
import type { MessagePort } from 'node:worker_threads';
import { INSUFFICIENT, RingConsumer, RingProducer } from '../../ring/byte-ring.ts';
import { Doorbell, Sleeper } from '../../ring/doorbell.ts';
import {
  ABORTS,
  ACCEPTOR_ASLEEP,
  ASLEEP,
  COST,
  DRAINING,
  EPOCH,
  HELD,
  LIVE,
  NOTICE,
  WORKER_LINES,
  workerWord,
} from '../../ring/layout.ts';
import type { Memory } from '../../ring/memory.ts';
import { openShared, type SharedBuffers, type SharedMemory } from '../../ring/shared.ts';

/** The part of a worker's task that its link needs. */
export interface LinkTask {
  readonly slot: number;
  readonly shared: SharedBuffers;
  readonly responses: SharedArrayBuffer;
  readonly inbound: SharedArrayBuffer;
  /** The worker's end of the doorbell. */
  readonly doorbell: MessagePort;
}

export class Link {
  readonly slot: number;
  readonly shared: SharedMemory;
  readonly responses: RingProducer;
  readonly inbound: RingConsumer;
  readonly sleeper: Sleeper;
  readonly acceptor: Doorbell;
  readonly port: MessagePort;
  readonly #memory: Memory;

  constructor(task: LinkTask) {
    this.slot = task.slot;
    this.shared = openShared(task.shared);
    this.#memory = this.shared.memory;
    this.responses = new RingProducer(task.responses);
    this.inbound = new RingConsumer(task.inbound);
    this.port = task.doorbell;
    this.sleeper = new Sleeper(this.#memory, workerWord(task.slot, ASLEEP));
    this.acceptor = new Doorbell(this.#memory, ACCEPTOR_ASLEEP, task.doorbell);
    this.#memory.store(workerWord(task.slot, COST), -1);
    this.#memory.store(workerWord(task.slot, HELD), 0);
  }

  get live(): boolean {
    return this.#memory.load(workerWord(this.slot, LIVE)) === 1;
  }

  /** True if the server closes. Heads then announce the connection's end. */
  get draining(): boolean {
    return this.#memory.load(DRAINING) === 1;
  }

  /** The acceptor raises this counter when an exchange or a ring of this worker has changed. */
  get notice(): number {
    return this.#memory.load(workerWord(this.slot, NOTICE));
  }

  /** The acceptor raises this counter when it aborts an exchange of this worker. */
  get aborts(): number {
    return this.#memory.load(workerWord(this.slot, ABORTS));
  }

  /** Reports to the acceptor that this thread is not stuck. */
  turned(): void {
    this.#memory.add(workerWord(this.slot, EPOCH), 1);
  }

  setHeld(held: number): void {
    this.#memory.store(workerWord(this.slot, HELD), held);
  }

  setCost(microseconds: number): void {
    this.#memory.store(workerWord(this.slot, COST), microseconds);
  }

  /** True if another live worker holds fewer exchanges than `held`. */
  othersHoldFewer(held: number): boolean {
    for (let slot = 1; slot < WORKER_LINES; slot++) {
      if (slot === this.slot || this.#memory.load(workerWord(slot, LIVE)) === 0) continue;
      if (this.#memory.load(workerWord(slot, HELD)) < held) return true;
    }
    return false;
  }

  /** True if another live worker sleeps. */
  othersSleep(): boolean {
    for (let slot = 1; slot < WORKER_LINES; slot++) {
      if (slot === this.slot || this.#memory.load(workerWord(slot, LIVE)) === 0) continue;
      if (this.#memory.load(workerWord(slot, ASLEEP)) === 1) return true;
    }
    return false;
  }

  /** Writes a record with a short text in Latin-1 as its payload. Returns false if the ring has insufficient capacity now. */
  say(kind: number, exchange: number, generation: number, text = ''): boolean {
    const at = this.responses.claim(text.length);
    if (at === INSUFFICIENT) return false;
    if (text !== '') this.responses.bytes.latin1Write(text, at);
    this.responses.commit(text.length, kind, exchange, generation);
    return true;
  }
}

/**
 * Whether there is room for one more connection, or for one more file on its way to a client.
 *
 * Law: counts; the only place that knows both limits, of connections and of descriptors. Before the last tenth is used, idle
 * connections are given up, the one that has been idle for longest first: clients that ask rarely must not keep others
 * out. A connection is a descriptor, and so is a file that is being sent.
 */
import type { Connections } from './connections.ts';

/** From this share on idle connections make room. */
const CROWDED = 0.9;

/** The acceptor's clock, ms: at its last tick, and at the one before. */
export interface Clock {
  readonly now: number;
  readonly before: number;
}

export interface RoomLimits {
  readonly maxConnections: number;
  /** Descriptors that connections and files may use together. */
  readonly descriptors: number;
}

export class Room {
  readonly #limits: RoomLimits;
  readonly #connections: Connections;
  #files = 0;
  #clock: Clock = { now: 0, before: 0 };

  constructor(limits: RoomLimits, connections: Connections) {
    this.#limits = limits;
    this.#connections = connections;
  }

  tick(now: number): void {
    this.#clock = { now, before: this.#clock.now };
  }

  /** Whether one more connection can be served. */
  forConnection(): boolean {
    const { maxConnections } = this.#limits;
    const { size } = this.#connections;
    if (size >= Math.ceil(CROWDED * maxConnections))
      this.#connections.giveUpIdle(this.#clock, size >= maxConnections);
    return this.#forDescriptor() && this.#connections.size < maxConnections;
  }

  /** What there is too little of for one more connection. */
  get lacks(): 'maxConnections' | 'descriptors' {
    return this.#connections.size >= this.#limits.maxConnections ? 'maxConnections' : 'descriptors';
  }

  /** Whether one more file can be opened, which counts from then on. */
  openFile(): boolean {
    if (!this.#forDescriptor()) return false;
    this.#files += 1;
    return true;
  }

  /** The descriptor of a file is free again. */
  closeFile(): void {
    this.#files -= 1;
  }

  get #used(): number {
    return this.#connections.size + this.#files;
  }

  #forDescriptor(): boolean {
    const { descriptors } = this.#limits;
    if (this.#used >= Math.ceil(CROWDED * descriptors))
      this.#connections.giveUpIdle(this.#clock, this.#used >= descriptors);
    return this.#used < descriptors;
  }
}

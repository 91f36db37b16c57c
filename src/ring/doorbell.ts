/**
 * How a sleeping thread is woken: a flag in shared memory, and one constant message through a MessagePort.
 *
 * Law: the only file that decides whether to ring; knows no ring and no record.
 *
 * A side that is about to sleep arms (stores 1), then looks at everything it waits for once more, and only then lets
 * its event loop block. A side that has published something calls `ring`, which posts only for the one that turns
 * the flag from 1 to 0. Either the sleeper's second look comes after the publication and sees it, or the
 * publication's look at the flag comes after the arming and sees 1: sequential consistency allows no third order, so
 * no wake is lost. A sleeper that dies armed is rung in vain, once.
 */
import type { MessagePort } from 'node:worker_threads';
import type { Memory } from './memory.ts';

/** The message: it says nothing but "look". */
export const LOOK = 0;

export class Doorbell {
  readonly #memory: Memory;
  readonly #flag: number;
  readonly #port: MessagePort;

  /** `flag` is the word of the sleeper at the other end of `port`. */
  constructor(memory: Memory, flag: number, port: MessagePort) {
    this.#memory = memory;
    this.#flag = flag;
    this.#port = port;
  }

  get asleep(): boolean {
    return this.#memory.load(this.#flag) === 1;
  }

  /** Wakes the other side if it sleeps; true when it did. */
  ring(): boolean {
    if (this.#memory.load(this.#flag) === 0 || this.#memory.exchange(this.#flag, 0) === 0) return false;
    this.#port.postMessage(LOOK);
    return true;
  }

  /** Posts whether it sleeps or not: its loop must turn to receive this. */
  probe(): void {
    this.#port.postMessage(LOOK);
  }
}

/** The sleeper's own side of the flag. */
export class Sleeper {
  readonly #memory: Memory;
  readonly #flag: number;

  constructor(memory: Memory, flag: number) {
    this.#memory = memory;
    this.#flag = flag;
  }

  /** From here on the other side rings. Look at everything once more before sleeping. */
  arm(): void {
    this.#memory.store(this.#flag, 1);
  }

  disarm(): void {
    this.#memory.store(this.#flag, 0);
  }
}

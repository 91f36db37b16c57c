/**
 * Wakes a sleeping thread: a flag in shared memory, and one constant message through a MessagePort.
 *
 * Law: the only file that decides whether to ring; knows no ring and no record.
 *
 * A side that is about to sleep arms (stores 1), and then checks once more everything that it waits for. Only then may its
 * event loop block. A side that has published something calls `ring`. Only the caller that turns the flag from 1 to 0 posts.
 *
 * No wake is lost, because sequential consistency allows two orders only. If the second check comes after the publication,
 * the check sees it. Otherwise the publisher loads the flag after the arming, and sees 1. A sleeper that dies armed receives
 * one useless message.
 */
import type { MessagePort } from 'node:worker_threads';
import type { Memory } from './memory.ts';

/** The message. It carries no information: the receiver checks everything that it waits for. */
export const LOOK = 0;

export class Doorbell {
  readonly #memory: Memory;
  readonly #flag: number;
  readonly #port: MessagePort;

  /** @param flag index of the word of the sleeper at the other end of `port` */
  constructor(memory: Memory, flag: number, port: MessagePort) {
    this.#memory = memory;
    this.#flag = flag;
    this.#port = port;
  }

  get asleep(): boolean {
    return this.#memory.load(this.#flag) === 1;
  }

  /** Wakes the other side if it sleeps. Returns whether it slept. */
  ring(): boolean {
    if (this.#memory.load(this.#flag) === 0 || this.#memory.exchange(this.#flag, 0) === 0) return false;
    this.#port.postMessage(LOOK);
    return true;
  }

  /** Posts even if the other side is awake. The other side receives the message only if its event loop turns. */
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

  /** After this call the other side rings. Check everything once more before sleeping. */
  arm(): void {
    this.#memory.store(this.#flag, 1);
  }

  disarm(): void {
    this.#memory.store(this.#flag, 0);
  }
}

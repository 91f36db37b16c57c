/**
 * The acceptor's clock: a tick now and then while there is anything to watch, and none when there is not.
 *
 * Law: time only.
 */

/** A deadline is noticed one tick after it began to run, and one after it passed, at the latest. */
export const TICK_MS = 20;

export class Ticker {
  readonly #onTick: () => void;
  #timer: NodeJS.Timeout | null = null;

  constructor(onTick: () => void) {
    this.#onTick = onTick;
  }

  /** True when it stood still. */
  start(): boolean {
    if (this.#timer !== null) return false;
    // Listeners and sockets keep the process alive.
    this.#timer = setInterval(this.#onTick, TICK_MS).unref();
    return true;
  }

  stop(): void {
    if (this.#timer !== null) clearInterval(this.#timer);
    this.#timer = null;
  }
}

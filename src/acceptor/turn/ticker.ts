/**
 * The acceptor's clock. It ticks only while there is something to watch.
 *
 * Law: knows time only.
 */

/** The interval of the ticks, ms. The start and the end of a deadline are noticed at most one tick late each. */
export const TICK_MS = 20;

export class Ticker {
  readonly #onTick: () => void;
  #timer: NodeJS.Timeout | null = null;

  constructor(onTick: () => void) {
    this.#onTick = onTick;
  }

  /** Returns true if the clock was stopped. */
  start(): boolean {
    if (this.#timer !== null) return false;
    // Listeners and sockets keep the process alive, so the timer need not.
    this.#timer = setInterval(this.#onTick, TICK_MS).unref();
    return true;
  }

  stop(): void {
    if (this.#timer !== null) clearInterval(this.#timer);
    this.#timer = null;
  }
}

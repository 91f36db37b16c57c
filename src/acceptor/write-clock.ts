/**
 * For how long a client has taken nothing of what waits for it.
 *
 * Law: counts; knows no socket. What is done about it is its connection's.
 */
export class WriteClock {
  /** Bytes that the kernel had not taken when it was last asked. */
  unsent = 0;
  #since = 0;

  /** Whether nothing has left for more than `timeout` milliseconds (0: that is no matter). */
  late(unsent: number, now: number, timeout: number): boolean {
    if (unsent === 0 || unsent !== this.unsent) this.#since = now;
    this.unsent = unsent;
    return unsent > 0 && timeout > 0 && now - this.#since > timeout;
  }
}

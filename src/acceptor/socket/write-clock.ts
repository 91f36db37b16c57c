/**
 * How long a client has taken none of the bytes that wait for it.
 *
 * Law: the caller passes times and byte counts. Knows no socket. The connection decides what to do about a late client.
 */
/** A value that no byte count has. */
const NOTHING = -1;

export class WriteClock {
  #taken = NOTHING;
  #since = 0;

  /**
   * Whether bytes wait and the client has taken none for more than `timeout` milliseconds. A `timeout` of 0 disables the
   * limit. New bytes in the queue do not count as progress of the client.
   *
   * @param waits whether bytes wait
   * @param taken bytes that the client has taken in total
   */
  late(waits: boolean, taken: number, now: number, timeout: number): boolean {
    if (!waits || taken !== this.#taken) this.#since = now;
    this.#taken = waits ? taken : NOTHING;
    return waits && timeout > 0 && now - this.#since > timeout;
  }
}

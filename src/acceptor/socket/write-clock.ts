/**
 * For how long a client has taken nothing of what waits for it.
 *
 * Law: time and bytes are given, never read; knows no socket. What follows is decided by the connection.
 */
/** No count of bytes. */
const NOTHING = -1;

export class WriteClock {
  #taken = NOTHING;
  #since = 0;

  /**
   * Whether bytes wait (`waits`) and the client has taken none for more than `timeout` milliseconds; 0: never.
   * `taken`: bytes that it has taken in all. Bytes that are added meanwhile are no progress of the client.
   */
  late(waits: boolean, taken: number, now: number, timeout: number): boolean {
    if (!waits || taken !== this.#taken) this.#since = now;
    this.#taken = waits ? taken : NOTHING;
    return waits && timeout > 0 && now - this.#since > timeout;
  }
}

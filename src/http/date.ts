/**
 * The value of the Date field (RFC 9110 §6.6.1), formatted once a second.
 *
 * Law: the caller passes the time; nothing here reads a clock.
 */
export class HttpDate {
  #text = '';
  #until = 0;

  /** @param now milliseconds since the epoch */
  at(now: number): string {
    if (now >= this.#until || now < this.#until - 1000) {
      this.#text = new Date(now).toUTCString();
      this.#until = now - (now % 1000) + 1000;
    }
    return this.#text;
  }
}

/**
 * Whether a client is too slow with its body: silent for too long, or below the minimum rate.
 *
 * Law: time is given, never read; time in which we did not read (the application was slow) does not count.
 */

/** A body may be below the minimum rate for its first milliseconds: connections start slowly. */
const GRACE_MS = 5000;

export class BodyClock {
  #since = 0;
  #lastAt = 0;
  #bytes = 0;
  /** Since when we do not read; 0 while we do. */
  #stoppedAt = 0;

  start(now: number): void {
    this.#since = this.#lastAt = now;
    this.#bytes = 0;
    this.#stoppedAt = 0;
  }

  arrived(bytes: number, now: number): void {
    this.#bytes += bytes;
    this.#lastAt = now;
  }

  stop(now: number): void {
    if (this.#stoppedAt === 0) this.#stoppedAt = now;
  }

  go(now: number): void {
    if (this.#stoppedAt === 0) return;
    this.#since += now - this.#stoppedAt;
    this.#lastAt = now;
    this.#stoppedAt = 0;
  }

  /** `timeout` ms of silence, or fewer than `rate` bytes a second on average (0: any rate). */
  late(now: number, timeout: number, rate: number): boolean {
    if (this.#stoppedAt !== 0) return false;
    if (timeout > 0 && now - this.#lastAt > timeout) return true;
    const elapsed = now - this.#since;
    return elapsed > GRACE_MS && this.#bytes * 1000 < rate * elapsed;
  }
}

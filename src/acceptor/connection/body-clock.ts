/**
 * Whether a client is too slow with its request: silent for too long, below the minimum rate, or not done in time.
 *
 * Law: time is given, never read; time in which we did not read (the application was slow) does not count.
 */

/** A body may be below the minimum rate for its first milliseconds: connections start slowly. */
const GRACE_MS = 5000;

/** Milliseconds, and bytes a second; 0 is no limit. */
export interface BodyLimits {
  /** From the request's first byte to its last. */
  readonly requestTimeout: number;
  /** Silence within the body. */
  readonly bodyTimeout: number;
  readonly minBodyRate: number;
}

export class BodyClock {
  /** When the request began, when its body did. */
  #begunAt = 0;
  #since = 0;
  #lastAt = 0;
  #bytes = 0;
  /** Since when we do not read; 0 while we do. */
  #stoppedAt = 0;

  /** The body begins; `begunAt`: its request did. */
  start(now: number, begunAt: number): void {
    this.#begunAt = begunAt;
    this.restart(now);
  }

  /** The client was told only now that it may send its body. */
  restart(now: number): void {
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
    this.#begunAt += now - this.#stoppedAt;
    this.#lastAt = now;
    this.#stoppedAt = 0;
  }

  /** Milliseconds in which we read since the body began. */
  age(now: number): number {
    return (this.#stoppedAt === 0 ? now : this.#stoppedAt) - this.#since;
  }

  /** Bytes a second in that time. */
  rate(now: number): number {
    return (this.#bytes * 1000) / Math.max(1, this.age(now));
  }

  /** The limit that it does not keep; '' if it keeps all. */
  late(now: number, { requestTimeout, bodyTimeout, minBodyRate }: BodyLimits): keyof BodyLimits | '' {
    if (this.#stoppedAt !== 0) return '';
    if (bodyTimeout > 0 && now - this.#lastAt > bodyTimeout) return 'bodyTimeout';
    if (requestTimeout > 0 && now - this.#begunAt > requestTimeout) return 'requestTimeout';
    const elapsed = now - this.#since;
    return elapsed > GRACE_MS && this.#bytes * 1000 < minBodyRate * elapsed ? 'minBodyRate' : '';
  }
}

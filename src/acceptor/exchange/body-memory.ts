/**
 * The memory of request bodies that wait in the acceptor. If they use too much of it, the acceptor refuses requests.
 *
 * Law: counts bytes and chooses a request. Its holder knows the body and refuses the request. Bodies whose request no worker
 * has give way first, beginning with the slowest. So a client that sends quickly is not refused because of slow clients. The
 * sum exceeds the limit by at most one read.
 */
import { MOST_HEADERS, READ_BUFFER_SIZE } from '../../http/parser.ts';
import type { MemoryAccount } from '../../ring/byte-queue.ts';

/** A body whose first byte is younger than this is not judged by its rate, ms. */
const YOUNG_MS = 1000;
/** When the limit is exceeded, bodies give way until this share of it is used. So the holders are not sorted for every read. */
const ROOM = 15 / 16;

/** A connection whose current request has an incomplete body. */
export interface BodyHolder {
  /** True: no worker has the request, so it may be refused. */
  readonly givesWay: boolean;
  /** Milliseconds since the body began. */
  bodyAge(now: number): number;
  /** Bytes per second since the body began. */
  bodyRate(now: number): number;
  /** Refuses the request with 503. */
  bodyGivesWay(): void;
  /** Submits the request to a worker although its body is not complete. */
  bodyGoesOn(): void;
  /** Memory is full: the connection reads no more body bytes than its application consumes. */
  bodyHoldsBack(): void;
}

export class BodyMemory implements MemoryAccount {
  bytes = 0;
  /** Bytes that one body may fill while it waits for a place at a worker. */
  readonly share: number;
  readonly #limit: () => number;
  readonly #holders: Set<BodyHolder> = new Set();
  /** The time of the last search that did not free enough memory. */
  #searchedAt = -1;

  /**
   * @param most bytes that all users of this memory may have together
   * @param taken returns the bytes that other users have now
   */
  constructor(most: number, taken: () => number) {
    this.#limit = () => most - taken();
    this.share = Math.floor(most / 16);
  }

  get isFull(): boolean {
    return this.bytes > this.#limit();
  }

  enter(holder: BodyHolder): void {
    this.#holders.add(holder);
  }

  /** The body is complete, or its request is over. May be called any number of times. */
  leave(holder: BodyHolder): void {
    this.#holders.delete(holder);
  }

  /** The application is called at the head of a request. Requests whose bodies are still being collected are submitted now. */
  handOn(): void {
    for (const holder of [...this.#holders]) holder.bodyGoesOn();
  }

  /** Called when a body has grown. If memory is full, other bodies give way. Otherwise `asking` gives way or holds back. */
  settle(asking: BodyHolder, now: number): void {
    if (!this.isFull) return;
    if (now !== this.#searchedAt) this.#makeRoom(now);
    if (!this.isFull) return;
    if (asking.givesWay) asking.bodyGivesWay();
    else asking.bodyHoldsBack();
  }

  #makeRoom(now: number): void {
    const enough = this.#limit() * ROOM;
    for (const slow of this.#slowest(now)) {
      slow.bodyGivesWay();
      if (this.bytes <= enough) return;
    }
    // No other connection becomes old enough before the clock moves.
    this.#searchedAt = now;
    for (const holder of this.#holders) holder.bodyHoldsBack();
  }

  #slowest(now: number): BodyHolder[] {
    const found: { readonly holder: BodyHolder; readonly rate: number }[] = [];
    for (const holder of this.#holders)
      if (holder.givesWay && holder.bodyAge(now) >= YOUNG_MS)
        found.push({ holder, rate: holder.bodyRate(now) });
    return found.sort((one, other) => one.rate - other.rate).map(({ holder }) => holder);
  }
}

export interface RequestLimits {
  readonly maxRequestLine: number;
  readonly maxHeaderSize: number;
  readonly bodyBuffer: number;
}

/** Bytes of the largest complete request: its head, a full span table, and a body that was collected or came in one read. */
export function largestRequest(limits: RequestLimits): number {
  const head = limits.maxRequestLine + limits.maxHeaderSize + 16 * MOST_HEADERS + 512;
  return head + Math.max(limits.bodyBuffer, READ_BUFFER_SIZE);
}

/**
 * The memory of request bodies that wait in the acceptor, and whose request is refused when there is too much of it.
 *
 * Law: counts bytes and chooses; what a body is, and how its request is refused, is its holder's. Bodies that no worker
 * has yet give way first, the slowest before the others: a client that sends quickly is not refused for clients that
 * dawdle. The sum stays within the limit but for what one read brings.
 */
import { MOST_HEADERS, READ_BUFFER_SIZE } from '../../http/parser.ts';
import type { MemoryAccount } from '../../ring/byte-queue.ts';

/** A body whose first byte is younger than this is not judged by its rate, ms. */
const YOUNG_MS = 1000;
/** Once the limit is passed, room is made down to this part of it, so that the holders are not sorted for every read. */
const ROOM = 15 / 16;

/** A connection whose present request has an unfinished body. */
export interface BodyHolder {
  /** No worker has its request. */
  readonly givesWay: boolean;
  /** Milliseconds since its body began. */
  bodyAge(now: number): number;
  /** Bytes a second since then. */
  bodyRate(now: number): number;
  /** Its request is refused with 503. */
  bodyGivesWay(): void;
  /** Its request goes to a worker although its body is not complete. */
  bodyGoesOn(): void;
  /** There is no more memory: it reads no more than its application takes. */
  bodyHoldsBack(): void;
}

export class BodyMemory implements MemoryAccount {
  bytes = 0;
  /** Bytes that one body may fill while it waits for a place at a worker. */
  readonly share: number;
  readonly #limit: () => number;
  readonly #holders: Set<BodyHolder> = new Set();
  /** When a search did not find enough. */
  #searchedAt = -1;

  /** `most`: bytes that all may take; `taken`: those of it that others take now. */
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

  /** Its body is complete, or its request is over. Any number of calls. */
  leave(holder: BodyHolder): void {
    this.#holders.delete(holder);
  }

  /** Applications hear of requests from their heads on: those whose bodies are still collected go out. */
  handOn(): void {
    for (const holder of [...this.#holders]) holder.bodyGoesOn();
  }

  /** Called when a body has grown: if there is too little memory, makes room, by refusing `asking` itself if need be. */
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
    // No other connection is old enough before the clock moves.
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

/** Bytes that a complete request takes at most: its head, a full span table, and a body that is collected or came in one read. */
export function largestRequest(limits: RequestLimits): number {
  const head = limits.maxRequestLine + limits.maxHeaderSize + 16 * MOST_HEADERS + 512;
  return head + Math.max(limits.bodyBuffer, READ_BUFFER_SIZE);
}

/**
 * The request ring: one producer (the acceptor), many consumers (the workers), one 32-bit word an entry.
 *
 * Law: knows words and positions, not what an entry means (`exchange-table.ts` does) and not how a thread wakes
 * (`doorbell.ts` does). Offsets come from `layout.ts`.
 *
 * What each side writes, and what happens if a thread dies at that point:
 * - TAIL and the slots are written by the acceptor only. The slot is stored before TAIL: a consumer that sees the
 *   new TAIL sees the entry.
 * - HEAD moves by a consumer's CAS h → h+1, after it has loaded the word at h. The producer overwrites the slot of
 *   h only after HEAD has passed h, and then a consumer with the old word fails its CAS. So the one CAS
 *   both claims the entry and frees its slot: there is no state "claimed but not freed" in which a death could wedge the
 *   ring. (A slot with a sequence stamp has that state; it was tried and thrown out.)
 * - A consumer may die after the CAS and before it has taken the exchange. It leaves an exchange that is PENDING and
 *   behind HEAD. The acceptor finds such exchanges when the worker has ended, and pushes them again. Another entry for
 *   the same exchange is harmless, because PENDING → TAKEN is also a CAS.
 * - Positions are 32 bit, wrap, and are compared by subtraction.
 */
import { type MemoryLayout, REQUEST_HEAD, REQUEST_TAIL } from './layout.ts';
import type { Memory } from './memory.ts';

/** `claim` found no entry, or `push` found no space. Entries are unsigned, so no entry has this value. */
export const EMPTY = -1;

export class RequestRing {
  readonly #memory: Memory;
  readonly #slots: number;
  readonly capacity: number;
  readonly #mask: number;
  /** HEAD when the acceptor last loaded it. HEAD only increases, so the ring never has less space than this implies. */
  #headSeen = 0;
  /** TAIL as the acceptor last stored it. */
  #tail = 0;

  constructor(memory: Memory, layout: MemoryLayout) {
    this.#memory = memory;
    this.#slots = layout.slots;
    this.capacity = layout.ring;
    this.#mask = layout.ring - 1;
  }

  /** Entries not yet claimed, cancelled ones among them. */
  depth(): number {
    return (this.#memory.load(REQUEST_TAIL) - this.#memory.load(REQUEST_HEAD)) | 0;
  }

  // The acceptor alone calls these.

  /** Whether fewer than `limit` entries, at most the capacity, are not yet claimed. */
  isBelow(limit: number): boolean {
    const tail = this.#memory.own(REQUEST_TAIL);
    if (((tail - this.#headSeen) | 0) < limit) return true;
    this.#headSeen = this.#memory.load(REQUEST_HEAD);
    return ((tail - this.#headSeen) | 0) < limit;
  }

  /** Appends an entry and returns its position, or EMPTY when the ring has insufficient capacity. */
  push(entry: number): number {
    const memory = this.#memory;
    const tail = memory.own(REQUEST_TAIL);
    if (!this.isBelow(this.capacity)) return EMPTY;
    memory.store(this.#slots + (tail & this.#mask), entry);
    memory.store(REQUEST_TAIL, (tail + 1) | 0);
    this.#tail = (tail + 1) | 0;
    return tail >>> 0;
  }

  /** False: a stray write has changed TAIL, or has set HEAD to an impossible value. */
  isSound(): boolean {
    const depth = this.depth();
    return this.#memory.load(REQUEST_TAIL) === this.#tail && depth >= 0 && depth <= this.capacity;
  }

  /** Whether a consumer has claimed the entry at a position. */
  passed(position: number): boolean {
    return ((this.#memory.load(REQUEST_HEAD) - position) | 0) > 0;
  }

  /** The position that is claimed next. With `tail` and `at`, a caller can read the queue. */
  head(): number {
    return this.#memory.load(REQUEST_HEAD);
  }

  tail(): number {
    return this.#memory.load(REQUEST_TAIL);
  }

  /** The entry at a position, unsigned. Valid only while the position is between head and tail. */
  at(position: number): number {
    return this.#memory.load(this.#slots + (position & this.#mask)) >>> 0;
  }

  // Any thread calls this.

  /** Claims the oldest entry. Returns the entry, unsigned, or EMPTY. */
  claim(): number {
    const memory = this.#memory;
    for (;;) {
      const head = memory.load(REQUEST_HEAD);
      if (head === memory.load(REQUEST_TAIL)) return EMPTY;
      const entry = memory.load(this.#slots + (head & this.#mask));
      if (memory.compareExchange(REQUEST_HEAD, head, (head + 1) | 0) === head) return entry >>> 0;
    }
  }
}

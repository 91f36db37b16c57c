/**
 * The state of every exchange, in one control word each. A compare-and-swap decides which worker runs a request.
 *
 * Law: knows states, owners and generations; not bytes (`slab.ts`, `message.ts`), not sockets. These words only arbitrate
 * take against cancel. The acceptor alone knows which exchanges have a response.
 *
 * What each side writes, and what happens if a thread dies at that point:
 * - FREE → PENDING, PENDING → CANCELLED and anything → FREE: the acceptor. PENDING → TAKEN: a worker's CAS. The same
 *   CAS writes the worker's slot as owner, so a taken exchange always has an owner.
 *   TAKEN → RUNNING: the owner, before it calls the application.
 * - The loser of a CAS on PENDING does nothing at all.
 * - A worker that ends leaves TAKEN or RUNNING. TAKEN: the worker has not called the application, so another worker may
 *   run the request. RUNNING: the application may have had effects, so the acceptor answers with 502. The acceptor
 *   decides this after the thread has ended, so no other thread writes at the same time.
 * - The acceptor makes an exchange FREE only when no worker can write its words. Either no worker has taken it, or its owner
 *   has sent the whole response, or its owner has ended.
 */
import {
  Abort,
  controlWord,
  GENERATIONS,
  generationOf,
  type MemoryLayout,
  ownerOf,
  ExchangeState,
  stateOf,
} from './layout.ts';
import type { Memory } from './memory.ts';

/** `take` lost: the exchange is cancelled, another worker has taken it, or the entry has an earlier generation. */
export const LOST = -1;

export class ExchangeTable {
  readonly #memory: Memory;
  readonly #layout: MemoryLayout;

  constructor(memory: Memory, layout: MemoryLayout) {
    this.#memory = memory;
    this.#layout = layout;
  }

  // The acceptor alone calls these.

  /**
   * Makes an exchange ready to be taken. The request must already be in the slab.
   *
   * @param creditBytes response bytes that may be under way beyond the window. Below 0: the client has not read earlier bytes
   */
  publish(index: number, generation: number, slabOffset: number, creditBytes: number): void {
    const { control, credit, abort, consumed, slab, extended } = this.#layout;
    // The exchange is FREE, so no worker reads or writes these words before the store below.
    this.#memory.prepare(credit + index, creditBytes);
    this.#memory.prepare(abort + index, 0);
    this.#memory.prepare(consumed + index, 0);
    this.#memory.prepare(extended + index, 0);
    this.#memory.prepare(slab + index, slabOffset);
    this.#memory.store(control + index, controlWord(generation, 0, ExchangeState.PENDING));
  }

  /** PENDING → CANCELLED. False: a worker has it. */
  cancel(index: number, generation: number): boolean {
    const pending = controlWord(generation, 0, ExchangeState.PENDING);
    const cancelled = controlWord(generation, 0, ExchangeState.CANCELLED);
    return this.#memory.compareExchange(this.#layout.control + index, pending, cancelled) === pending;
  }

  /** Frees the exchange. Returns the generation of its next use. */
  free(index: number, generation: number): number {
    const next = (generation + 1) % GENERATIONS;
    this.#memory.store(this.#layout.control + index, controlWord(next, 0, ExchangeState.FREE));
    return next;
  }

  /** A TAKEN exchange of a worker that has ended becomes PENDING again. */
  requeue(index: number, generation: number): void {
    this.#memory.store(this.#layout.control + index, controlWord(generation, 0, ExchangeState.PENDING));
  }

  /**
   * False: a stray write has changed a word of this exchange that only the acceptor writes.
   *
   * @param isAwaited whether a client waits for the response. If it does, the acceptor has stored no reason except LEFT
   */
  isSound(index: number, generation: number, isAwaited: boolean): boolean {
    const { control, abort } = this.#layout;
    const why = this.#memory.load(abort + index);
    return (
      generationOf(this.#memory.load(control + index)) === generation &&
      stateOf(this.#memory.load(control + index)) <= ExchangeState.CANCELLED &&
      (!isAwaited || why === Abort.NONE || why === Abort.LEFT)
    );
  }

  state(index: number): number {
    return stateOf(this.#memory.load(this.#layout.control + index));
  }

  owner(index: number): number {
    return ownerOf(this.#memory.load(this.#layout.control + index));
  }

  /** Milliseconds from the start that the application requested for this exchange. 0: no request. Its worker also reads this word. */
  extended(index: number): number {
    return this.#memory.load(this.#layout.extended + index);
  }

  setCredit(index: number, bytes: number): void {
    this.#memory.store(this.#layout.credit + index, bytes | 0);
  }

  /** @param why one of `Abort` */
  setAbort(index: number, why: number): void {
    this.#memory.store(this.#layout.abort + index, why);
  }

  consumed(index: number): number {
    return this.#memory.load(this.#layout.consumed + index);
  }

  /**
   * Stores how much of a streamed body the client has still to send.
   *
   * The acceptor alone writes the word: before it publishes the exchange, and each time bytes arrive. The acceptor never
   * writes the word after the owner's END, and the owner never reads it after END. So no value belongs to another use of
   * the index. A worker may read an old value, which is then too large. The value 0 is final: the body is complete.
   * A value within the discard limit is final for `leavesTooMuch`.
   * The acceptor stores this word before an abort word. So a worker that sees the abort also sees a complete body.
   *
   * @param bytes bytes that are left. Below 0: the length is not known, and −1 − `bytes` have arrived
   */
  setLeft(index: number, bytes: number): void {
    this.#memory.store(this.#layout.left + index, bytes);
  }

  // Workers alone call these.

  /** PENDING → TAKEN by `owner`, if the entry has the current generation. Returns the generation, or LOST. */
  take(entry: number, owner: number): number {
    const at = this.#layout.control + (entry & 0xffff);
    const word = this.#memory.load(at);
    const generation = generationOf(word);
    if (stateOf(word) !== ExchangeState.PENDING || (generation & 0xffff) !== entry >>> 16) return LOST;
    const taken = controlWord(generation, owner, ExchangeState.TAKEN);
    return this.#memory.compareExchange(at, word, taken) === word ? generation : LOST;
  }

  /** TAKEN → RUNNING. Afterwards the worker calls the application. */
  run(index: number, generation: number, owner: number): void {
    this.#memory.store(this.#layout.control + index, controlWord(generation, owner, ExchangeState.RUNNING));
  }

  /** Byte offset of the request in the slab. Valid from TAKEN to RUNNING. */
  slabOffset(index: number): number {
    return this.#memory.own(this.#layout.slab + index);
  }

  credit(index: number): number {
    return this.#memory.load(this.#layout.credit + index);
  }

  /** One of `Abort`. */
  abortOf(index: number): number {
    return this.#memory.load(this.#layout.abort + index);
  }

  /** The last value of `setLeft`. */
  left(index: number): number {
    return this.#memory.load(this.#layout.left + index);
  }

  extend(index: number, milliseconds: number): void {
    this.#memory.store(this.#layout.extended + index, milliseconds | 0);
  }

  setConsumed(index: number, bytes: number): void {
    this.#memory.store(this.#layout.consumed + index, bytes | 0);
  }
}

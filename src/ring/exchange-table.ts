/**
 * The state of every exchange, in one control word each: who may run a request, decided by compare-and-swap.
 *
 * Law: knows states, owners and generations; not bytes (`slab.ts`, `message.ts`), not sockets. Whether an exchange
 * was answered is the acceptor's private knowledge: these words only arbitrate take against cancel.
 *
 * Who writes what, and what if a thread dies right there:
 * - FREE → PENDING, PENDING → CANCELLED and anything → FREE: the acceptor. PENDING → TAKEN: a worker's CAS, which
 *   writes its slot as owner in the same step, so there is no moment at which an exchange is taken by nobody.
 *   TAKEN → RUNNING: that worker, before it calls the application.
 * - The loser of a CAS on PENDING does nothing at all.
 * - A worker that ends leaves TAKEN (the application was not called: it may run elsewhere) or RUNNING (it may have
 *   had effects: 502). The acceptor judges them when the thread has ended, so nobody writes beside it.
 * - The acceptor makes an exchange FREE only when nobody can write its words: never taken, answered to the end by
 *   its owner, or its owner has ended.
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

/** `take` lost: cancelled, taken by another, or an entry of an earlier generation. */
export const LOST = -1;

export class ExchangeTable {
  readonly #memory: Memory;
  readonly #layout: MemoryLayout;

  constructor(memory: Memory, layout: MemoryLayout) {
    this.#memory = memory;
    this.#layout = layout;
  }

  // called by the acceptor only

  /**
   * Makes an exchange ready to be taken; the request must lie in the slab already. `creditBytes`: what its response may
   * have under way beyond the window; less than 0 if the client still has earlier bytes to take.
   */
  publish(index: number, generation: number, slabOffset: number, creditBytes: number): void {
    const { control, credit, abort, consumed, slab, extended } = this.#layout;
    // Of a FREE exchange, so nobody else has a business with these before the store that follows.
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

  /** Gives the exchange back; returns the generation its next use shall have. */
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
   * @param isAwaited whether a client waits for the answer, so that the acceptor has stored no reason but LEFT
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

  /** Milliseconds from its start that the application asked for; 0: none. Its worker reads it as well. */
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
   * Of an exchange whose body did not come whole with its head: how much of the body its client has still to send. The
   * acceptor alone writes the word: before it publishes the exchange, and each time bytes come. It never writes it after
   * the owner's END, and the owner never reads it after its own END, so no value is of another use of the index. What a
   * worker reads may be old, and is then too much: 0 (all has come) is final, and so is a part that is small enough.
   * The acceptor stores it before an abort word, so a worker that sees a client gone also sees that its body came whole.
   *
   * @param bytes what is left; below 0 the body's length is not known, and −1 − `bytes` have come
   */
  setLeft(index: number, bytes: number): void {
    this.#memory.store(this.#layout.left + index, bytes);
  }

  // called by workers only

  /** PENDING → TAKEN by `owner`, when the entry is of this generation: the generation, or LOST. */
  take(entry: number, owner: number): number {
    const at = this.#layout.control + (entry & 0xffff);
    const word = this.#memory.load(at);
    const generation = generationOf(word);
    if (stateOf(word) !== ExchangeState.PENDING || (generation & 0xffff) !== entry >>> 16) return LOST;
    const taken = controlWord(generation, owner, ExchangeState.TAKEN);
    return this.#memory.compareExchange(at, word, taken) === word ? generation : LOST;
  }

  /** TAKEN → RUNNING: from here on the application may have been called. */
  run(index: number, generation: number, owner: number): void {
    this.#memory.store(this.#layout.control + index, controlWord(generation, owner, ExchangeState.RUNNING));
  }

  /** Byte offset of the request in the slab; true from TAKEN to RUNNING. */
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

  /** What `setLeft` was given last. */
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

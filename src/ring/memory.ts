/**
 * The interface for every access to a control word in shared memory.
 *
 * Law: control words are in Int32Arrays, and only a `Memory` reads or writes them. Payload bytes are read and written
 * plainly, and a store to a control word publishes them. So the program has no data race and is sequentially consistent.
 * A scheduler can explore it with another `Memory` under the same ring code. Knows nothing about rings.
 *
 * Every method is sequentially consistent, except `own` and `prepare`. These two are plain, because a call of Atomics would
 * cost more than the rest of the work on such a word.
 */
export interface Memory {
  load(index: number): number;
  store(index: number, value: number): void;
  /** A load of a word that no other thread writes at this time. */
  own(index: number): number;
  /** A store to a word that no other thread reads or writes before the next `store` of this thread publishes it. */
  prepare(index: number, value: number): void;
  /** Returns the previous value. The exchange succeeded if that value equals `expected`. */
  compareExchange(index: number, expected: number, replacement: number): number;
  /** Returns the previous value. */
  exchange(index: number, value: number): number;
  /** Returns the previous value. */
  add(index: number, value: number): number;
  /** Blocks while the word equals `expected`, for at most `milliseconds`. */
  wait(index: number, expected: number, milliseconds: number): void;
  /** Wakes every thread that waits on the word. */
  notify(index: number): void;
}

/** The production binding: Atomics over an Int32Array of a SharedArrayBuffer. */
export class AtomicMemory implements Memory {
  readonly words: Int32Array;

  constructor(words: Int32Array) {
    this.words = words;
  }

  load(index: number): number {
    return Atomics.load(this.words, index);
  }

  store(index: number, value: number): void {
    Atomics.store(this.words, index, value);
  }

  own(index: number): number {
    return this.words[index]!;
  }

  prepare(index: number, value: number): void {
    this.words[index] = value;
  }

  compareExchange(index: number, expected: number, replacement: number): number {
    return Atomics.compareExchange(this.words, index, expected, replacement);
  }

  exchange(index: number, value: number): number {
    return Atomics.exchange(this.words, index, value);
  }

  add(index: number, value: number): number {
    return Atomics.add(this.words, index, value);
  }

  wait(index: number, expected: number, milliseconds: number): void {
    Atomics.wait(this.words, index, expected, milliseconds);
  }

  notify(index: number): void {
    Atomics.notify(this.words, index);
  }
}

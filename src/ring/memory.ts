/**
 * The small interface through which every control word in shared memory is touched.
 *
 * Law: control words live in Int32Arrays and are touched only through a `Memory`; payload bytes are touched
 * plainly and are published by a store to a control word. So the program has no data race, is sequentially
 * consistent, and a scheduler can explore it by putting another `Memory` under the same ring code.
 * Every method is sequentially consistent but two, `own` and `prepare`, which are plain: a call of Atomics costs more
 * than all else that is done with such a word. Knows nothing of rings.
 */
export interface Memory {
  load(index: number): number;
  store(index: number, value: number): void;
  /** A load of a word that this thread alone writes, or that nobody writes meanwhile. */
  own(index: number): number;
  /** A store to a word that nobody else touches before the next `store` of this thread has told of it. */
  prepare(index: number, value: number): void;
  /** Returns the value that was there: the exchange happened when it equals `expected`. */
  compareExchange(index: number, expected: number, replacement: number): number;
  /** Returns the value that was there. */
  exchange(index: number, value: number): number;
  /** Returns the value that was there. */
  add(index: number, value: number): number;
  /** Blocks while the word is `expected`, at most so many milliseconds. */
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

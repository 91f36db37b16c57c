/**
 * One state of the simulated machine, and the set of visited states.
 *
 * Law: numbers only; knows neither threads nor operations.
 *
 * A state is a row of words with a running 64-bit hash, the XOR of one mixed number per word. So the cost of a step
 * depends on its changes, not on the length of the state. An undo log takes steps back.
 *
 * The set keeps hashes, not states. With 10⁷ states, the probability that two share a hash is about 3 in a million. The
 * search would miss one of them.
 */

const MIX_1 = 0x9e3779b1;
const MIX_2 = 0x7f4a7c15;

function mix(slot: number, value: number, seed: number): number {
  let h = Math.imul(slot + 1, seed) ^ Math.imul(value, 0x85ebca6b);
  h = Math.imul(h ^ (h >>> 15), 0xc2b2ae35);
  h = Math.imul(h ^ (h >>> 13), seed | 1);
  return h ^ (h >>> 16);
}

export class State {
  readonly words: Int32Array;
  #undo: Int32Array = new Int32Array(1 << 12);
  #undone = 0;
  hash1 = 0;
  hash2 = 0;

  constructor(words: number) {
    this.words = new Int32Array(words);
  }

  set(slot: number, value: number): void {
    const before = this.words[slot]!;
    if (before === (value | 0)) return;
    if (this.#undone + 2 > this.#undo.length) this.#grow();
    this.#undo[this.#undone++] = slot;
    this.#undo[this.#undone++] = before;
    this.#put(slot, before, value | 0);
  }

  /** A position in the undo log to return to. */
  get mark(): number {
    return this.#undone;
  }

  rollback(mark: number): void {
    while (this.#undone > mark) {
      const before = this.#undo[--this.#undone]!;
      const slot = this.#undo[--this.#undone]!;
      this.#put(slot, this.words[slot]!, before);
    }
  }

  #put(slot: number, before: number, value: number): void {
    this.words[slot] = value;
    this.hash1 ^= mix(slot, before, MIX_1) ^ mix(slot, value, MIX_1);
    this.hash2 ^= mix(slot, before, MIX_2) ^ mix(slot, value, MIX_2);
  }

  #grow(): void {
    const grown = new Int32Array(this.#undo.length * 2);
    grown.set(this.#undo);
    this.#undo = grown;
  }
}

/**
 * Visited states. Each has the number of ways from it to an end, EMPTY, or OPEN while the state is on the search's
 * stack.
 */
export const EMPTY = 0;
export const OPEN = -1;

export class Visited {
  #size = 1 << 16;
  #keys: Int32Array = new Int32Array(2 * this.#size);
  #ways: Float64Array = new Float64Array(this.#size);
  count = 0;

  ways(hash1: number, hash2: number): number {
    return this.#ways[this.#find(hash1, hash2)]!;
  }

  put(hash1: number, hash2: number, ways: number): void {
    const at = this.#find(hash1, hash2);
    if (this.#ways[at] === EMPTY) this.#add(at, hash1, hash2);
    this.#ways[at] = ways;
    if (this.count * 2 > this.#size) this.#grow();
  }

  #add(at: number, hash1: number, hash2: number): void {
    this.#keys[2 * at] = hash1;
    this.#keys[2 * at + 1] = hash2;
    this.count += 1;
  }

  #find(hash1: number, hash2: number): number {
    const mask = this.#size - 1;
    let at = hash1 & mask;
    while (this.#ways[at] !== EMPTY && (this.#keys[2 * at] !== hash1 || this.#keys[2 * at + 1] !== hash2))
      at = (at + 1) & mask;
    return at;
  }

  #grow(): void {
    const keys = this.#keys;
    const ways = this.#ways;
    this.#size *= 2;
    this.#keys = new Int32Array(2 * this.#size);
    this.#ways = new Float64Array(this.#size);
    this.count = 0;
    for (let i = 0; i < ways.length; i++) {
      if (ways[i] === EMPTY) continue;
      const at = this.#find(keys[2 * i]!, keys[2 * i + 1]!);
      this.#add(at, keys[2 * i]!, keys[2 * i + 1]!);
      this.#ways[at] = ways[i]!;
    }
  }
}

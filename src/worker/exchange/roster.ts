/**
 * The running exchanges, in no order.
 *
 * Law: an array; each entry stores its own place. Not a Set: when a Set grows, its old table points to the new one and keeps
 * its entries. Once such a table is in the old generation, a part of all requests survives until a full collection.
 */
/** The original method, read before the application can replace it. */
const { pop } = Array.prototype;

export interface Placed {
  /** Index of the entry; −1 if it is in no roster. */
  place: number;
}

export class Roster<T extends Placed> implements Iterable<T> {
  readonly #all: T[] = [];

  get size(): number {
    return this.#all.length;
  }

  add(one: T): void {
    one.place = this.#all.length;
    this.#all.push(one);
  }

  /** Returns false if the entry was not in the roster. */
  delete(one: T): boolean {
    const { place } = one;
    if (place === -1) return false;
    const last = pop.call(this.#all) as T;
    if (last !== one) {
      this.#all[place] = last;
      last.place = place;
    }
    one.place = -1;
    return true;
  }

  /** Iterates over a snapshot. Entries that are added or removed meanwhile do not change it. */
  [Symbol.iterator](): Iterator<T> {
    return this.#all.slice()[Symbol.iterator]();
  }
}

/**
 * Those who run, in no order.
 *
 * Law: an array, and each knows its place. Not a Set: the table that one has outgrown points to the next, and keeps what
 * it held; once one such table is in the old generation, a part of all requests survives until a full collection.
 */
/** As it was before the application could replace it. */
const { pop } = Array.prototype;

export interface Placed {
  /** Where it stands; −1: nowhere. */
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

  /** False: it was not there. */
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

  /** As they are now: whoever comes or goes meanwhile changes nothing. */
  [Symbol.iterator](): Iterator<T> {
    return this.#all.slice()[Symbol.iterator]();
  }
}

/**
 * A set of exchanges.
 *
 * Law: an array, and the position of each exchange in it by index. An exchange may be in several sets. Not a Set: every
 * request is added and removed, and a Set is three times as slow at that.
 */
import type { Exchange } from './exchange.ts';

export class ExchangeSet implements Iterable<Exchange> {
  readonly #members: Exchange[] = [];
  /** By index: the position in `#members`, plus one. 0 marks an exchange that is not in the set. */
  readonly #places: Int32Array;

  /** @param exchanges the number of exchanges in the table */
  constructor(exchanges: number) {
    this.#places = new Int32Array(exchanges);
  }

  get size(): number {
    return this.#members.length;
  }

  has(exchange: Exchange): boolean {
    return this.#places[exchange.index] !== 0;
  }

  add(exchange: Exchange): void {
    if (!this.has(exchange)) this.#places[exchange.index] = this.#members.push(exchange);
  }

  delete(exchange: Exchange): void {
    const place = this.#places[exchange.index]!;
    if (place === 0) return;
    this.#places[exchange.index] = 0;
    const last = this.#members.pop()!;
    if (last === exchange) return;
    this.#members[place - 1] = last;
    this.#places[last.index] = place;
  }

  /** Iterates over a copy, in no order. So it also returns members that are deleted during the iteration. */
  [Symbol.iterator](): Iterator<Exchange> {
    return this.#members.slice()[Symbol.iterator]();
  }
}

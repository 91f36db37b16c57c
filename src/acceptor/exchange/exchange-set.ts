/**
 * Some of the exchanges.
 *
 * Law: an array, and the place of each by its index: one may be in several. Not a Set: every request comes and goes, and
 * there that costs three times as much.
 */
import type { Exchange } from './exchange.ts';

export class ExchangeSet implements Iterable<Exchange> {
  readonly #members: Exchange[] = [];
  /** By index: place + 1; 0: none. */
  readonly #places: Int32Array;

  /** @param exchanges how many there are at most */
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

  /** In no order, and as they are now: who goes meanwhile is met all the same. */
  [Symbol.iterator](): Iterator<Exchange> {
    return this.#members.slice()[Symbol.iterator]();
  }
}

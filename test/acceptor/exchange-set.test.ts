/**
 * The members of a set of exchanges after additions and deletions in any order.
 */
import { expect, test } from 'vitest';
import { Exchange } from '../../src/acceptor/exchange/exchange.ts';
import { ExchangeSet } from '../../src/acceptor/exchange/exchange-set.ts';

test('a set holds the added and not deleted exchanges, after any order of both', () => {
  const all = Array.from({ length: 50 }, (_, index) => new Exchange(index));
  const set = new ExchangeSet(all.length);
  const model = new Set<Exchange>();
  for (let i = 0, at = 7; i < 5000; i++) {
    at = (at * 31 + i) % all.length;
    const one = all[at]!;
    expect(set.has(one)).toBe(model.has(one));
    if (i % 3 === 0) set.delete(one);
    else set.add(one);
    if (i % 3 === 0) model.delete(one);
    else model.add(one);
    expect(set.size).toBe(model.size);
  }
  expect(new Set(set)).toEqual(model);
});

test('an exchange deleted during an iteration is still visited, and is no longer in the set', () => {
  const all = [0, 1, 2].map((index) => new Exchange(index));
  const set = new ExchangeSet(all.length);
  for (const one of all) set.add(one);
  const met = [];
  for (const one of set) {
    met.push([one.index, set.has(one)]);
    for (const other of all) set.delete(other);
  }
  expect(met).toEqual([
    [0, true],
    [1, false],
    [2, false],
  ]);
  expect(set.size).toBe(0);
});

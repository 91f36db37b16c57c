/**
 * The members of the roster after additions and deletions in any order.
 */
import { expect, test } from 'vitest';
import { Roster } from '../../src/worker/exchange/roster.ts';

test('the roster holds the added and not deleted members, after any order of both', () => {
  const roster = new Roster<{ place: number }>();
  const model = new Set<{ place: number }>();
  const all = Array.from({ length: 50 }, () => ({ place: -1 }));
  for (let i = 0, at = 7; i < 5000; i++) {
    at = (at * 31 + i) % all.length;
    const one = all[at]!;
    if (model.has(one)) {
      expect(roster.delete(one)).toBe(model.delete(one));
    } else {
      expect(roster.delete(one)).toBe(false);
      roster.add(one);
      model.add(one);
    }
    expect(roster.size).toBe(model.size);
  }
  expect(new Set(roster)).toEqual(model);
});

test('a member deleted during an iteration is still visited', () => {
  const roster = new Roster<{ place: number }>();
  const all = [1, 2, 3].map(() => ({ place: -1 }));
  for (const one of all) roster.add(one);
  const met = [];
  for (const one of roster) {
    met.push(one);
    for (const other of all) roster.delete(other);
  }
  expect(met).toEqual(all);
  expect(roster.size).toBe(0);
});

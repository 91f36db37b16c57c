/**
 * What the rules of startResponse let through, whatever has passed before.
 */
import { expect, test } from 'vitest';
import { copyHeaders, lengthOf } from '../../src/tsgi/check.ts';

test('a field is judged by itself, also where one like it has passed', () => {
  copyHeaders([['a', 'b']]);
  for (const value of ['b\r', 'b\0', '\u0100', 7, undefined, ['b']])
    expect(() => copyHeaders([['a', value]])).toThrow(/Latin-1 string/);
  expect(() => copyHeaders([['a ', 'b']])).toThrow(/token/);
  expect(() => copyHeaders([['connection', 'b']])).toThrow(/hop-by-hop/);
  expect(() => copyHeaders([['a', 'b', 'c']])).toThrow(/pair/);
  expect(copyHeaders([['a', 'b']])).toEqual([['a', 'b']]);
});

test('every copy is its receiver’s own', () => {
  const given: [string, string][] = [['a', 'b']];
  const one = copyHeaders(given);
  one[0]![1] = 'changed';
  one.push(['c', 'd']);
  expect(copyHeaders(given)).toEqual([['a', 'b']]);
  expect(given).toEqual([['a', 'b']]);
});

test('a list longer than what is remembered of one', () => {
  const list = (last: string) =>
    Array.from({ length: 40 }, (_, i): [string, string] => [`x-${i}`, i === 39 ? last : `${i}`]);
  expect(copyHeaders(list('a'))).toEqual(list('a'));
  expect(copyHeaders(list('b'))).toEqual(list('b'));
  expect(() => copyHeaders(list('\n'))).toThrow(/x-39/);
});

test('a Content-Length is found in any case of letters, and not in names that are as long', () => {
  expect(
    lengthOf(
      copyHeaders([
        ['x-content-size', '9'],
        ['CONTENT-length', '7'],
      ]),
    ),
  ).toBe(7);
  expect(lengthOf(copyHeaders([['x-content-size', '9']]))).toBe(-1);
  const twice = [
    ['content-length', '1'],
    ['Content-Length', '1'],
  ];
  expect(() => lengthOf(copyHeaders(twice))).toThrow(/once/);
});

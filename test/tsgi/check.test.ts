/**
 * The checked copy that startResponse makes of a list of fields.
 */
import { expect, test } from 'vitest';
import { copyHeaders, lengthOf } from '../../src/tsgi/check-answer.ts';

test('a checked copy belongs to its receiver', () => {
  const given: [string, string][] = [['a', 'b']];
  const copy = copyHeaders(given);
  copy[0]![1] = 'changed';
  copy.push(['c', 'd']);
  expect(copyHeaders(given)).toEqual([['a', 'b']]);
  expect(given).toEqual([['a', 'b']]);
});

test('a Content-Length is found in any letter case, and other names of that length are not', () => {
  const other: [string, string] = ['x-content-size', '9'];
  expect(lengthOf(copyHeaders([other, ['CONTENT-length', '7']]))).toBe(7);
  expect(lengthOf(copyHeaders([other]))).toBe(-1);
  const twice = [
    ['content-length', '1'],
    ['Content-Length', '1'],
  ];
  expect(() => lengthOf(copyHeaders(twice))).toThrow(/once/);
});

/**
 * What startResponse makes of a list of fields.
 */
import { expect, test } from 'vitest';
import { copyHeaders, lengthOf } from '../../src/tsgi/check-answer.ts';

test('a copy is its receiver’s own', () => {
  const given: [string, string][] = [['a', 'b']];
  const copy = copyHeaders(given);
  copy[0]![1] = 'changed';
  copy.push(['c', 'd']);
  expect(copyHeaders(given)).toEqual([['a', 'b']]);
  expect(given).toEqual([['a', 'b']]);
});

test('a Content-Length is found in any case of letters, and not in names that are as long', () => {
  const other: [string, string] = ['x-content-size', '9'];
  expect(lengthOf(copyHeaders([other, ['CONTENT-length', '7']]))).toBe(7);
  expect(lengthOf(copyHeaders([other]))).toBe(-1);
  const twice = [
    ['content-length', '1'],
    ['Content-Length', '1'],
  ];
  expect(() => lengthOf(copyHeaders(twice))).toThrow(/once/);
});

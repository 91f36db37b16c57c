/**
 * A view over a list of headers. It finds names in any letter case, and changes the list itself.
 */
import { expect, test } from 'vitest';
import { HeaderView, withParameters } from '../../src/tsgi/headers.ts';
import type { HeaderList } from '../../src/tsgi/types.ts';

const list = (): HeaderList => [
  ['Content-Type', 'text/html'],
  ['Set-Cookie', 'a=1'],
  ['X-A', ''],
  ['set-cookie', 'b=2'],
];

test('get, getAll and has find a name in any letter case', () => {
  const view = new HeaderView(list());
  expect([view.get('content-TYPE'), view.get('x-a'), view.get('none')]).toEqual(['text/html', '', undefined]);
  expect([view.getAll('SET-COOKIE'), view.getAll('none')]).toEqual([['a=1', 'b=2'], []]);
  expect([view.has('X-a'), view.has('x'), view.size]).toEqual([true, false, 4]);
});

test('set replaces the first field and removes the others, in the list itself', () => {
  const headers = list();
  new HeaderView(headers).set('Set-cookie', 'c=3').set('New', 'n');
  expect(headers).toEqual([['Content-Type', 'text/html'], ['Set-cookie', 'c=3'], ['X-A', ''], ['New', 'n']]); // prettier-ignore
});

test('append adds at the end, delete removes every field, setDefault adds only a missing field', () => {
  const headers = list();
  const view = new HeaderView(headers).append('set-cookie', 'c=3');
  expect(view.getAll('Set-Cookie')).toEqual(['a=1', 'b=2', 'c=3']);
  expect([view.delete('SET-COOKIE'), view.delete('set-cookie')]).toEqual([true, false]);
  expect([view.setDefault('X-A', '1'), view.setDefault('X-B', '2')]).toEqual(['', '2']);
  expect(headers).toEqual([['Content-Type', 'text/html'], ['X-A', ''], ['X-B', '2']]); // prettier-ignore
});

test('the view sees changes of the list, and iterates over it', () => {
  const headers: HeaderList = [];
  const view = new HeaderView(headers);
  headers.push(['A', 'b']);
  expect([view.get('a'), [...view], [...new HeaderView()]]).toEqual(['b', [['A', 'b']], []]);
});

test.each<[Record<string, string | undefined>, string]>([
  [{}, 'attachment'],
  [{ filename: 'a.txt' }, 'attachment; filename=a.txt'],
  [{ filename: 'a b.txt' }, 'attachment; filename="a b.txt"'],
  [{ filename: 'a"b\\c' }, 'attachment; filename="a\\"b\\\\c"'],
  [{ filename: '' }, 'attachment; filename=""'],
  [{ one: undefined, two: '2' }, 'attachment; one; two=2'],
])('parameters %j', (parameters, value) => {
  expect(withParameters('attachment', parameters)).toBe(value);
  const view = new HeaderView().set('a', 'attachment', parameters).append('b', 'attachment', parameters);
  expect([view.get('a'), view.get('b')]).toEqual([value, value]);
});

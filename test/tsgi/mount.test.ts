/**
 * Applications by prefix: the choice, the path, and the unchanged body.
 */
import { expect, test } from 'vitest';
import { mount } from '../../src/tsgi/mount.ts';
import type { Application, Body } from '../../src/tsgi/types.ts';
import { testRequest } from '../../src/tsgi/util.ts';

const named =
  (name: string): Application =>
  (environ, startResponse) => {
    startResponse(200, []);
    return `${name} ${environ.SCRIPT_NAME} ${environ.PATH_INFO}`;
  };

const site = mount({
  '/a': named('a'),
  '/a/b/': named('b'),
  '/ü x': named('ü'),
  '/n': mount({ '/m': named('m'), '/': named('rest') }),
  '/': named('root'),
});

test.each([
  ['/', 'root  /'],
  ['/x', 'root  /x'],
  ['/a', 'a /a '],
  ['/a/', 'a /a /'],
  ['/a/c', 'a /a /c'],
  ['/ab', 'root  /ab'],
  ['/a/b', 'b /a/b '],
  ['/a/b/c?d', 'b /a/b /c'],
  ['/a/bc', 'a /a /bc'],
  ['/%C3%BC%20x/y', 'ü /ü x /y'],
  ['/n/m/x', 'm /n/m /x'],
  ['/n/k', 'rest /n /k'],
])('%s goes to %s', async (url, text) => {
  expect((await testRequest(site, { url })).text).toBe(text);
});

test('a path without a matching prefix gets 404, or the application for the rest', async () => {
  const one = { '/a': named('a') };
  expect(await testRequest(mount(one), { url: '/b' })).toMatchObject({ status: 404, text: 'Not Found\n' });
  expect((await testRequest(mount(one, named('rest')), { url: '/b' })).text).toBe('rest  /b');
});

test('the body is the same object that the application returned', () => {
  const body: Body = [];
  const environ = { PATH_INFO: '/a', SCRIPT_NAME: '' };
  expect(mount({ '/a': () => body })(environ as never, () => () => Promise.resolve())).toBe(body);
});

test('a prefix without a slash, a repeated prefix and a value that is no application throw at once', () => {
  expect(() => mount({ a: named('a') })).toThrow("A prefix must begin with '/': 'a'");
  expect(() => mount({ '/a': undefined as never })).toThrow('The value mounted at /a is not an application');
  expect(() => mount({ '/a': named('a'), '/a/': named('b') })).toThrow(
    "Two applications are mounted at '/a'",
  );
  expect(() => mount({ '/': named('a'), '//': named('b') })).toThrow("Two applications are mounted at '/'");
});

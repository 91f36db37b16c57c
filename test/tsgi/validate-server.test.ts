/**
 * The validator tests the server around it: it names the right rule for each wrong value and call of a server.
 */
import { describe, expect, test } from 'vitest';
import type { Rule } from '../../src/tsgi/rules.ts';
import type { Application, Environ, StartResponse } from '../../src/tsgi/types.ts';
import { setupTestingDefaults } from '../../src/tsgi/util.ts';
import { validator } from '../../src/tsgi/validate.ts';

/** Wrong on purpose, which the types forbid. */
// eslint-disable-next-line @typescript-eslint/no-explicit-any
const any = (value: unknown) => value as any;

describe('the validator names the rule of a wrong server', () => {
  const right: Application = (_, start) => (start(200, []), 'a');
  const environ = (change: Record<string, unknown>) => Object.assign(setupTestingDefaults(), change);
  const start: StartResponse = () => () => Promise.resolve();

  test.each<[Rule, string, unknown]>([
    ['S1', 'a frozen environ', Object.freeze(environ({}))],
    ['S1', 'an environ of a class', Object.assign(new Map() as object, environ({}))],
    ['S2', 'a number for a port', environ({ SERVER_PORT: 80 })],
    ['S2', 'an empty server name', environ({ SERVER_NAME: '' })],
    ['S2', 'no query', environ({ QUERY_STRING: undefined })],
    ['S2', 'a variable of CGI that is no text', environ({ HTTPS: true })],
    ['S4', 'a root that is /', environ({ SCRIPT_NAME: '/' })],
    ['S4', 'a mount that ends in /', environ({ SCRIPT_NAME: '/a/' })],
    ['S4', 'a mount without a slash', environ({ SCRIPT_NAME: 'a' })],
    ['S4', 'a path without a slash', environ({ PATH_INFO: 'a' })],
    ['S5', 'a query with its ?', environ({ QUERY_STRING: '?a' })],
    ['S7', 'a twin of the type', environ({ HTTP_CONTENT_TYPE: 'a/b' })],
    ['S7', 'a length that is none', environ({ CONTENT_LENGTH: '-1' })],
    ['S8', 'a protocol that is none', environ({ SERVER_PROTOCOL: '1.1' })],
    ['S9', 'a field that is a list', environ({ HTTP_ACCEPT: ['a', 'b'] })],
    ['S9', 'a value that was decoded', environ({ HTTP_A: '€' })],
    ['S9', 'a field by its own name', environ({ 'HTTP_X-a': 'b' })],
    ['S10', 'Proxy', environ({ HTTP_PROXY: 'a' })],
    ['S10', 'Transfer-Encoding', environ({ HTTP_TRANSFER_ENCODING: 'chunked' })],
    ['S11', 'a version that is text', environ({ 'tsgi.version': '1.0' })],
    ['S11', 'a scheme that is neither', environ({ 'tsgi.url_scheme': 'ws' })],
    ['S11', 'a flag that is none', environ({ 'tsgi.concurrent': 1 })],
    ['S11', 'a key of TSGI that there is not', environ({ 'tsgi.websocket': {} })],
    ['S11', 'a key of its own without a prefix', environ({ session: {} })],
    ['S12', 'no signal', environ({ 'tsgi.signal': undefined })],
    ['S12', 'a controller for a signal', environ({ 'tsgi.signal': new AbortController() })],
    [
      'S12',
      'another signal each time',
      Object.defineProperty(environ({}), 'tsgi.signal', {
        get: () => new AbortController().signal,
        set() {},
        enumerable: true,
        configurable: true,
      }),
    ],
    ['S13', 'an input without readline', environ({ 'tsgi.input': { read() {} } })],
    ['S18', 'errors without flush', environ({ 'tsgi.errors': { write() {}, writelines() {} } })],
    ['S36', 'a file wrapper that is none', environ({ 'tsgi.file_wrapper': true })],
  ])('%s: %s', (rule, _, wrong) => {
    expect(() => validator(right)(wrong as Environ, start)).toThrow(expect.objectContaining({ rule }));
  });

  test('S19: no startResponse', () => {
    expect(() => any(validator(right))(environ({}))).toThrow(expect.objectContaining({ rule: 'S19' }));
  });

  test('S20: a startResponse that does not return write', () => {
    const wrong = () => undefined;
    expect(() => validator(right)(setupTestingDefaults(), any(wrong))).toThrow(
      expect.objectContaining({ rule: 'S20' }),
    );
  });

  test('S28: close called twice, and a body iterated after close', () => {
    const streams = validator((_, startResponse) => {
      startResponse(200, []);
      return (function* () { yield 'a'; })(); // prettier-ignore
    });
    const body = streams(setupTestingDefaults(), start) as Iterable<string> & { close(): void };
    body.close();
    expect(() => [...body]).toThrow(expect.objectContaining({ rule: 'S28' }));
    expect(() => body.close()).toThrow(expect.objectContaining({ rule: 'S28' }));
  });
});

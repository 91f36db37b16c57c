/**
 * A function that may be TSGI or not: its first call decides, and the error names the flag.
 */
import type { IncomingMessage, ServerResponse } from 'node:http';
import type { Application } from 'tsgi-threads/tsgi';
import { expect, test } from 'vitest';
import { untilProven } from '../../src/worker/load/ambiguous.ts';

const ENVIRON = {} as never;
const startResponse = (() => {}) as never;

type Listener = (request: IncomingMessage, response: ServerResponse) => unknown;
type Handler = (request: Request) => unknown;

const ends: Listener = (_, response) => response.end('hello');
const looks: Listener = (request) => request.socket.remoteAddress;
const answers: Handler = () => new Response('hello');
class Json extends Response {
  get [Symbol.toStringTag]() {
    return 'Json';
  }
}
const extended: Handler = () => new Json('{}');
const promises: Handler = async () => new Response('hello');
const reads: Handler = async (request) => request.text();

test.each<[string, Listener | Handler, string]>([
  ['ends a response', ends, 'node'],
  ['looks for the address of a socket', looks, 'node'],
  ['returns nothing', () => undefined, 'node'],
  ['returns a Response', answers, 'fetch'],
  ['returns one of a class of its own', extended, 'fetch'],
  ['returns a promise of one', promises, 'fetch'],
  ['reads its body', reads, 'fetch'],
])('one that %s', async (_, application, flag) => {
  const called = async () => untilProven(application as unknown as Application)(ENVIRON, startResponse);
  await expect(called()).rejects.toMatchObject({
    code: 'TSGI_ERR_APP_INTERFACE',
    status: 500,
    message: expect.stringContaining(`start the server with --interface ${flag}`),
  });
});

test('its own errors propagate, and a function that has succeeded once is not checked again', async () => {
  const fails = untilProven(() => {
    throw new TypeError('no number');
  });
  expect(() => fails(ENVIRON, startResponse)).toThrow('no number');
  let calls = 0;
  const proven = untilProven((() => (calls++ === 0 ? 'hello' : undefined)) as Application);
  expect(proven(ENVIRON, startResponse)).toBe('hello');
  expect(proven(ENVIRON, startResponse)).toBe(undefined);
});

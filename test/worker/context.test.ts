/**
 * Each exchange has its own asynchronous context (AsyncLocalStorage), from its call to its last event.
 */
import { describe, expect, test } from 'vitest';
import { Client } from '../support/client.ts';
import { appFile, serveFile } from '../support/server.ts';

const STORAGE = `
  import { AsyncLocalStorage } from 'node:async_hooks';
  const storage = new AsyncLocalStorage();
  const turn = () => new Promise((resolve) => setImmediate(resolve));
`;

/** Sends `times` requests one after the other on each of several connections. Resolves with the responses. */
async function askAll(port: number, clients: number, times: number): Promise<string[]> {
  const bodies = await Promise.all(
    Array.from({ length: clients }, async (_, i) => {
      const client = await Client.connect(port);
      const seen: string[] = [];
      for (let n = 0; n < times; n++) {
        await client.write(`GET /${i}-${n} HTTP/1.1\r\nHost: a\r\n\r\n`);
        seen.push((await client.answer())?.body ?? 'none');
      }
      client.close();
      return seen;
    }),
  );
  return bodies.flat();
}

/** The function that each interface calls, with the URL and a function that answers. */
const INTERFACES = {
  node: (code: string) => `export default (request, response, next) => {
    const { url } = request;
    const answer = (text) => response.end(text);
    ${code}
  };`,
  tsgi: (code: string) => `export default (environ, startResponse) => new Promise((resolve) => {
    const url = environ.REQUEST_URI;
    const answer = (text) => (startResponse(200, []), resolve(text));
    ${code}
  });`,
  fetch: (code: string) => `export default { fetch: (request) => new Promise((resolve) => {
    const url = new URL(request.url).pathname;
    const answer = (text) => resolve(new Response(text));
    ${code}
  }) };`,
};

describe.each(Object.keys(INTERFACES) as (keyof typeof INTERFACES)[])('%s', (name) => {
  test.each([0, 1])(
    'a store entered by one exchange is invisible to another (%s threads)',
    async (threads) => {
      const code = INTERFACES[name](`
      const before = storage.getStore();
      storage.enterWith(url);
      turn().then(() => answer(before + ' ' + storage.getStore()));`);
      const { port } = await serveFile(appFile(STORAGE + code), threads);
      const seen = await askAll(port, 40, 5);
      expect(seen).toHaveLength(200);
      for (const text of seen) expect(text).toMatch(/^undefined \/\d+-\d+$/);
    },
  );

  test.each([0, 1])('an exchange does not start in the store of another (%s threads)', async (threads) => {
    const code = INTERFACES[name](`
      const before = storage.getStore();
      storage.run(url, async () => {
        for (let i = 0; i < 3; i++) await turn();
        answer(before + ' ' + storage.getStore());
      });`);
    const { port } = await serveFile(appFile(STORAGE + code), threads);
    const seen = await askAll(port, 40, 5);
    expect(seen).toHaveLength(200);
    for (const text of seen) expect(text).toMatch(/^undefined \/\d+-\d+$/);
  });
});

test('every callback of a listener runs in the context of its registration', async () => {
  const app = appFile(`${STORAGE}
    let tell;
    const told = new Promise((resolve) => (tell = resolve));
    const run = (request, response) => {
      const seen = [];
      const note = (name) => () => seen.push(name + ' ' + storage.getStore());
      for (const name of ['end', 'close']) request.on(name, note('request ' + name));
      request.once('data', note('data')).resume();
      response.once('drain', note('drain')).on('finish', note('finish'));
      response.write('x'.repeat(300_000), note('written'));
      // The later event ends the response, because a response that has ended emits no 'drain'.
      let due = 2;
      const end = () => { if (--due === 0) response.end('y'.repeat(3_000_000), note('ended')); };
      request.on('end', end);
      response.once('drain', end);
      response.on('close', () => tell(seen.concat('close ' + storage.getStore())));
    };
    export default (request, response) => {
      if (request.url === '/told') return void told.then((seen) => response.end(seen.sort().join()));
      storage.run('here', run, request, response);
    };
  `);
  const { port } = await serveFile(app, 1, { interface: 'node' });
  const client = await Client.connect(port);
  const body = 'z'.repeat(500_000);
  await client.write(`POST / HTTP/1.1\r\nHost: a\r\nContent-Length: ${body.length}\r\n\r\n${body}`);
  expect((await client.answer())?.body.length).toBe(3_300_000);
  await client.write('GET /told HTTP/1.1\r\nHost: a\r\n\r\n');
  const names = ['close', 'data', 'drain', 'ended', 'finish', 'request close', 'request end', 'written'];
  expect((await client.answer())?.body.split(',')).toEqual(names.map((name) => `${name} here`));
  client.close();
});

/**
 * A half-closed client, for fetch handlers and for requests that no worker has begun.
 */
import { expect, test } from 'vitest';
import { Client } from '../support/client.ts';
import { appFile, serveFile } from '../support/server.ts';
import { get } from './behaviours.ts';

const FETCH = `let told;
  export default {
    async fetch({ url, signal }) {
      const { pathname } = new URL(url);
      if (pathname === '/sync') return new Response('answer');
      if (pathname === '/told') return new Response(await told);
      const called = performance.now();
      told = new Promise((resolve) => signal.addEventListener('abort', () => resolve('aborted')));
      await told;
      return new Response('late');
    },
  };`;

test.each([0, 1, 2])(
  'a fetch handler is notified at once of a half-close, %i threads (C43)',
  async (threads) => {
    const { port } = await serveFile(appFile(FETCH), threads);
    const timed = async (target: string, answer: RegExp) => {
      const client = await Client.connect(port);
      const start = performance.now();
      client.socket.end(get(target));
      expect([await client.rest(), client.ended]).toEqual([expect.stringMatching(answer), true]);
      return performance.now() - start;
    };
    const [aborted, answered]: [number[], number[]] = [[], []];
    for (let i = 0; i < 5; i++) {
      answered.push(await timed('/sync', /\r\n\r\nanswer$/));
      aborted.push(await timed('/wait', /^$/));
    }
    // The same machine answers a request in the other time: what is left is the delay of the abort.
    expect(Math.min(...aborted) - Math.min(...answered)).toBeLessThan(30);
  },
);

test('a half-closed client receives the response of a fetch handler’s first call (C43)', async () => {
  const { port } = await serveFile(appFile(FETCH), 1);
  const client = await Client.connect(port);
  client.socket.end(get('/sync') + get('/sync'));
  const text = await client.rest();
  expect(text.match(/\r\n\r\nanswer/g)).toHaveLength(2);
  client.close();
});

test('a listener is not called for a client that left while its request waited for a worker (C43)', async () => {
  const app = appFile(`let called = 0;
    export default (request, response) => {
      if (request.url === '/count') return void response.end(String(called));
      called += 1;
      if (request.url === '/burn') {
        response.writeProcessing();
        const end = Date.now() + 400;
        while (Date.now() < end);
      }
      response.end('answer');
    };`);
  const { port } = await serveFile(app, 1, { interface: 'node' });
  const [busy, gone, last] = [
    await Client.connect(port),
    await Client.connect(port),
    await Client.connect(port),
  ];
  await busy.write(get('/burn'));
  await busy.until(() => busy.received.includes('102 Processing'));
  gone.socket.end(get('/gone'));
  expect(await gone.rest()).toBe('');
  await last.write(get('/count'));
  expect((await last.answer())?.body).toBe('1');
  for (const client of [busy, gone, last]) client.close();
});

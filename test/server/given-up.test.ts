/**
 * Exchanges and heads that the acceptor gives up, and the places that it frees.
 */
import { writeFileSync } from 'node:fs';
import path from 'node:path';
import { expect, test } from 'vitest';
import { Client } from '../support/client.ts';
import { appFile, serve, serveFile } from '../support/server.ts';
import { until } from '../support/until.ts';

const post = (target: string, length: number, sent: number) =>
  `POST ${target} HTTP/1.1\r\nHost: a\r\nContent-Length: ${length}\r\n\r\n${'x'.repeat(sent)}`;

test('a body that would block the last worker after a begun response aborts the connection', async () => {
  const { port, log } = await serveFile(
    appFile(`export default async (environ, startResponse) => {
      const input = environ['tsgi.input'];
      const blocks = environ.PATH_INFO === '/block';
      if (blocks) await startResponse(200, [])('begun');
      await input.read(1000);
      while ((blocks ? input.readSync(65536) : await input.read(65536)).length > 0);
      if (!blocks) startResponse(200, []);
      return ['end'];
    };`),
    2,
    { bodyBuffer: 1024 },
  );
  // The application waits and is not known to block, so half of all places are open.
  const first = await Client.connect(port);
  await first.write(post('/', 100_000, 100_000));
  expect(await first.answer()).toMatchObject({ body: 'end' });
  const clients = await Promise.all(Array.from({ length: 8 }, () => Client.connect(port)));
  for (const client of clients) await client.write(post('/block', 100_000, 3000));
  await until(() => clients.some(({ ended, error }) => ended || error !== undefined));
  const begun = clients.filter(({ received }) => received.includes('begun'));
  expect(begun.map(({ received }) => received.toString()).join('')).not.toContain('503');
  expect(begun.map(({ error }) => (error as NodeJS.ErrnoException | undefined)?.code)).toContain(
    'ECONNRESET',
  );
  expect(log).toEqual([]);
  for (const client of [first, ...clients]) client.close();
});

test('an unfinished body has no place among the uploads while its file is sent', async () => {
  const file = appFile('', 'large');
  writeFileSync(file, Buffer.alloc(32 * 1024 * 1024));
  const { port, server } = await serve(
    `const { open } = await import('node:fs/promises');
     const { pathToFileURL } = await import('node:url');
     startResponse(200, []);
     return environ['tsgi.file_wrapper'](${JSON.stringify(path.resolve(file))});`,
    1,
    { bodyBuffer: 1024 },
  );
  const client = await Client.connect(port);
  client.socket.pause();
  await client.write(post('/', 1_000_000, 3000));
  await until(() => server.stats().requests === 1);
  expect(server.stats().uploads).toBe(0);
  client.close();
});

test.each(['behind a request that runs', 'on a connection of its own'])(
  'a graceful close does not wait for the rest of a head: %s',
  async (where) => {
    const { port, server } = await serve(
      `await new Promise((resolve) => setTimeout(resolve, 100)); startResponse(200, []); return ['late'];`,
      1,
      { headersTimeout: 120_000, shutdownTimeout: 120_000 },
    );
    const client = await Client.connect(port);
    const request = 'GET / HTTP/1.1\r\nHost: a\r\n\r\n';
    await client.write(where === 'behind a request that runs' ? request : '', 'GET / HTTP/1.1\r\nHos');
    if (where === 'behind a request that runs') await until(() => server.stats().inFlight === 1);
    const other = await Client.connect(port);
    await other.write(request);
    await other.answer();
    await server.close();
    expect(await client.rest()).toMatch(/HTTP\/1\.1 408 /);
  },
);

/**
 * Timeouts: each causes its status within its time.
 */
import { expect, test } from 'vitest';
import { Client } from '../support/client.ts';
import { serve } from '../support/server.ts';
import { until } from '../support/until.ts';

const HELLO = `startResponse(200, []); return 'hello';`;

async function timed(work: () => Promise<unknown>): Promise<number> {
  const start = performance.now();
  await work();
  return performance.now() - start;
}

test('headersTimeout: half a head causes 408, also if it grows byte by byte', async () => {
  const { port } = await serve(HELLO, 1, { headersTimeout: 300 });
  const client = await Client.connect(port);
  await client.write('GET / HTTP/1.1\r\nHo');
  const trickle = setInterval(() => void client.write('s'), 40);
  const time = await timed(() => client.rest());
  clearInterval(trickle);
  expect(client.received.toString()).toMatch(/^HTTP\/1\.1 408 Request Timeout\r\n/);
  expect(time).toBeLessThan(300 + 250);
  client.close();
});

test('headersTimeout: a client that connects and sends nothing is closed without a byte', async () => {
  const { port } = await serve(HELLO, 1, { headersTimeout: 200 });
  const client = await Client.connect(port);
  expect(await client.rest()).toBe('');
  client.close();
});

test('keepAliveTimeout: an idle connection is closed without a byte', async () => {
  const { port } = await serve(HELLO, 1, { keepAliveTimeout: 200 });
  const client = await Client.connect(port);
  await client.write('GET / HTTP/1.1\r\nHost: a\r\n\r\n');
  expect((await client.answer())?.body).toBe('hello');
  const time = await timed(() => client.rest());
  expect(client.received.toString()).toBe('');
  expect(time).toBeGreaterThan(140);
  expect(time).toBeLessThan(200 + 250);
  client.close();
});

test.each([
  ['collected', 65_536],
  ['streamed', 0],
])('bodyTimeout: a client that stops within a %s body gets 408', async (_, bodyBuffer) => {
  const { port } = await serve(`await environ['tsgi.input'].read(); ${HELLO}`, 1, {
    bodyTimeout: 200,
    bodyBuffer,
  });
  const client = await Client.connect(port);
  await client.write('POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 100\r\n\r\nhalf');
  const time = await timed(() => client.rest());
  expect(client.received.toString()).toMatch(/^HTTP\/1\.1 408 /);
  expect(time).toBeLessThan(200 + 250);
  client.close();
});

test.each([
  ['head', 'GET / HTTP/1.1\r\nHo', 'st: a\r\n\r\n'],
  ['body', 'POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 4\r\n\r\nha', 'lf'],
])('bytes after the 408 of a %s, its rest and more, are no request', async (_, half, rest) => {
  const { port, server } = await serve(HELLO, 1, { headersTimeout: 100, bodyTimeout: 100 });
  const client = await Client.connect(port);
  await client.write(half);
  await client.until(() => client.received.includes('408'));
  await client.write(rest, 'GET /more HTTP/1.1\r\nHost: a\r\n\r\n');
  expect((await client.rest()).match(/HTTP\/1\.1 \d+/g)).toEqual(['HTTP/1.1 408']);
  client.close();
  await until(() => server.stats().connections === 0);
  expect(server.stats().requests).toBe(0);
});

test('a request after one that waited too long is answered in its turn', async () => {
  const { port } = await serve(
    `const end = Date.now() + 600; while (environ.PATH_INFO === '/busy' && Date.now() < end); ${HELLO}`,
    1,
    { pendingTimeout: 150 },
  );
  const busy = await Client.connect(port);
  await busy.write('GET /busy HTTP/1.1\r\nHost: a\r\n\r\n');
  const client = await Client.connect(port);
  await client.write('POST /1 HTTP/1.1\r\nHost: a\r\nContent-Length: 2\r\n\r\nok');
  expect((await client.answer())?.status).toBe(503);
  await busy.answer();
  await client.write('GET /2 HTTP/1.1\r\nHost: a\r\n\r\n');
  expect((await client.answer())?.body).toBe('hello');
  for (const each of [busy, client]) each.close();
});

test('minBodyRate: a trickling body causes 408 after the grace period', async () => {
  const { port } = await serve(HELLO);
  const client = await Client.connect(port);
  await client.write('POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 10000\r\n\r\n');
  const trickle = setInterval(() => void client.write('x'), 100);
  const time = await timed(() => client.rest());
  clearInterval(trickle);
  expect(client.received.toString()).toMatch(/^HTTP\/1\.1 408 /);
  expect(time).toBeLessThan(5000 + 500);
  client.close();
});

test('writeTimeout: a client that reads nothing of its response is reset, and its application is notified', async () => {
  const { port, server, log } = await serve(
    `
    environ['tsgi.signal'].addEventListener('abort', () => environ['tsgi.errors'].write('aborted\\n'));
    startResponse(200, []);
    return (async function* () { for (;;) yield new Uint8Array(65536); })();
  `,
    1,
    { writeTimeout: 300 },
  );
  const client = await Client.connect(port);
  client.socket.pause();
  await client.write('GET / HTTP/1.1\r\nHost: a\r\n\r\n');
  await until(() => log.length !== 0);
  expect(log).toEqual(['aborted']);
  await until(() => server.stats().inFlight === 0 && server.stats().connections === 0);
  client.close();
});

test('a refusal is logged once with the limit, its value and its flag', async () => {
  const { port, log } = await serve(HELLO, 1, { maxBodySize: '1KiB' });
  for (let i = 0; i < 3; i++) {
    const client = await Client.connect(port);
    await client.write('POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 5000\r\n\r\n');
    expect((await client.answer())?.status).toBe(413);
    client.close();
  }
  expect(log).toEqual([
    'Answered a client with 413: maxBodySize 1KiB (--max-body-size) (logged once a minute)',
  ]);
});

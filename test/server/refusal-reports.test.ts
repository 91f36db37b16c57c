/**
 * Log lines about requests that their application did not answer: each names the request and one cause.
 */
import type { Server } from 'tsgi-threads';
import { expect, test } from 'vitest';
import { Client, exchange } from '../support/client.ts';
import { appFile, serveFile } from '../support/server.ts';

const HANGS = `let count = 0; export default (environ, startResponse) => new Promise(() => {});`;

const get = (target: string) => `GET ${target} HTTP/1.1\r\nHost: a\r\n\r\n`;

const PATIENCE = { timeout: 10_000 };

/** The number of waiting requests among all in flight. */
function queueOf(server: Server): string {
  const { pending, inFlight } = server.stats();
  return `${pending} of ${inFlight}`;
}

/** Options whose names must not occur in a line about another option. */
const LIMITS = ['maxPending', 'pendingTimeout', 'maxBuffered', 'maxConnections'];

function expectOne(line: string | undefined, limit: string): void {
  expect(LIMITS.filter((name) => line?.includes(name))).toEqual([limit]);
}

test('a full queue logs the request, maxPending with its value, and the queue (C20)', async () => {
  const { port, server, log } = await serveFile(appFile(HANGS), 1, {
    interface: 'tsgi',
    concurrency: 1,
    maxPending: 2,
    pendingTimeout: 60_000,
    shutdownTimeout: 100,
  });
  const clients = await Promise.all([1, 2, 3].map(() => Client.connect(port)));
  await clients[0]!.write(get('/first'));
  await expect.poll(() => queueOf(server), PATIENCE).toBe('0 of 1');
  for (const client of clients.slice(1)) await client.write(get('/waits'));
  await expect.poll(() => queueOf(server), PATIENCE).toBe('2 of 3');
  expect(await exchange(port, `GET /refused?a=b HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n`)).toMatch(
    /^HTTP\/1\.1 503 /,
  );
  const line = log.find((text) => text.includes('503'));
  expect(line).toMatch(
    /^Answered GET \/refused\?a=b with 503: the queue is full; maxPending 2 \(--max-pending\); 2 requests wait for a worker, 1 run \(/,
  );
  expectOne(line, 'maxPending');
  for (const client of clients) client.close();
});

test('a wait that was too long logs the request and pendingTimeout (C20)', async () => {
  const { port, server, log } = await serveFile(appFile(HANGS), 1, {
    interface: 'tsgi',
    concurrency: 1,
    pendingTimeout: 100,
    shutdownTimeout: 100,
  });
  const first = await Client.connect(port);
  await first.write(get('/first'));
  await expect.poll(() => queueOf(server), PATIENCE).toBe('0 of 1');
  expect(await exchange(port, `GET /waited HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n`)).toMatch(
    /^HTTP\/1\.1 503 /,
  );
  const line = log.find((text) => text.includes('503'));
  expect(line).toMatch(/^Answered GET \/waited with 503: no worker took it in time; pendingTimeout 100ms/);
  expectOne(line, 'pendingTimeout');
  first.close();
});

test('too many connections log only maxConnections (C20)', async () => {
  const { port, log } = await serveFile(appFile(HANGS), 1, {
    interface: 'tsgi',
    maxConnections: 2,
    shutdownTimeout: 100,
  });
  const clients = await Promise.all([1, 2].map(() => Client.connect(port)));
  for (const client of clients) await client.write(get('/'));
  expect(await exchange(port, '')).toMatch(/^HTTP\/1\.1 503 /);
  const line = log.find((text) => text.includes('503'));
  expect(line).toMatch(
    /^Answered a client with 503: too many connections are open; maxConnections 2 \(--max-connections\); /,
  );
  expectOne(line, 'maxConnections');
  for (const client of clients) client.close();
});

test('no memory for a request logs only maxBuffered (C20)', async () => {
  const { port, server, log } = await serveFile(appFile(HANGS), 1, {
    interface: 'tsgi',
    concurrency: 1,
    maxBuffered: 2 * 1024 * 1024,
    bodyBuffer: 1024 * 1024,
    shutdownTimeout: 100,
  });
  const clients: Client[] = [];
  for (let i = 0; i < 6 && !log.some((text) => text.includes('503')); i++) {
    const client = await Client.connect(port);
    clients.push(client);
    await client.write(
      `POST /large/${i} HTTP/1.1\r\nHost: a\r\nContent-Length: 700000\r\n\r\n${'x'.repeat(700_000)}`,
    );
    await expect
      .poll(() => server.stats().inFlight + server.stats().pending > i || client.received.length > 0)
      .toBe(true);
  }
  const line = log.find((text) => text.includes('503'));
  expect(line).toMatch(
    /^Answered POST \/large\/\d with 503: (?:there is )?no memory for .*; maxBuffered 2MiB/,
  );
  expectOne(line, 'maxBuffered');
  for (const client of clients) client.close();
});

test('a worker that exits logs each of its requests, with a 502 or a truncated response, and its exit (C20)', async () => {
  const app = appFile(`export default async (environ, startResponse) => {
    if (environ.PATH_INFO === '/begun') { startResponse(200, [])('part'); await new Promise(() => {}); }
    if (environ.PATH_INFO === '/exit') process.exit(3);
    await new Promise(() => {});
  };`);
  const { port, server, log } = await serveFile(app, 1, { interface: 'tsgi' });
  const [waits, begun] = [await Client.connect(port), await Client.connect(port)];
  await begun.write(get('/begun'));
  await begun.until(() => begun.received.includes('part'));
  await waits.write(get('/waits?q=1'));
  await expect.poll(() => server.stats().inFlight).toBe(2);
  expect(await exchange(port, `GET /exit HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n`)).toMatch(
    /^HTTP\/1\.1 502 /,
  );
  expect((await waits.answer())?.status).toBe(502);
  const lines = log.filter((text) => /502|Aborted/.test(text)).sort();
  expect(lines).toEqual([
    expect.stringMatching(/^Aborted the response to (?:GET \/begun|a request): worker 1 exited with code 3$/),
    'Answered GET /exit with 502: worker 1 exited with code 3',
    'Answered GET /waits?q=1 with 502: worker 1 exited with code 3',
  ]);
  for (const client of [waits, begun]) client.close();
});

test('an overflowing heap logs the request, the cause and its limit (C20)', { timeout: 60_000 }, async () => {
  const { spawn } = await import('node:child_process');
  const app = appFile(`export default (environ, startResponse) => {
    if (environ.PATH_INFO !== '/grows') { startResponse(200, []); return 'ok'; }
    const all = []; for (;;) all.push(new Array(10_000).fill(all.length));
  };`);
  const cli = new URL('../../dist/cli/main.js', import.meta.url).pathname;
  const child = spawn(process.execPath, [
    '--max-old-space-size=64',
    cli,
    app,
    '--port',
    '0',
    '--threads',
    '1',
  ]);
  let [out, text] = ['', ''];
  child.stdout.setEncoding('utf8').on('data', (part: string) => (out += part));
  child.stderr.setEncoding('utf8').on('data', (part: string) => (text += part));
  await expect.poll(() => out, { timeout: 20_000 }).toMatch(/listening on/);
  const url = /http:\/\/\S+/.exec(out)![0];
  expect((await fetch(`${url}/grows?user=7`)).status).toBe(502);
  await expect
    .poll(() => text, { timeout: 10_000 })
    .toMatch(
      /Answered GET \/grows\?user=7 with 502: worker \d exited with code \d+ \(.*memory limit.*\); its heap may have \d+ MiB\. Raise the limit with NODE_OPTIONS=--max-old-space-size/,
    );
  child.kill('SIGTERM');
});

/**
 * Pipelined requests and clients that do not read: the order, the bounds, and the continuation when the client reads.
 */
import { setTimeout as wait } from 'node:timers/promises';
import type { ServerOptions } from 'tsgi-threads';
import { describe, expect, test } from 'vitest';
import { Client } from '../support/client.ts';
import { appFile, serveFile, type TestServer } from '../support/server.ts';
import { until } from '../support/until.ts';

const get = (path: string) => `GET ${path} HTTP/1.1\r\nHost: a\r\n\r\n`;

/** Larger than one response of 60,000 bytes, and fewer than the kernel's buffers of both ends hold. */
const ANSWER_BYTES = 60_000;
/**
 * The kernel holds about 4 MiB of a connection on Linux. An acceptor that stops at its high-water mark adds less than 1
 * MiB.
 */
const MOST_AHEAD = 300;
const REQUESTS = 500;

/** The name of an interface, and an application of it that answers with its path. */
const APPS: [NonNullable<ServerOptions['interface']>, string][] = [
  [
    'tsgi',
    `export default (environ, startResponse) => {
      startResponse(200, [['x-path', environ.PATH_INFO]]);
      return environ.PATH_INFO.startsWith('/short') ? 'short' : 'x'.repeat(${ANSWER_BYTES});
    };`,
  ],
  [
    'fetch',
    `export default { fetch(request) {
      const path = new URL(request.url).pathname;
      return new Response(path.startsWith('/short') ? 'short' : 'x'.repeat(${ANSWER_BYTES}), { headers: { 'x-path': path } });
    } };`,
  ],
  [
    'node',
    `export default (request, response) => {
      response.setHeader('x-path', request.url);
      response.end(request.url.startsWith('/short') ? 'short' : 'x'.repeat(${ANSWER_BYTES}));
    };`,
  ],
];

/** Resolves with the number of answered requests once it has stopped growing. */
async function stalled({ server }: TestServer): Promise<number> {
  let last = -1;
  for (let same = 0; same < 10; await wait(20)) {
    const { requests } = server.stats();
    same = requests === last && requests > 0 ? same + 1 : 0;
    last = requests;
  }
  return last;
}

/** Reads the heads of responses as they arrive, and drops their bodies. */
async function paths(client: Client, count: number): Promise<string[]> {
  const found: string[] = [];
  while (found.length < count) {
    const answer = await client.answer();
    if (answer === undefined) break;
    found.push(`${answer.headers['x-path']} ${answer.body.length}`);
  }
  return found;
}

describe.each([1, 0])('with %i threads', (threads) => {
  test.each(APPS)(
    'a %s client that pipelines and does not read receives responses only as far as it reads, in order (A1)',
    async (name, source) => {
      // A client that still reads is not idle, so the keep-alive timeout must not end its connection.
      const test = await serveFile(appFile(source), threads, { interface: name, keepAliveTimeout: 100 });
      const client = await Client.connect(test.port);
      client.socket.pause();
      const all = Array.from({ length: REQUESTS }, (_, i) => (i % 3 === 0 ? `/short${i}` : `/${i}`));
      await client.write(all.map(get).join(''));
      expect(await stalled(test)).toBeLessThan(MOST_AHEAD);
      client.socket.resume();
      await client.write(get('/last'));
      all.push('/last');
      const bytes = (path: string) => (path.startsWith('/short') ? 5 : ANSWER_BYTES);
      expect(await paths(client, REQUESTS + 1)).toEqual(all.map((path) => `${path} ${bytes(path)}`));
      client.close();
    },
  );
});

test('a client that pipelines, half-closes and then reads receives every response (A1)', async () => {
  const test = await serveFile(appFile(APPS[0]![1]));
  const client = await Client.connect(test.port);
  client.socket.pause();
  const all = Array.from({ length: REQUESTS }, (_, i) => `/${i}`);
  client.socket.end(all.map(get).join(''));
  expect(await stalled(test)).toBeLessThan(MOST_AHEAD);
  client.socket.resume();
  expect(await paths(client, REQUESTS)).toEqual(all.map((path) => `${path} ${ANSWER_BYTES}`));
  await client.until(() => client.ended);
  expect(client.received.length).toBe(0);
  client.close();
});

test('a client that pipelines and never reads is reset after the write timeout (A1)', async () => {
  const { port, server } = await serveFile(appFile(APPS[0]![1]), 1, { writeTimeout: 300 });
  const client = await Client.connect(port);
  client.socket.pause();
  await client.write(get('/').repeat(REQUESTS));
  await until(() => server.stats().requests !== 0);
  await until(() => server.stats().connections === 0);
  expect(server.stats().requests).toBeLessThan(MOST_AHEAD);
  client.close();
});

/** CPU time of this process per response, µs, if `depth` requests are sent at once. */
async function cpuPerAnswer(port: number, depth: number, batches: number): Promise<number> {
  const client = await Client.connect(port);
  await client.write(get('/short'));
  await client.answer();
  const { length } =
    `HTTP/1.1 200 OK\r\nx-path: /short\r\nContent-Length: 5\r\nDate: ${new Date().toUTCString()}\r\n\r\nshort`;
  let received = 0;
  client.socket.removeAllListeners('data').on('data', (bytes: Buffer) => (received += bytes.length));
  const start = process.cpuUsage();
  for (let i = 1; i <= batches; i++) {
    await client.write(get('/short').repeat(depth));
    await client.until(() => received >= i * depth * length);
  }
  const { user, system } = process.cpuUsage(start);
  expect(received).toBe(batches * depth * length);
  client.close();
  return (user + system) / (batches * depth);
}

test('the cost of a request does not depend on the number of requests pipelined after it (A25)', async () => {
  const { port } = await serveFile(appFile(APPS[0]![1]));
  let ratio = Infinity;
  // Other load on the machine may disturb one measurement.
  for (let round = 0; round < 3 && ratio > 1.5; round++)
    ratio = (await cpuPerAnswer(port, 5000, 1)) / (await cpuPerAnswer(port, 25, 200));
  expect(ratio).toBeLessThan(1.5);
});

/**
 * Finished requests are released: the heap of a worker does not grow with the number of requests.
 */
import { expect, test } from 'vitest';
import { Client } from '../../support/client.ts';
import { appFile, serveFile } from '../../support/server.ts';

const APPLICATION = `
  import v8 from 'node:v8';
  import vm from 'node:vm';
  v8.setFlagsFromString('--expose-gc');
  const gc = vm.runInNewContext('gc');
  const turn = () => new Promise((resolve) => setImmediate(resolve));
  export default async (request, response) => {
    if (request.url === '/heap') {
      await turn();
      gc();
      return void response.end(String(process.memoryUsage().heapUsed));
    }
    request.socket.on('close', () => {});
    if (request.url === '/read') for await (const part of request) void part;
    if (request.url === '/wait') await turn();
    if (request.url === '/leave') {
      response.write('begun');
      return;
    }
    response.end('hello');
  };
`;

const BATCH = ['/plain', '/wait', '/read', '/unread'].map((target) => {
  const body = target.endsWith('read') ? 'x'.repeat(100) : '';
  const method = body === '' ? 'GET' : 'POST';
  return `${method} ${target} HTTP/1.1\r\nHost: a\r\nContent-Length: ${body.length}\r\n\r\n${body}`;
});
const A_CONNECTION = 50;
const ROUNDS = 40;

async function heap(port: number): Promise<number> {
  const client = await Client.connect(port);
  await client.write('GET /heap HTTP/1.1\r\nHost: a\r\n\r\n');
  const { body } = (await client.answer())!;
  client.close();
  return Number(body);
}

/** Requests of every kind, many on one connection, and a client that leaves. */
async function round(port: number): Promise<void> {
  const client = await Client.connect(port);
  const last = 'GET /plain HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n';
  await client.write(BATCH.join('').repeat(A_CONNECTION) + last);
  expect((await client.rest()).match(/HTTP\/1\.1 200/g)).toHaveLength(BATCH.length * A_CONNECTION + 1);
  const leaving = await Client.connect(port);
  await leaving.write('GET /leave HTTP/1.1\r\nHost: a\r\n\r\n');
  await leaving.until(() => leaving.received.includes('begun'));
  leaving.close();
}

test('thousands of finished requests leave no memory behind', async () => {
  const { port, server } = await serveFile(appFile(APPLICATION), 1, { interface: 'node' });
  for (let i = 0; i < 10; i++) await round(port);
  const before = await heap(port);
  for (let i = 0; i < ROUNDS; i++) await round(port);
  const after = await heap(port);
  const a = (after - before) / (ROUNDS * BATCH.length * A_CONNECTION);
  expect(a, `${a.toFixed(0)} bytes a request`).toBeLessThan(100);
  await expect.poll(() => server.stats().inFlight, { timeout: 5000 }).toBe(0);
});

/**
 * The limits that a program's server object sets for its clients: the setting that wins, its address, and its lifetime.
 */
import { writeFileSync } from 'node:fs';
import { setTimeout as wait } from 'node:timers/promises';
import { describe, expect, onTestFinished, test } from 'vitest';
import { get } from '../node/behaviours.ts';
import { Client } from '../support/client.ts';
import { accepting, freePort } from '../support/ports.ts';
import { appFile, serveFile } from '../support/server.ts';

async function connect(port: number): Promise<Client> {
  const client = await Client.connect(port);
  onTestFinished(() => client.close());
  return client;
}

/** A program with the server `server`. `setting` runs before it listens. */
const program = (setting: string) => `import http from 'node:http';
  const server = http.createServer({ connectionsCheckingInterval: 20 }, (request, response) => {
    if (request.url === '/set') server.timeout = 100;
    if (request.url === '/close') server.close();
    response.end('answer');
  });
  ${setting}
  server.listen(0, '127.0.0.1');`;

/** Whether a client that sends half a head gets 408. The wait is longer than each limit of this file. */
async function endsHalfHead(port: number): Promise<boolean> {
  const client = await connect(port);
  await client.write('GET / HTTP/1.1\r\n');
  await Promise.race([client.rest(), wait(500)]);
  return client.received.toString().startsWith('HTTP/1.1 408');
}

/** Whether the server disconnects a client that sends nothing. The wait is longer than each limit of this file. */
async function endsSilent(port: number): Promise<boolean> {
  const client = await connect(port);
  await Promise.race([client.rest(), wait(500)]);
  return client.ended;
}

const fields = (count: number) => Array.from({ length: count }, (_, index) => `x-${index}: a`);

async function statusFor(port: number, count: number): Promise<number | undefined> {
  const client = await connect(port);
  await client.write(get('/', ...fields(count - 1)));
  return (await client.answer())?.status;
}

describe('a limit that is set before listen', () => {
  test.each([
    ['headersTimeout', 'server.headersTimeout = 100;'],
    ['requestTimeout', 'server.requestTimeout = 100;'],
  ])('%s bounds a head (C35)', async (_, setting) => {
    const { port } = await serveFile(appFile(program(setting)));
    expect(await endsHalfHead(port)).toBe(true);
  });

  test('keepAliveTimeout ends an idle connection a second later, as Node does (C35)', async () => {
    const { port } = await serveFile(appFile(program('server.keepAliveTimeout = 50;')));
    const client = await connect(port);
    await client.write(get('/'));
    const start = performance.now();
    expect(await client.answer()).toMatchObject({ body: 'answer' });
    expect(await client.rest()).toBe('');
    expect(performance.now() - start).toBeGreaterThan(1000);
  });

  test('maxHeadersCount bounds the fields (C35)', async () => {
    const { port } = await serveFile(appFile(program('server.maxHeadersCount = 150;')));
    expect([await statusFor(port, 150), await statusFor(port, 151)]).toEqual([200, 431]);
  });

  test('an option overrides the server object (C35)', async () => {
    const app = appFile(program('Object.assign(server, { headersTimeout: 100, maxHeadersCount: 3 });'));
    const { port } = await serveFile(app, 1, { headersTimeout: 60_000, maxHeaders: 5 });
    expect([await statusFor(port, 5), await statusFor(port, 6)]).toEqual([200, 431]);
    expect(await endsHalfHead(port)).toBe(false);
  });

  test('a default of Node does not count as a setting of the program (C35)', async () => {
    const { port } = await serveFile(appFile(program('')), 1);
    expect([await statusFor(port, 100), await statusFor(port, 101)]).toEqual([200, 431]);
    expect(await endsSilent(port)).toBe(false);
  });
});

test.each([0, 1, 2])('an exported server also sets limits, %i threads (C35)', async (threads) => {
  const app = appFile(`${program('').replace(/server\.listen.*/, '')} export default server;`);
  const { port } = await serveFile(app, threads, { interface: 'node' });
  expect(await endsSilent(port)).toBe(false);
  const client = await connect(port);
  await client.write(get('/set'));
  await client.answer();
  expect(await endsSilent(port)).toBe(true);
});

test('a server sets limits only for its own address (C35) (C39)', async () => {
  const second = await freePort();
  const app = appFile(`${program('server.timeout = 100;')}
    http.createServer((request, response) => response.end('second')).listen(${second}, '127.0.0.1');`);
  const { port } = await serveFile(app);
  await accepting(second);
  expect([await endsSilent(port), await endsSilent(second)]).toEqual([true, false]);
});

test('a reload applies the limits of the new code only (C35)', async () => {
  const app = appFile(program('server.timeout = 100; server.headersTimeout = 100;'));
  const { server, port } = await serveFile(app, 2);
  expect([await endsSilent(port), await endsHalfHead(port)]).toEqual([true, true]);
  writeFileSync(app, program('server.timeout = 0;'));
  await server.reload();
  expect([await endsSilent(port), await endsHalfHead(port)]).toEqual([false, false]);
});

test('a worker that closes its server ends no idle connection (C37)', async () => {
  const { server, port } = await serveFile(appFile(program('')), 2);
  const [idle, other] = [await connect(port), await connect(port)];
  await idle.write(get('/'));
  expect(await idle.answer()).toMatchObject({ body: 'answer' });
  const exited = new Promise((resolve) => server.once('workerExit', resolve));
  await other.write(get('/close'));
  await exited;
  await idle.write(get('/'));
  expect(await idle.answer()).toMatchObject({ body: 'answer' });
});

/**
 * Clients that send their bodies slowly, on purpose or not, and the effect on others.
 */
import { describe, expect, onTestFinished, test } from 'vitest';
import { Client } from '../support/client.ts';
import { appFile, serveFile } from '../support/server.ts';
import { until } from '../support/until.ts';

const MIB = 1024 * 1024;

const APPLICATIONS = {
  'TSGI that awaits': `export default async (environ, startResponse) => {
    const body = await environ['tsgi.input'].read();
    startResponse(200, []);
    return String(body.length);
  };`,
  'TSGI that blocks': `export default (environ, startResponse) => {
    const body = environ['tsgi.input'].readSync();
    startResponse(200, []);
    return String(body.length);
  };`,
  fetch: `export default {
    fetch: async (request) => new Response(String((await request.arrayBuffer()).byteLength)),
  };`,
  Node: `export default (request, response, next) => {
    let bytes = 0;
    request.on('data', (part) => (bytes += part.length));
    request.on('end', () => response.end(String(bytes)));
  };`,
};

function postOf(length: number, ...fields: string[]): string {
  return ['POST / HTTP/1.1', 'Host: a', `Content-Length: ${length}`, ...fields, '', ''].join('\r\n');
}

async function connect(port: number, count = 1): Promise<Client[]> {
  const clients = await Promise.all(Array.from({ length: count }, () => Client.connect(port)));
  onTestFinished(() => clients.forEach((client) => client.close()));
  return clients;
}

/** Uploads `size` bytes at once. Returns the response. */
async function upload(port: number, bytes: number): Promise<string | undefined> {
  const [client] = await connect(port);
  await client!.write(postOf(bytes), Buffer.alloc(bytes));
  const answer = await client!.answer();
  return answer?.status === 200 ? answer.body : String(answer?.status);
}

async function get(port: number): Promise<string | undefined> {
  const [client] = await connect(port);
  await client!.write('GET / HTTP/1.1\r\nHost: a\r\n\r\n');
  return (await client!.answer())?.body;
}

describe.each(Object.entries(APPLICATIONS))('%s, one worker', (name, source) => {
  test('64 slow uploads do not keep a large one out (A5)', async () => {
    const { port, server } = await serveFile(appFile(source), 1, { pendingTimeout: 4000 });
    const slow = await connect(port, 64);
    for (const client of slow) await client.write(postOf(10_000_000), Buffer.alloc(70_000));
    await until(() => server.stats().uploads >= 64);
    expect(await upload(port, MIB)).toBe(String(MIB));
    expect(await get(port)).toBe('0');
    // The upload that got the worker before the application was known to block had to be aborted.
    const refused = slow.filter((client) => client.received.length > 0);
    expect(refused.length).toBe(name === 'TSGI that blocks' ? 1 : 0);
    for (const client of refused) expect((await client.answer())?.status).toBe(408);
    const start = performance.now();
    expect(await upload(port, 2 * MIB)).toBe(String(2 * MIB));
    expect(performance.now() - start).toBeLessThan(2000);
  });

  test('clients that send only Expect: 100-continue keep no other client out (A5)', async () => {
    const { port, server } = await serveFile(appFile(source), 1, { pendingTimeout: 4000 });
    const silent = await connect(port, 100);
    for (const client of silent) await client.write(postOf(1000, 'Expect: 100-continue'));
    await until(() => server.stats().uploads >= 100);
    expect(await upload(port, MIB)).toBe(String(MIB));
    expect(await get(port)).toBe('0');
    expect(await upload(port, 1000)).toBe('1000');
  });

  test('slow bodies that fit in bodyBuffer keep no other client out (A5)', async () => {
    const { port, server } = await serveFile(appFile(source), 1, { concurrency: 8 });
    const slow = await connect(port, 100);
    for (const client of slow) await client.write(postOf(1000), Buffer.alloc(500));
    await until(() => server.stats().connections >= 100);
    expect(await upload(port, MIB)).toBe(String(MIB));
    expect(await get(port)).toBe('0');
    for (const client of slow) await client.write(Buffer.alloc(500));
    for (const client of slow) expect((await client.answer())?.body).toBe('1000');
  });

  test.each([
    ['that is collected', 60_000],
    ['that is streamed', 10_000_000],
  ])('a body %s causes 408 once its request has taken requestTimeout (A5)', async (_, length) => {
    const options = { requestTimeout: 400, minBodyRate: 0 };
    const { port, server } = await serveFile(appFile(source), 1, options);
    const [client] = await connect(port);
    const start = performance.now();
    await client!.write(postOf(length), Buffer.alloc(Math.min(length - 1000, 100_000)));
    const trickle = setInterval(() => void client!.write('x'), 20);
    const answer = await client!.answer();
    clearInterval(trickle);
    expect(answer?.status).toBe(408);
    expect(performance.now() - start).toBeGreaterThan(350);
    await until(() => server.stats().uploads === 0 && server.stats().inFlight === 0);
  });
});

test('requestTimeout also bounds a slow head (C40)', async () => {
  const { port } = await serveFile(appFile(APPLICATIONS.Node), 1, { requestTimeout: 300 });
  const [client] = await connect(port);
  await client!.write('GET / HTTP/1.1\r\nHo');
  const trickle = setInterval(() => void client!.write('s'), 20);
  const answer = await client!.answer();
  clearInterval(trickle);
  expect(answer?.status).toBe(408);
});

test('requestTimeout excludes the time in which the application does not read (A5)', async () => {
  const { port } = await serveFile(
    appFile(`export default async (environ, startResponse) => {
      await new Promise((resolve) => setTimeout(resolve, 500));
      const body = await environ['tsgi.input'].read();
      startResponse(200, []);
      return String(body.length);
    };`),
    1,
    { requestTimeout: 400 },
  );
  expect(await upload(port, MIB)).toBe(String(MIB));
});

test('half bodies that a Node listener does not read take at most maxBuffered, and other requests are served (A2)', async () => {
  const { port, server } = await serveFile(
    appFile(`const waiting = [];
    export default (request, response, next) => {
      if (request.method === 'POST') return void waiting.push(response);
      response.end('served');
      if (request.url === '/answer') for (const each of waiting) each.end('answered');
    };`),
    1,
    { maxBuffered: MIB, concurrency: 1000 },
  );
  const clients = await connect(port, 100);
  for (const client of clients) await client.write(postOf(100_000));
  await until(() => server.stats().inFlight >= 100);
  for (const client of clients) await client.write(Buffer.alloc(50_000));
  await until(() => server.stats().buffered >= MIB);
  expect(await get(port)).toBe('served');
  // One more read counts when it arrives. The server then stops reading the others and rejects a new one.
  expect(server.stats().buffered).toBeLessThan(MIB + 128 * 1024);
  expect(server.stats().refused).toBe(0);
  const [another] = await connect(port);
  await another!.write(postOf(100_000));
  expect((await another!.answer())?.status).toBe(503);
  await fetch(`http://127.0.0.1:${port}/answer`);
  for (const client of clients) expect((await client.answer())?.body).toBe('answered');
  for (const client of clients) client.close();
  await until(() => server.stats().buffered === 0 && server.stats().inFlight === 0);
});

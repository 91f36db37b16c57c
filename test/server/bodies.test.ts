/**
 * The memory and time that the worst request bodies cost.
 */
import http from 'node:http';
import type { AddressInfo } from 'node:net';
import { beforeAll, describe, expect, onTestFinished, test } from 'vitest';
import { Client } from '../support/client.ts';
import { appFile, serve, serveFile } from '../support/server.ts';
import { until } from '../support/until.ts';

const KIB = 1024;
const MIB = 1024 * KIB;
const CHUNKED = 'POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n';
const READS = `const body = await environ['tsgi.input'].read(); startResponse(200, []); return String(body.length);`;

function postOf(length: number, path = '/'): string {
  return `POST ${path} HTTP/1.1\r\nHost: a\r\nContent-Length: ${length}\r\n\r\n`;
}

async function connect(port: number, count: number): Promise<Client[]> {
  const clients = await Promise.all(Array.from({ length: count }, () => Client.connect(port)));
  onTestFinished(() => clients.forEach((client) => client.close()));
  return clients;
}

/** Sends `count` chunks of one byte each, as fast as the server reads them. */
async function trickle(client: Client, count: number): Promise<void> {
  const block = Buffer.from('1\r\nx\r\n'.repeat(5000));
  for (let left = count; left > 0; left -= 5000) {
    if (!client.socket.write(left < 5000 ? block.subarray(0, left * 6) : block))
      await new Promise((resolve) => client.socket.once('drain', resolve));
  }
}

describe('chunks of one byte', () => {
  test('of endless bodies are counted, and take less than twice their bytes (A2)', async () => {
    const { port, server } = await serve(READS, 1, { bodyBuffer: 64 * KIB });
    const clients = await connect(port, 20);
    const before = process.memoryUsage();
    await Promise.all(
      clients.map(async (client) => {
        await client.write(CHUNKED);
        await trickle(client, 60_000);
      }),
    );
    await until(() => server.stats().buffered >= 20 * 60_000);
    expect(server.stats().buffered).toBeLessThan(2 * 20 * 60_000);
    const { heapUsed, arrayBuffers } = process.memoryUsage();
    // The clients of this test are also in this process.
    expect(heapUsed + arrayBuffers - before.heapUsed - before.arrayBuffers).toBeLessThan(64 * MIB);
  });

  const INTERFACES = {
    tsgi: `export default async (environ, startResponse) => {
      let bytes = 0;
      for await (const chunk of environ['tsgi.input']) bytes += chunk.length;
      startResponse(200, []);
      return String(bytes);
    }`,
    'tsgi that blocks': `export default (environ, startResponse) => {
      const { length } = environ['tsgi.input'].readSync();
      startResponse(200, []);
      return String(length);
    }`,
    fetch: `export default {
      fetch: async (request) => new Response(String((await request.arrayBuffer()).byteLength)),
    }`,
    node: `import http from 'node:http';
    export default http.createServer((request, response) => {
      let bytes = 0;
      request.on('data', (part) => (bytes += part.length));
      request.on('end', () => response.end(String(bytes)));
    });`,
  };
  const CHUNKS = 200_000;

  /** Milliseconds until the server answers an upload in chunks of one byte. */
  async function timeOf(port: number): Promise<number> {
    const client = await Client.connect(port);
    const start = performance.now();
    await client.write(CHUNKED);
    await trickle(client, CHUNKS);
    await client.write('0\r\n\r\n');
    expect((await client.answer())?.body).toBe(String(CHUNKS));
    client.close();
    return performance.now() - start;
  }

  let theirs = 0;
  beforeAll(async () => {
    const server = http.createServer((request, response) => {
      let bytes = 0;
      request.on('data', (part: Buffer) => (bytes += part.length));
      request.on('end', () => response.end(String(bytes)));
    });
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
    theirs = await timeOf((server.address() as AddressInfo).port);
    server.closeAllConnections();
    server.close();
  });

  test.each(Object.entries(INTERFACES))(
    'are read by %s in less time than node:http takes (A4)',
    async (_, source) => {
      const { port } = await serveFile(appFile(source), 1);
      expect(await timeOf(port)).toBeLessThan(theirs);
    },
  );

  test('of unread bodies are joined into few pieces by the worker as well (A4)', async () => {
    const { port } = await serve(
      `
      if (environ.REQUEST_METHOD === 'GET') {
        globalThis.sent();
        startResponse(200, []);
        return '';
      }
      const input = environ['tsgi.input'];
      const first = await input.read(1);
      await new Promise((resolve) => (globalThis.sent = resolve));
      let pieces = 0, bytes = first.length;
      for await (const chunk of input) { pieces += 1; bytes += chunk.length; }
      startResponse(200, []);
      return [bytes, pieces < 100].join();
    `,
      1,
      { bodyBuffer: 0 },
    );
    const [client] = await connect(port, 1);
    await client!.write(CHUNKED);
    // Each piece in a separate read, as far as the kernel allows.
    for (let i = 0; i < 2000; i++) await client!.write('1\r\nx\r\n', '');
    await client!.write('0\r\n\r\n');
    await fetch(`http://127.0.0.1:${port}`);
    expect((await client!.answer())?.body).toBe('2000,true');
  });
});

describe('incomplete bodies', () => {
  test('take at most maxBuffered, and the slowest of them are rejected first (A2)', async () => {
    const { port, server, log } = await serve(READS, 1, { maxBuffered: MIB });
    const slow = await connect(port, 60);
    for (const client of slow) await client.write(postOf(60_000), Buffer.alloc(30_000));
    await until(() => server.stats().refused !== 0);
    expect(server.stats().buffered).toBeLessThan(MIB + 64 * KIB);
    const refused = slow.filter((client) => client.received.length > 0);
    for (const client of refused) expect((await client.answer())?.status).toBe(503);
    expect(log.join()).toContain('there is no memory for the request; maxBuffered');
    // After the remaining bodies were slow for a second, the server rejects them in favour of a quick one.
    const quick = async () => {
      const [client] = await connect(port, 1);
      await client!.write(postOf(50_000), Buffer.alloc(25_000), Buffer.alloc(25_000));
      return (await client!.answer())?.status;
    };
    const start = performance.now();
    await until(async () => (await quick()) === 200);
    expect(performance.now() - start).toBeLessThan(3000);
    expect(await quick()).toBe(200);
    for (const client of slow) client.close();
    await until(() => server.stats().buffered === 0);
  });
});

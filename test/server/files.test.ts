/**
 * `tsgi.file_wrapper`: files that the acceptor sends itself, and files that go through the application.
 */
import { execFileSync } from 'node:child_process';
import { createHash, randomBytes } from 'node:crypto';
import { once } from 'node:events';
import { mkdtempSync, readdirSync, renameSync, rmSync, truncateSync, writeFileSync } from 'node:fs';
import http from 'node:http';
import net from 'node:net';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { describe, expect, onTestFinished, test } from 'vitest';
import { Client } from '../support/client.ts';
import { serve, type TestServer } from '../support/server.ts';
import { until } from '../support/until.ts';

function temporaryFile(bytes: Uint8Array | string, name = 'file name ü.bin'): string {
  const folder = mkdtempSync(path.join(tmpdir(), 'tsgi-file-'));
  onTestFinished(() => rmSync(folder, { recursive: true, force: true }));
  const file = path.join(folder, name);
  writeFileSync(file, bytes);
  return file;
}

const hash = (bytes: Uint8Array) => createHash('sha256').update(bytes).digest('hex');

/** `expression` is the body. `file` is the path. */
function serveBody(file: string, expression: string, headers = '[]', threads = 1): Promise<TestServer> {
  const source = `
    const file = ${JSON.stringify(file)};
    const wrap = environ['tsgi.file_wrapper'];
    if (environ.PATH_INFO === '/other') { startResponse(200, []); return 'other'; }
    startResponse(200, ${headers});
    return ${expression};
  `;
  return serve(source, threads);
}

async function get(
  port: number,
  method = 'GET',
): Promise<{ headers: Headers; bytes: Buffer; status: number }> {
  const response = await fetch(`http://127.0.0.1:${port}/`, { method });
  const bytes = Buffer.from(await response.arrayBuffer());
  return { headers: response.headers, bytes, status: response.status };
}

const TWO_MIB = randomBytes(2 * 1024 * 1024 + 13);

describe.each([1, 0])('with %i threads', (threads) => {
  test.each<[string, string, string, number, number]>([
    ['a path', 'wrap(file)', '[]', 0, TWO_MIB.length],
    ['a path from a start', 'wrap(file, 1000, 77)', '[]', 77, TWO_MIB.length],
    ['a path up to its Content-Length', 'wrap(file)', "[['Content-Length', '70000']]", 0, 70_000],
    ['a range', 'wrap(file, undefined, 9)', "[['content-length', '10']]", 9, 19],
    ['a descriptor', "wrap((await import('node:fs')).openSync(file))", '[]', 0, TWO_MIB.length],
    [
      'a file handle',
      "wrap(await (await import('node:fs/promises')).open(file), 65536, 5)",
      '[]',
      5,
      TWO_MIB.length,
    ],
    [
      'a stream',
      "wrap((await import('node:fs')).createReadStream(file), 65536, 70000)",
      '[]',
      70_000,
      TWO_MIB.length,
    ],
    [
      'a wrapper that middleware wrapped',
      '(async function* () { yield* wrap(file); })()',
      '[]',
      0,
      TWO_MIB.length,
    ],
  ])('%s is sent byte for byte', async (_, expression, headers, start, end) => {
    const { port } = await serveBody(temporaryFile(TWO_MIB), expression, headers, threads);
    for (let i = 0; i < 3; i++)
      expect(hash((await get(port)).bytes)).toBe(hash(TWO_MIB.subarray(start, end)));
  });
});

describe.each([1, 0])('with %i threads', (threads) => {
  const serveHere = (file: string, expression: string, headers = '[]') =>
    serveBody(file, expression, headers, threads);

  test('a path gets the Content-Length of its file, also for HEAD', async () => {
    const { port } = await serveHere(
      temporaryFile('hello'),
      'wrap(file)',
      "[['content-type', 'text/plain']]",
    );
    const { headers, bytes } = await get(port);
    expect([headers.get('content-length'), headers.get('content-type'), bytes.toString()]).toEqual([
      '5',
      'text/plain',
      'hello',
    ]);
    const head = await get(port, 'HEAD');
    expect([head.status, head.headers.get('content-length'), head.bytes.length]).toEqual([200, '5', 0]);
  });

  test('an empty file is an empty body', async () => {
    const { port } = await serveHere(temporaryFile(''), 'wrap(file)');
    expect((await get(port)).bytes.length).toBe(0);
  });

  test('a missing file causes 500, and the log names it', async () => {
    const { port, log } = await serveHere('/nowhere/file', 'wrap(file)');
    expect([(await get(port)).status, (await get(port, 'HEAD')).status]).toEqual([500, 500]);
    expect(log[0]).toContain("ENOENT: no such file or directory, open '/nowhere/file'");
  });

  test('a Content-Length beyond the end of the file causes 500 and names the rule', async () => {
    const { port, log } = await serveHere(temporaryFile('abc'), 'wrap(file)', "[['content-length', '4']]");
    expect((await get(port)).status).toBe(500);
    expect(log[0]).toContain('must have as many bytes as Content-Length: 3 of 4 (TSGI rule A13)');
  });

  test('a file that shrinks while it is sent truncates the response visibly', async () => {
    const file = temporaryFile(Buffer.alloc(64 * 1024 * 1024));
    const { port } = await serveHere(file, 'wrap(file)');
    const request = http.get({ port, host: '127.0.0.1' });
    request.on('error', () => {});
    const response = await new Promise<http.IncomingMessage>((resolve) => request.on('response', resolve));
    truncateSync(file, 100);
    await expect(response.toArray()).rejects.toThrow('aborted');
  });

  test('a missing file causes 500 also behind middleware', async () => {
    const { port, log } = await serveHere('/nowhere/file', '(async function* () { yield* wrap(file); })()');
    expect((await get(port)).status).toBe(500);
    expect(log[0]).toContain("ENOENT: no such file or directory, open '/nowhere/file'");
  });

  test('a start behind the end gives an empty body', async () => {
    const { port } = await serveHere(temporaryFile('hello'), 'wrap(file, undefined, 6)');
    expect(await get(port)).toMatchObject({ status: 200, bytes: Buffer.alloc(0) });
  });
});

describe.each([1, 0])('with %i threads', (threads) => {
  const APPS = {
    'by the server': `return environ['tsgi.file_wrapper'](PATH);`,
    'behind middleware': `return (async function* () { yield* environ['tsgi.file_wrapper'](PATH); })();`,
  };

  /** Serves the path in the query, as a file or behind middleware. */
  const serveNamed = (body: string) =>
    serve(
      `
      if (environ.PATH_INFO === '/other') { startResponse(200, []); return 'other'; }
      startResponse(200, []);
      ${body.replace('PATH', 'decodeURIComponent(environ.QUERY_STRING)')}
    `,
      threads,
    );

  test.each(Object.entries(APPS))(
    'a path of no regular file causes an error that names its type, and takes no thread, sent %s (A16)',
    async (_, body) => {
      const folder = path.dirname(temporaryFile('x'));
      const fifo = path.join(folder, 'fifo');
      execFileSync('mkfifo', [fifo]);
      const socket = path.join(folder, 'socket');
      const listener = net.createServer().listen(socket);
      onTestFinished(() => void listener.close());
      await once(listener, 'listening');
      const { port, server, log } = await serveNamed(body);
      const names = {
        [fifo]: 'a FIFO',
        [socket]: 'a socket',
        [folder]: 'a directory',
        '/dev/zero': 'a device',
      };
      const exits: unknown[] = [];
      server.on('workerExit', (exit) => exits.push(exit));
      for (let i = 0; i < 6; i++)
        for (const [name, kind] of Object.entries(names)) {
          const response = await fetch(`http://127.0.0.1:${port}/?${encodeURIComponent(name)}`);
          expect(response.status).toBe(500);
          expect(log.at(-1)).toContain(
            `Cannot send ${name}: it is ${kind}, and a path must name a regular file`,
          );
        }
      expect(await (await fetch(`http://127.0.0.1:${port}/other`)).text()).toBe('other');
      expect(exits).toEqual([]);
    },
  );
});

test('a FIFO that replaces a file after the worker’s check holds no thread (A16)', async () => {
  const file = temporaryFile('x'.repeat(1000));
  const { port } = await serve(`
    if (environ.PATH_INFO === '/other') { startResponse(200, []); return environ['tsgi.file_wrapper'](${JSON.stringify(file)} + '2'); }
    const { rmSync } = await import('node:fs');
    const { execFileSync } = await import('node:child_process');
    startResponse(200, []);
    // The acceptor reads the record after this turn.
    queueMicrotask(() => { rmSync(${JSON.stringify(file)}); execFileSync('mkfifo', [${JSON.stringify(file)}]); });
    return environ['tsgi.file_wrapper'](${JSON.stringify(file)});
  `);
  writeFileSync(`${file}2`, 'other');
  const statuses = [];
  // The whole process opens files with four threads of the pool.
  for (let i = 0; i < 5; i++) {
    writeFileSync(`${file}new`, 'x'.repeat(1000));
    renameSync(`${file}new`, file);
    statuses.push((await get(port)).status);
  }
  expect(statuses).toEqual([500, 500, 500, 500, 500]);
  expect(await (await fetch(`http://127.0.0.1:${port}/other`)).text()).toBe('other');
});

test('a value that is no file, descriptor or iterable causes an error that names it', async () => {
  const { port, log } = await serveBody('', 'wrap(new Date())');
  expect((await get(port)).status).toBe(500);
  expect(log[0]).toContain('A file must be a path, a descriptor or an iterable of bytes: an object of Date');
});

test('pipelined requests are answered in order behind a file', async () => {
  const { port } = await serveBody(temporaryFile('x'.repeat(300_000)), 'wrap(file)');
  const client = await Client.connect(port);
  const head = 'HTTP/1.1\r\nHost: a\r\n\r\n';
  await client.write(`GET / ${head}GET /other ${head}GET / ${head}GET /other ${head}`);
  const lengths = [];
  for (let i = 0; i < 4; i++) lengths.push((await client.answer())?.body.length);
  expect(lengths).toEqual([300_000, 5, 300_000, 5]);
  client.close();
});

test('the worker is free while a client reads slowly, and a disconnect frees the descriptor', async () => {
  const file = temporaryFile(Buffer.alloc(64 * 1024 * 1024));
  const { port, server } = await serve(
    `
    if (environ.PATH_INFO === '/other') { startResponse(200, []); return 'other'; }
    startResponse(200, []);
    return environ['tsgi.file_wrapper'](${JSON.stringify(file)});
  `,
    1,
    { concurrency: 1, maxStreams: 1 },
  );
  const openFiles = () => readdirSync('/proc/self/fd').length;
  const before = openFiles();
  const slow = await Promise.all(Array.from({ length: 5 }, () => Client.connect(port)));
  for (const client of slow) {
    client.socket.pause();
    await client.write('GET / HTTP/1.1\r\nHost: a\r\n\r\n');
  }
  await until(() => server.stats().requests >= 5);
  const other = await Client.connect(port);
  await other.write('GET /other HTTP/1.1\r\nHost: a\r\n\r\n');
  expect((await other.answer())?.body).toBe('other');
  expect(openFiles()).toBeGreaterThanOrEqual(before + 5);
  for (const client of [...slow, other]) client.close();
  await until(() => openFiles() <= before);
});

/** A client that has sent a part of its body and reads nothing yet. The server sends it a file of 32 MiB. */
async function unreadFile(version: string): Promise<{ client: Client; length: number; rest: string }> {
  const length = 32 * 1024 * 1024;
  const { port, server } = await serveBody(temporaryFile(Buffer.alloc(length, 'a')), 'wrap(file)');
  const client = await Client.connect(port);
  client.socket.pause();
  const head = `POST / HTTP/${version}\r\nHost: a\r\nConnection: keep-alive\r\nContent-Length: 70000\r\n\r\n`;
  await client.write(head + 'b'.repeat(40_000));
  await until(() => server.stats().requests === 1);
  return { client, length, rest: 'b'.repeat(30_000) };
}

/** The bytes that the client reads from now on, until `done` accepts their number or the connection ends. */
async function read(client: Client, done: (length: number) => boolean): Promise<Buffer> {
  const chunks: Buffer[] = [];
  let length = 0;
  client.socket.removeAllListeners('data');
  client.socket.on('data', (chunk: Buffer) => {
    chunks.push(chunk);
    length += chunk.length;
  });
  client.socket.resume();
  await client.until(() => done(length));
  return Buffer.concat(chunks);
}

test('the rest of a body that arrives while a file is sent does not change the response', async () => {
  const { client, length, rest } = await unreadFile('1.1');
  await client.write(`${rest}GET /other HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n`);
  const bytes = await read(client, () => false);
  const body = bytes.indexOf('\r\n\r\n') + 4;
  expect(bytes.subarray(body, body + length).equals(Buffer.alloc(length, 'a'))).toBe(true);
  const next = bytes.toString('latin1', body + length);
  expect(next).toMatch(/^HTTP\/1\.1 200 OK\r\n[^]*\r\n\r\nother$/);
});

test('a client that half-closes within its body receives a truncated file', async () => {
  const { client } = await unreadFile('1.0');
  client.socket.end();
  await read(client, () => client.error !== undefined);
  await until(() => client.socket.destroyed);
  expect(client.error).toMatchObject({ code: 'ECONNRESET' });
});

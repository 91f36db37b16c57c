/**
 * HTTP/1.1 over real sockets with one worker, from the first byte to the last.
 */
import { describe, expect, test } from 'vitest';
import { Client, exchange } from '../support/client.ts';
import { appFile, serve, serveFile } from '../support/server.ts';
import { until } from '../support/until.ts';

const ECHO = `
  const chunks = [];
  for await (const chunk of environ['tsgi.input']) chunks.push(chunk);
  startResponse(200, [['content-type', 'text/plain']]);
  return environ.REQUEST_METHOD + ' ' + environ.REQUEST_URI + ' ' + Buffer.concat(chunks).toString('latin1');
`;
const HELLO = `startResponse(200, []); return 'hello';`;

describe('connections', () => {
  test('keep-alive: one connection carries many exchanges', async () => {
    const { port } = await serve(ECHO);
    const client = await Client.connect(port);
    for (let i = 0; i < 20; i++) {
      await client.write(`GET /${i} HTTP/1.1\r\nHost: a\r\n\r\n`);
      expect((await client.answer())?.body).toBe(`GET /${i} `);
    }
    client.close();
  });

  test('pipelining: responses arrive in the order of the requests', async () => {
    const { port } = await serve(ECHO, 2);
    const client = await Client.connect(port);
    const requests = Array.from(
      { length: 200 },
      (_, i) => `POST /${i} HTTP/1.1\r\nHost: a\r\nContent-Length: 3\r\n\r\nabc`,
    );
    await client.write(requests.join(''));
    for (let i = 0; i < 200; i++) expect((await client.answer())?.body).toBe(`POST /${i} abc`);
    client.close();
  });

  test('connection: close is confirmed and respected, and bytes after it are no request', async () => {
    const { port } = await serve(ECHO);
    const text = await exchange(
      port,
      'GET /a HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\nGET /b HTTP/1.1\r\nHost: a\r\n\r\n',
    );
    expect(text).toMatch(/^HTTP\/1\.1 200 OK\r\n/);
    expect(text).toMatch(/\r\nconnection: close\r\n/);
    expect(text.endsWith('GET /a ')).toBe(true);
  });

  test('a half-closed client receives its response', async () => {
    const { port } = await serve(`await new Promise((r) => setTimeout(r, 20)); ${HELLO}`);
    const client = await Client.connect(port);
    client.socket.end('GET / HTTP/1.1\r\nHost: a\r\n\r\n');
    expect((await client.answer())?.body).toBe('hello');
    await client.rest();
    expect(client.ended).toBe(true);
  });

  test('HTTP/1.0 closes after the response, and keeps the connection on request', async () => {
    const { port } = await serve(HELLO);
    expect(await exchange(port, 'GET / HTTP/1.0\r\n\r\n')).toMatch(
      /content-length: 5\r\n.*connection: close\r\n\r\nhello$/s,
    );
    const client = await Client.connect(port);
    for (let i = 0; i < 2; i++) {
      await client.write('GET / HTTP/1.0\r\nConnection: keep-alive\r\n\r\n');
      expect(await client.answer()).toMatchObject({ body: 'hello', headers: { connection: 'keep-alive' } });
    }
    client.close();
  });

  test('300 parallel requests on as many connections never mix up', async () => {
    const { port } = await serve(`await new Promise((r) => setTimeout(r, Math.random() * 20)); ${ECHO}`, 2);
    const bodies = await Promise.all(
      Array.from({ length: 300 }, async (_, i) => {
        const client = await Client.connect(port);
        await client.write(
          `POST /${i} HTTP/1.1\r\nHost: a\r\nContent-Length: ${String(i).length}\r\n\r\n${i}`,
        );
        const answer = await client.answer();
        client.close();
        return answer?.body;
      }),
    );
    expect(bodies).toEqual(Array.from({ length: 300 }, (_, i) => `POST /${i} ${i}`));
  });

  test('an abort fires the signal and frees the exchange', async () => {
    const { port, server, log } = await serve(`
      const signal = environ['tsgi.signal'];
      environ['tsgi.errors'].write('begun\\n');
      await new Promise((resolve) => signal.addEventListener('abort', resolve));
      environ['tsgi.errors'].write('aborted ' + signal.reason.code + '\\n');
      startResponse(200, []);
      return '';
    `);
    const client = await Client.connect(port);
    await client.write('GET / HTTP/1.1\r\nHost: a\r\n\r\n');
    await until(() => log.length > 0);
    client.socket.resetAndDestroy();
    await until(() => log.length > 1);
    expect(log).toEqual(['begun', 'aborted TSGI_ERR_CLIENT_GONE']);
    await until(() => server.stats().inFlight === 0);
  });
});

describe('framing', () => {
  test('HEAD gets the head of GET and no body', async () => {
    const { port } = await serve(HELLO);
    const client = await Client.connect(port);
    await client.write('HEAD / HTTP/1.1\r\nHost: a\r\n\r\nGET / HTTP/1.1\r\nHost: a\r\n\r\n');
    expect(await client.answer(true)).toMatchObject({
      status: 200,
      headers: { 'content-length': '5' },
      body: '',
    });
    expect((await client.answer())?.body).toBe('hello');
    client.close();
  });

  test.each([204, 304])('%d has no body, no content-length and no transfer-encoding', async (status) => {
    const { port } = await serve(`startResponse(${status}, []); return 'dropped';`);
    const client = await Client.connect(port);
    await client.write('GET / HTTP/1.1\r\nHost: a\r\n\r\n');
    const answer = await client.answer();
    expect(Object.keys(answer!.headers)).toEqual(['date']);
    await client.write('GET / HTTP/1.1\r\nHost: a\r\n\r\n');
    expect((await client.answer())?.status).toBe(status);
    client.close();
  });

  test('a stream of unknown length is chunked in HTTP/1.1, and ends with the connection in 1.0', async () => {
    const { port } = await serve(`
      startResponse(200, []);
      return (async function* () { yield 'one'; yield ''; yield new Uint8Array([116, 119, 111]); yield 'ü'; })();
    `);
    const client = await Client.connect(port);
    await client.write('GET / HTTP/1.1\r\nHost: a\r\n\r\n');
    await client.until(() => client.received.includes('0\r\n\r\n'));
    const text = client.received.toString('latin1');
    expect(text).toContain('transfer-encoding: chunked\r\n');
    expect(text.slice(text.indexOf('\r\n\r\n') + 4)).toBe(
      '3\r\none\r\n3\r\ntwo\r\n2\r\n\xc3\xbc\r\n0\r\n\r\n',
    );
    client.close();
    const old = await exchange(port, 'GET / HTTP/1.0\r\nConnection: keep-alive\r\n\r\n');
    expect(old).toMatch(/connection: close\r\n\r\nonetwo\xc3\xbc$/);
    expect(old).not.toContain('transfer-encoding');
  });

  test('write() before the body keeps the order and the application’s Content-Length', async () => {
    const { port } = await serve(`
      const write = startResponse(200, [['Content-Length', '6']]);
      await write('ab');
      await write('cd');
      return ['e', 'f'];
    `);
    const client = await Client.connect(port);
    await client.write('GET / HTTP/1.1\r\nHost: a\r\n\r\n');
    expect(await client.answer()).toMatchObject({ body: 'abcdef', headers: { 'content-length': '6' } });
    client.close();
  });

  test('a chunked request is decoded without its extensions and trailers', async () => {
    const { port } = await serve(ECHO);
    const client = await Client.connect(port);
    const body = '5;name=value\r\nhello\r\n1\r\n!\r\n0\r\nX-Trailer: dropped\r\n\r\n';
    await client.write(
      `POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n${body}GET /next HTTP/1.1\r\nHost: a\r\n\r\n`,
    );
    expect((await client.answer())?.body).toBe('POST / hello!');
    expect((await client.answer())?.body).toBe('GET /next ');
    client.close();
  });

  test('a large response arrives complete', async () => {
    const { port } = await serve(`startResponse(200, []); return 'abcdefgh'.repeat(1_000_000);`);
    const client = await Client.connect(port);
    await client.write('GET / HTTP/1.1\r\nHost: a\r\n\r\n');
    expect((await client.answer())?.body).toBe('abcdefgh'.repeat(1_000_000));
    client.close();
  });

  test('a text arrives as UTF-8, of any characters and length, after a head in Latin-1', async () => {
    const texts = [0, 1, 1023, 1024, 1025, 8192, 8193].flatMap((length) =>
      ['a', 'é', '€', '😀', '\ud800'].map((last) => 'a'.repeat(length) + last),
    );
    const { port } = await serve(`
      const texts = ${JSON.stringify(texts)};
      startResponse(200, [['x-latin', '\\xe9']]);
      return texts[Number(environ.PATH_INFO.slice(1))];`);
    for (const [i, text] of texts.entries()) {
      const bytes = await exchange(port, `GET /${i} HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n`);
      const body = Buffer.from(text).toString('latin1');
      expect(bytes).toContain(`\r\nx-latin: \xe9\r\n`);
      expect(bytes).toContain(`\r\ncontent-length: ${body.length}\r\n`);
      expect(bytes.slice(bytes.indexOf('\r\n\r\n') + 4) === body, `text ${i}`).toBe(true);
    }
  });

  test('Date occurs once, and the application may set it', async () => {
    const { port } = await serve(
      `startResponse(200, environ.PATH_INFO === '/own' ? [['Date', 'x']] : []); return '';`,
    );
    const client = await Client.connect(port);
    await client.write('GET / HTTP/1.1\r\nHost: a\r\n\r\n');
    const date = (await client.answer())!.headers.date!;
    expect(Math.abs(Date.parse(date) - Date.now())).toBeLessThan(3000);
    await client.write('GET /own HTTP/1.1\r\nHost: a\r\n\r\n');
    await client.until(() => client.received.includes('\r\n\r\n'));
    expect(client.received.toString().match(/date:/gi)).toHaveLength(1);
    client.close();
  });
});

describe('request bodies', () => {
  test('100 Continue is sent at the first read of the application, and not before', async () => {
    const { port } = await serve(`
      if (environ.PATH_INFO === '/refuse') { startResponse(403, []); return 'no'; }
      ${ECHO}
    `);
    const head = (path: string) =>
      `POST ${path} HTTP/1.1\r\nHost: a\r\nContent-Length: 5\r\nExpect: 100-continue\r\n\r\n`;
    const reads = await Client.connect(port);
    await reads.write(head('/read'));
    await reads.until(() => reads.received.includes('\r\n\r\n'));
    expect(reads.received.toString()).toBe('HTTP/1.1 100 Continue\r\n\r\n');
    await reads.write('hello');
    expect((await reads.answer())?.body).toBe('POST /read hello');
    reads.close();
    const text = await exchange(port, head('/refuse'));
    expect(text).toMatch(/^HTTP\/1\.1 403 Forbidden\r\n[^]*\r\nconnection: close\r\n/);
  });

  test.each([
    ['tsgi', 1],
    ['tsgi', 0],
    ['node', 1],
    ['node', 0],
  ] as const)(
    'no 100 Continue is sent within an answer that has begun: %s, %i threads',
    async (name, threads) => {
      const app = appFile(
        name === 'tsgi'
          ? `export default async (environ, startResponse) => {
               await startResponse(200, [])('answer ');
               return (await environ['tsgi.input'].read()).length + ' bytes';
             };`
          : `export default (request, response) => {
               response.write('answer ', () => {
                 let length = 0;
                 request.on('data', (bytes) => (length += bytes.length));
                 request.on('end', () => response.end(length + ' bytes'));
               });
             };`,
      );
      const { port } = await serveFile(app, threads, { interface: name });
      const client = await Client.connect(port);
      await client.write('POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 5\r\nExpect: 100-continue\r\n\r\n');
      await client.until(() => client.received.includes('answer '));
      await client.write('hello');
      const text = await client.rest();
      expect(text).toMatch(/^HTTP\/1\.1 200 OK\r\n/);
      expect(text).toContain('\r\n\r\n7\r\nanswer \r\n7\r\n5 bytes\r\n0\r\n\r\n');
      client.close();
    },
  );

  test.each([0, 1, 65_535, 65_536, 65_537, 200_000, 1_500_000])(
    'a body of %d bytes arrives complete',
    async (size) => {
      const { port } = await serve(ECHO);
      const body = 'x'.repeat(size);
      for (const framing of [`Content-Length: ${size}`, 'Transfer-Encoding: chunked']) {
        const client = await Client.connect(port);
        const chunked = `${size.toString(16)}\r\n${body}\r\n${size > 0 ? '0\r\n\r\n' : ''}`;
        await client.write(
          `POST / HTTP/1.1\r\nHost: a\r\n${framing}\r\n\r\n`,
          framing.startsWith('C') ? body : size > 0 ? chunked : '0\r\n\r\n',
        );
        expect((await client.answer())?.body).toBe(`POST / ${body}`);
        client.close();
      }
    },
  );

  test('a response before the end of the body drops a short rest and keeps the connection', async () => {
    const { port } = await serve(
      `
      if (environ.REQUEST_METHOD === 'POST') { await environ['tsgi.input'].read(1); startResponse(200, []); return 'early'; }
      ${ECHO}
    `,
      1,
      { bodyBuffer: 0 },
    );
    const client = await Client.connect(port);
    await client.write('POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 10\r\n\r\n12345');
    expect((await client.answer())?.body).toBe('early');
    await client.write('67890GET /after HTTP/1.1\r\nHost: a\r\n\r\n');
    expect((await client.answer())?.body).toBe('GET /after ');
    client.close();
  });

  test('a long ignored body ends the connection and delays no other request', async () => {
    const { port } = await serve(HELLO);
    const client = await Client.connect(port);
    await client.write(`POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 5000000\r\n\r\n`, 'x'.repeat(300_000));
    expect((await client.answer())?.body).toBe('hello');
    client.close();
  });
});

describe('rejected requests', () => {
  test.each([
    ['GET / HTTP/1.1\r\n\r\n', 400],
    ['GET / HTTP/1.1\r\nHost: a\r\nHost: b\r\n\r\n', 400],
    ['GET / HTTP/2.0\r\nHost: a\r\n\r\n', 505],
    ['GET / HTTP/1.1\nHost: a\n\n', 400],
    ['FOO / HTTP/1.1\r\nHost: a\r\n\r\n', 501],
    ['get / HTTP/1.1\r\nHost: a\r\n\r\n', 501],
    ['POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: cow, chunked\r\n\r\n0\r\n\r\n', 501],
    ['POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked, cow\r\n\r\n0\r\n\r\n', 400],
    ['\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03', 400],
    ['CONNECT a:80 HTTP/1.1\r\nHost: a\r\n\r\n', 501],
    ['GET / HTTP/1.1\r\nHost: a\r\nExpect: wine\r\n\r\n', 417],
    [`GET /${'a'.repeat(9000)} HTTP/1.1\r\nHost: a\r\n\r\n`, 414],
    [`GET / HTTP/1.1\r\nHost: a\r\nX: ${'a'.repeat(40_000)}\r\n\r\n`, 431],
    [`GET / HTTP/1.1\r\nHost: a\r\n${'X: y\r\n'.repeat(100)}\r\n`, 431],
    ['POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 20000000\r\n\r\n', 413],
    ['POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 1\r\nTransfer-Encoding: chunked\r\n\r\n', 400],
    ['POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n', 400],
  ])('%j causes %d and a close, and later bytes are no request', async (request, status) => {
    const { port, server } = await serve(HELLO);
    const text = await exchange(port, `${request}`, 'GET /smuggled HTTP/1.1\r\nHost: a\r\n\r\n');
    expect(text).toMatch(new RegExp(`^HTTP/1\\.1 ${status} `));
    expect(text).toContain('connection: close\r\n');
    expect(text.match(/HTTP\/1\.1/g)).toHaveLength(
      text.includes('neither') ? 2 : text.includes('not HTTP') ? 2 : 1,
    );
    expect(server.stats().requests).toBe(0);
  });

  test('a chunked body above maxBodySize causes 413', async () => {
    const { port } = await serve(ECHO, 1, { maxBodySize: 1000 });
    const text = await exchange(
      port,
      'POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n',
      `7d0\r\n${'x'.repeat(2000)}\r\n0\r\n\r\n`,
    );
    expect(text).toMatch(/^HTTP\/1\.1 413 /);
  });
});

describe('half-closed clients', () => {
  test('requests pipelined before the FIN are all answered, then the connection ends', async () => {
    const { port } = await serve(ECHO);
    const client = await Client.connect(port);
    client.socket.end(
      'GET /1 HTTP/1.1\r\nHost: a\r\n\r\nGET /2 HTTP/1.1\r\nHost: a\r\n\r\nGET /3 HTTP/1.1\r\nHo',
    );
    const text = await client.rest();
    expect(text.match(/GET \/\d/g)).toEqual(['GET /1', 'GET /2']);
  });

  test('a large response is sent to the end although the client has half-closed', async () => {
    const { port } = await serve(`startResponse(200, []); return 'x'.repeat(20_000_000);`);
    const client = await Client.connect(port);
    client.socket.end('GET / HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n');
    expect((await client.answer())?.body.length).toBe(20_000_000);
    expect(client.error).toBeUndefined();
  });
});

test('an upload that was complete before it had a place is answered', async () => {
  const { port, server } = await serve(ECHO, 1, { concurrency: 1, bodyBuffer: 0 });
  const slow = await Client.connect(port);
  await slow.write('POST /slow HTTP/1.1\r\nHost: a\r\nContent-Length: 2\r\n\r\na');
  await until(() => server.stats().uploads === 1);
  const quick = await Client.connect(port);
  await quick.write('POST /quick HTTP/1.1\r\nHost: a\r\nContent-Length: 2\r\n\r\n', 'bc');
  await slow.write('d');
  expect((await slow.answer())?.body).toBe('POST /slow ad');
  expect((await quick.answer())?.body).toBe('POST /quick bc');
  for (const client of [slow, quick]) client.close();
});

/**
 * The intended differences from node:http; docs/reference/node-http.md gives the reasons.
 */
import { describe, expect, test } from 'vitest';
import { Client, exchange } from '../../support/client.ts';
import { appFile, serveFile, type TestServer } from '../../support/server.ts';

/** Serves the body of a listener `(request, response) => { … }`. */
async function listen(body: string, options: Parameters<typeof serveFile>[2] = {}): Promise<TestServer> {
  const app = appFile(`export default (request, response) => {\n${body}\n};\n`);
  return serveFile(app, 1, { interface: 'node', ...options });
}

/** The same with a server that `server` names. The names `http` and `server` are in scope. */
async function listenAs(source: string, options: Parameters<typeof serveFile>[2] = {}): Promise<TestServer> {
  const app = appFile(`import http from 'node:http';\n${source}\nexport default server;\n`);
  return serveFile(app, 1, options);
}

const GET = 'GET / HTTP/1.1\r\nHost: a\r\n\r\n';
const LAST = 'GET /last HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n';

describe('errors that end the process of node:http', () => {
  test('a listener that throws before its head causes 500 and one log line, and the connection stays', async () => {
    const { port, log } = await listen(
      `if (request.url === '/last') response.end('alive'); else throw new Error('oops');`,
    );
    const text = await exchange(port, GET + LAST);
    expect(text).toMatch(
      /^HTTP\/1\.1 500 Internal Server Error\r\n.*Internal Server Error\nHTTP\/1\.1 200 OK.*alive$/s,
    );
    expect(log.join('\n')).toMatch(/GET \/ failed \(request .*\): Error: oops\n +at /);
  });

  test('a listener that throws after its head truncates the response visibly', async () => {
    const { port, log } = await listen(`
      response.write('part');
      return new Promise((_, reject) => setImmediate(reject, new Error('oops')));`);
    const client = await Client.connect(port);
    await client.write(GET);
    // The head may also be missing: a reset can discard bytes on their way.
    expect(await client.rest()).toMatch(/^$|\r\n\r\n4\r\npart\r\n$/);
    expect(log.join('\n')).toMatch(/Error: oops/);
  });

  test('an async listener that rejects causes 500', async () => {
    const { port, log } = await listen(`return Promise.reject(new Error('oops'));`);
    const client = await Client.connect(port);
    await client.write(GET);
    expect(await client.answer()).toMatchObject({ status: 500 });
    expect(log.join('\n')).toMatch(/GET \/ failed .*Error: oops/);
    client.close();
  });

  test('an async listener of an http.Server that rejects causes 502, and the worker is replaced', async () => {
    const { port, server, log } = await listenAs(`
      const server = http.createServer(async () => { throw new Error('oops'); });`);
    const exited = new Promise((resolve) => server.once('workerExit', resolve));
    const client = await Client.connect(port);
    await client.write(GET);
    expect(await client.answer()).toMatchObject({ status: 502 });
    expect(await exited).toMatchObject({ planned: true });
    expect(log.join('\n')).toMatch(/GET \/ uncaught .*Error: oops/);
    client.close();
  });

  test('the reader of a body gets an error when its listener fails', async () => {
    const { port } = await listen(`
      if (request.url === '/last') return void globalThis.closed.then((how) => response.end(how));
      globalThis.closed = new Promise((resolve) =>
        request.on('error', (error) => request.on('close', () => resolve(error.code + request.destroyed))));
      request.on('data', () => {});
      throw new Error('oops');`);
    const client = await Client.connect(port);
    await client.write(`POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 200000\r\n\r\n${'x'.repeat(150_000)}`);
    expect(await client.answer()).toMatchObject({ status: 500 });
    expect(await exchange(port, LAST)).toMatch(/ECONNRESETtrue$/);
    client.close();
  });
});

describe('a body that differs from its stated length', () => {
  test('too few bytes end the connection, and the client need not wait', async () => {
    const { port } = await listen(`response.writeHead(200, { 'content-length': 5 }); response.end('abc');`);
    expect(await exchange(port, GET + LAST)).toMatch(/content-length: 5\r\n.*\r\n\r\nabc$/s);
  });

  test('surplus bytes are not taken for a response', async () => {
    const { port } = await listen(`response.writeHead(200, { 'content-length': 2 }); response.end('abc');`);
    expect(await exchange(port, GET + LAST)).toMatch(/content-length: 2\r\n.*\r\n\r\nabc$/s);
  });
});

describe('a large unread body', () => {
  const LARGE = 'x'.repeat(300_000);

  test('the response announces the end of the connection and arrives before the body', async () => {
    const { port } = await listen(`response.end('no need');`);
    const client = await Client.connect(port);
    await client.write(`POST / HTTP/1.1\r\nHost: a\r\nContent-Length: ${LARGE.length}\r\n\r\n`);
    await client.write(LARGE.slice(0, 70_000));
    expect(await client.answer()).toMatchObject({ body: 'no need', headers: { connection: 'close' } });
    await client.write(LARGE.slice(70_000));
    expect(await client.rest()).toBe('');
    client.close();
  });

  test('a listener that waits for the request receives its end', async () => {
    const { port } = await listen(`
      if (request.url === '/last') return void globalThis.seen.then((seen) => response.end(seen.join()));
      const seen = [];
      for (const name of ['end', 'aborted', 'error']) request.on(name, () => seen.push(name));
      globalThis.seen = new Promise((resolve) => request.on('close', () => resolve([...seen, 'close'])));
      response.end('no need');`);
    const client = await Client.connect(port);
    await client.write(`POST / HTTP/1.1\r\nHost: a\r\nContent-Length: ${LARGE.length}\r\n\r\n${LARGE}`);
    expect(await client.answer()).toMatchObject({ body: 'no need' });
    expect(await exchange(port, LAST)).toMatch(/\r\n\r\nend,close$/);
    client.close();
  });

  test('a listener that stopped reading is not waited for longer than an idle connection', async () => {
    const { port, server } = await listenAs(`
      const server = http.createServer((request, response) => {
        request.once('data', () => (request.pause(), response.end('enough')));
      });
      server.keepAliveTimeout = 10;
      server.keepAliveTimeoutBuffer = 10;`);
    const client = await Client.connect(port);
    await client.write(`POST / HTTP/1.1\r\nHost: a\r\nContent-Length: ${LARGE.length}\r\n\r\n${LARGE}`);
    expect(await client.answer()).toMatchObject({ body: 'enough' });
    await client.rest();
    expect(server.stats().inFlight).toBe(0);
    client.close();
  });
});

describe('Expect: 100-continue', () => {
  const EXPECT = 'POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 3\r\nExpect: 100-continue\r\n\r\n';

  test('100 is sent at the first read of the body, and never for an unread body', async () => {
    const { port } = await listen(`response.writeHead(401).end('no');`);
    const text = await exchange(port, EXPECT);
    expect(text).toMatch(/^HTTP\/1\.1 401 Unauthorized\r\n/);
    expect(text).toMatch(/\r\nConnection: close\r\n/);
  });

  test('a listener that reads keeps the connection', async () => {
    const { port } = await listen(`request.resume().on('end', () => response.end('read'));`);
    const client = await Client.connect(port);
    await client.write(EXPECT);
    await client.until(() => client.received.includes('100 Continue'));
    await client.write('abc');
    expect(await client.answer()).toMatchObject({ status: 200, headers: { connection: 'keep-alive' } });
    await client.write(LAST);
    expect(await client.answer()).toMatchObject({ status: 200 });
    client.close();
  });
});

describe('fields about the connection', () => {
  const dropped = [
    ['setHeader', `for (const [n, v] of hops) response.setHeader(n, v); response.end('x');`],
    ['an object', `response.writeHead(200, Object.fromEntries(hops)).end('x');`],
    ['a flat array', `response.writeHead(200, hops.flat()).end('x');`],
    ['pairs', `response.writeHead(200, hops).end('x');`],
    [
      'both',
      `response.setHeader('Keep-Alive', 'a'); response.writeHead(200, Object.fromEntries(hops)).end('x');`,
    ],
  ];
  test.each(dropped)('are dropped without an error: %s', async (_, code) => {
    const { port } = await listen(`
      const hops = [['Connection', 'keep-alive, x-own'], ['Keep-Alive', 'timeout=99'], ['Upgrade', 'h2c'],
        ['Proxy-Connection', 'x'], ['TE', 'trailers'], ['X-Kept', 'yes'], ['Proxy-Authenticate', 'Basic']];
      ${code}`);
    const text = await exchange(port, GET + LAST);
    const [head] = text.split('\r\n\r\n');
    const [, ...fields] = head!
      .split('\r\n')
      .filter((line) => !/^(?:Date|Content-Length|Transfer-)/.test(line));
    expect(fields).toEqual(['X-Kept: yes', 'Proxy-Authenticate: Basic', 'Connection: keep-alive']);
    expect(text.match(/HTTP\/1\.1 200/g)).toHaveLength(2);
  });

  test('426 names the protocol of the upgrade', async () => {
    const { port } = await listen(
      `response.writeHead(426, { Connection: 'upgrade', Upgrade: 'TLS/1.2' }).end();`,
    );
    const text = await exchange(port, LAST);
    expect(text).toMatch(/Connection: upgrade\r\nUpgrade: TLS\/1\.2\r\n/i);
  });

  test('an object passed to writeHead stays unchanged', async () => {
    const { port } = await listen(`
      globalThis.fields ??= Object.freeze({ 'Keep-Alive': 'x', 'x-a': 'b' });
      response.writeHead(200, globalThis.fields).end(JSON.stringify(globalThis.fields));`);
    expect(await exchange(port, GET + LAST)).toMatch(/(\{"Keep-Alive":"x","x-a":"b"\}.*){2}/s);
  });
});

describe('properties of the connection', () => {
  test('HTTP/1.0 never gets a chunked response, whatever its TE field contains', async () => {
    const { port } = await listen(`response.write('a'); response.end('b');`);
    expect(await exchange(port, 'GET / HTTP/1.0\r\nTE: chunked\r\n\r\n')).toMatch(/\r\n\r\nab$/);
  });

  test('trailers of a request are read and dropped', async () => {
    const { port } = await listen(`
      request.resume().on('end', () => response.end(JSON.stringify([request.trailers, request.rawTrailers])));`);
    const head = 'POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\nConnection: close\r\n\r\n';
    expect(await exchange(port, `${head}1\r\na\r\n0\r\nX-Sum: 1\r\n\r\n`)).toMatch(/\r\n\r\n\[\{\},\[\]\]$/);
  });

  test('pipelined requests are called one after the other', async () => {
    const { port } = await listen(`
      globalThis.inside = (globalThis.inside ?? 0) + 1;
      setTimeout(() => { response.end(request.url + globalThis.inside); globalThis.inside -= 1; }, 10);`);
    const text = await exchange(port, GET + GET + LAST);
    expect(text.match(/\r\n\r\n\/1|\r\n\r\n\/last1/g)).toHaveLength(3);
  });

  test('each exchange has its own socket, which emits close at its end', async () => {
    const { port } = await listen(`
      const { socket } = request;
      const { first = { socket } } = globalThis;
      if (first.socket !== socket) return void first.closed.then(() => response.end('another'));
      first.closed = new Promise((resolve) => socket.on('close', resolve));
      globalThis.first = first;
      response.end('the first');`);
    const client = await Client.connect(port);
    for (const body of ['the first', 'another']) {
      await client.write(GET);
      expect(await client.answer()).toMatchObject({ body });
    }
    client.close();
  });

  test('the server emits only requests: no connection, no clientError', async () => {
    const { port } = await listenAs(`
      const told = [];
      const server = http.createServer((request, response) => response.end(told.join()));
      for (const name of ['connection', 'clientError', 'connect', 'checkExpectation', 'dropRequest'])
        server.on(name, () => told.push(name));`);
    expect(await exchange(port, 'bad\r\n\r\n')).toMatch(/^HTTP\/1\.1 400 /);
    expect(await exchange(port, `GET / HTTP/1.1\r\nHost: a\r\nExpect: x\r\n\r\n`)).toMatch(
      /^HTTP\/1\.1 417 /,
    );
    expect(await exchange(port, LAST)).toMatch(/\r\n\r\n$/);
  });
});

describe('a deadline that passes', () => {
  test('504 keeps the connection; the listener gets close, and its late output is dropped', async () => {
    const { port, log } = await listen(
      `if (request.url === '/last') return void globalThis.seen.then((seen) => response.end(seen.join(' ')));
      const seen = [];
      request.on('aborted', () => seen.push('aborted'));
      globalThis.seen = new Promise((resolve) => response.on('close', () => {
        seen.push('close', response.destroyed, response.write('x'));
        response.end(Buffer.from('y'));
        resolve(seen);
      }));`,
      { handlerTimeout: 50 },
    );
    const client = await Client.connect(port);
    await client.write(GET);
    expect(await client.answer()).toMatchObject({ status: 504 });
    await client.write(LAST);
    expect(await client.answer()).toMatchObject({ status: 200, body: 'aborted close true false' });
    expect(log.join('\n')).toMatch(/handlerTimeout/);
    client.close();
  });

  test.each([
    ['ends its response with bytes', `response.end(Buffer.from('late'));`],
    ['returns', `return;`],
    ['rejects', `throw new Error('late');`],
  ])('a listener that %s behind its deadline is late no more', async (_, code) => {
    const { port, server, log } = await listen(
      `if (request.url === '/last') return void globalThis.over.then(() => setImmediate(() => response.end('over')));
      let over;
      globalThis.over = new Promise((resolve) => (over = resolve));
      return new Promise((resolve) => response.on('close', resolve)).then(() => {
        setImmediate(over);
        ${code}
      });`,
      { handlerTimeout: 30, concurrency: 1 },
    );
    const client = await Client.connect(port);
    for (let i = 0; i < 3; i++) {
      await client.write(GET);
      expect(await client.answer()).toMatchObject({ status: 504 });
      expect(await exchange(port, LAST)).toMatch(/over$/);
    }
    // A second late request beside the first would have exceeded the limit.
    expect(log.join('\n')).not.toMatch(/go on beyond/);
    expect(server.stats().workers).toBe(1);
    client.close();
  });
});

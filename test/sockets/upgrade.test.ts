/**
 * Connections that an application takes over: unchanged bytes in both directions, and requests that stay ordinary.
 */
import { once } from 'node:events';
import http from 'node:http';
import type net from 'node:net';
import { text as textOf } from 'node:stream/consumers';
import { setTimeout as wait } from 'node:timers/promises';
import { describe, expect, test } from 'vitest';
import { Client, exchange } from '../support/client.ts';
import { appFile, serve, serveFile, type TestServer } from '../support/server.ts';
import { until } from '../support/until.ts';

const UPGRADE = 'GET /up HTTP/1.1\r\nHost: a\r\nConnection: Upgrade\r\nUpgrade: echo\r\n\r\n';
const SWITCHED = 'HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: echo\r\n\r\n';

/** A server whose `'upgrade'` listener has this body, after the switch of protocols. */
async function upgraded(
  body: string,
  threads = 1,
  options: Parameters<typeof serveFile>[2] = {},
): Promise<TestServer> {
  const app = appFile(`import http from 'node:http';
    const server = http.createServer((request, response) => response.end('plain ' + request.url));
    server.on('upgrade', (request, socket, head) => {
      socket.write(${JSON.stringify(SWITCHED)});
      ${body}
    });
    export default server;`);
  return serveFile(app, threads, { drainSockets: 50, ...options });
}

const CONNECT = 'CONNECT a:1 HTTP/1.1\r\nHost: a:1\r\n\r\n';
/** A server with an upgrade listener only. */
const ECHO_SERVER = `import http from 'node:http';
  const server = http.createServer((request, response) => response.end('plain ' + request.url));
  server.on('upgrade', (request, socket) => socket.end());
  export default server;`;

const ECHO = `socket.unshift(head); socket.on('data', (bytes) => socket.write(bytes)); socket.on('end', () => socket.end());`;

async function connect(port: number, more = ''): Promise<Client> {
  const client = await Client.connect(port);
  await client.write(UPGRADE + more);
  return client;
}

/** A reset destroys the client's socket, and Node emits the error a tick later. */
async function expectReset(client: Client): Promise<void> {
  await client.until(() => false);
  await until(() => client.error);
  expect(client.error).toMatchObject({ code: 'ECONNRESET' });
}

const text = (client: Client) => client.received.toString('latin1');

describe('a connection that was taken over', () => {
  test('carries bytes in both directions, also bytes directly after the head, split anywhere', async () => {
    const { port } = await upgraded(ECHO);
    const bytes = `${UPGRADE}first second`;
    for (let at = 1; at < bytes.length; at += 7) {
      const client = await Client.connect(port);
      await client.write(bytes.slice(0, at), bytes.slice(at));
      await client.until(() => text(client).endsWith('second'));
      expect(text(client)).toBe(`${SWITCHED}first second`);
      client.close();
    }
  });

  test('carries more bytes after the head than are kept for pipelining', async () => {
    const { port } = await upgraded(ECHO);
    const much = 'x'.repeat(300_000);
    const client = await connect(port, much);
    await client.until(() => client.received.length === SWITCHED.length + much.length);
    expect(text(client)).toBe(SWITCHED + much);
    client.close();
  });

  test('names the addresses in its socket, and the request names the upgrade', async () => {
    const { port, server } = await upgraded(`socket.end(JSON.stringify([
      request.method, request.url, request.upgrade, request.headers.upgrade, request.socket === socket,
      socket.remoteAddress, socket.localPort, typeof socket.remotePort, Buffer.isBuffer(head)]));`);
    const client = await connect(port);
    const told = (await client.rest()).slice(SWITCHED.length);
    expect(JSON.parse(told)).toEqual([
      'GET',
      '/up',
      true,
      'echo',
      true,
      '127.0.0.1',
      server.address.port,
      'number',
      true,
    ]);
  });

  test('ends after the written bytes if the application ends it', async () => {
    const { port, server } = await upgraded(`socket.end('bye');`);
    const client = await connect(port);
    expect(await client.rest()).toBe(`${SWITCHED}bye`);
    await until(() => server.stats().inFlight === 0);
    client.close();
  });

  test('ends its reads at the client’s end, and still sends written bytes', async () => {
    const { port } = await upgraded(
      `let heard = ''; socket.on('data', (bytes) => (heard += bytes)); socket.on('end', () => socket.end('heard ' + heard));`,
    );
    const client = await connect(port);
    await client.write('all of it');
    client.socket.end();
    expect(await client.rest()).toBe(`${SWITCHED}heard all of it`);
  });

  test('is destroyed with ECONNRESET if the client resets', async () => {
    const { port } = await upgraded(`
      const events = [];
      for (const name of ['error', 'end', 'close'])
        socket.resume().on(name, (told) => events.push([name, told?.code ?? told]));
      server.removeAllListeners('request').on('request', (request, response) => response.end(JSON.stringify(events)));`);
    const client = await connect(port);
    await client.until(() => text(client) === SWITCHED);
    client.socket.resetAndDestroy();
    const ask = async () => JSON.parse(await (await fetch(`http://127.0.0.1:${port}`)).text()) as unknown[];
    let events = await ask();
    while (events.length < 2) events = await ask();
    expect(events).toEqual([
      ['error', 'ECONNRESET'],
      ['close', true],
    ]);
  });

  test('destroy() of the application ends it after the written bytes; resetAndDestroy() resets it', async () => {
    const { port } = await upgraded(`socket.write('no'); socket.destroy();`);
    expect(await (await connect(port)).rest()).toBe(`${SWITCHED}no`);
    const { port: resetting } = await upgraded(`socket.on('data', () => socket.resetAndDestroy());`);
    const client = await connect(resetting);
    // libuv reads a reset directly after bytes as an end.
    await client.until(() => text(client) === SWITCHED);
    await client.write('reset');
    await expectReset(client);
  });

  test('ignores a write without bytes', async () => {
    const { port } = await upgraded(
      `socket.write(''); socket.write(Buffer.alloc(0), () => socket.end('done'));`,
    );
    const client = await connect(port);
    expect(await client.rest()).toBe(`${SWITCHED}done`);
  });

  test('is never reported as a late head, and no deadline ends it', async () => {
    const { port } = await upgraded(`setTimeout(() => socket.end('late'), 400);`, 1, {
      handlerTimeout: 100,
      keepAliveTimeout: 100,
      headersTimeout: 100,
    });
    const client = await connect(port);
    expect(await client.rest()).toBe(`${SWITCHED}late`);
  });
});

describe('backpressure', () => {
  test('a client that does not read pauses the writer, which continues at the same byte', async () => {
    const { port } = await upgraded(`
      const piece = Buffer.alloc(64 * 1024, 'x');
      let sent = 0;
      const write = () => {
        while (sent < 8 * 1024 * 1024) { sent += piece.length; if (!socket.write(piece)) return socket.once('drain', write); }
        socket.end();
      };
      server.removeAllListeners('request').on('request', (request, response) => response.end(String(sent)));
      write();`);
    const client = await Client.connect(port);
    client.socket.pause();
    await client.write(UPGRADE);
    const sent = async () => Number(await (await fetch(`http://127.0.0.1:${port}`)).text());
    let before = -1;
    for (let now = await sent(); now !== before; now = await sent()) {
      before = now;
      await wait(50);
    }
    // Kernel buffers, the window and a piece hold far less than all bytes.
    expect(before).toBeLessThan(6 * 1024 * 1024);
    client.socket.resume();
    await client.rest();
    expect(client.received.length).toBe(SWITCHED.length + 8 * 1024 * 1024);
  });

  test('an application that does not read pauses its client, and loses no byte', async () => {
    const { port } = await upgraded(`
      let count = 0;
      socket.pause();
      setTimeout(() => { socket.on('data', (bytes) => (count += bytes.length)); socket.resume(); }, 200);
      socket.on('end', () => socket.end('counted ' + count));`);
    const client = await connect(port);
    const piece = Buffer.alloc(1024 * 1024, 'x');
    for (let i = 0; i < 20; i++) client.socket.write(piece);
    // Kernel buffers, the high-water mark, a window: far less than all of it. The application reads after 200 ms.
    await wait(100);
    expect(client.socket.writableLength).toBeGreaterThan(8 * 1024 * 1024);
    client.socket.end();
    expect(await client.rest()).toBe(`${SWITCHED}counted ${20 * 1024 * 1024}`);
  });
});

describe('a connection that is not taken over', () => {
  test('is answered by an application without an upgrade listener, and later bytes are a request', async () => {
    const { port } = await serve(`startResponse(200, []); return environ.PATH_INFO;`);
    const answers = await exchange(
      port,
      `${UPGRADE}GET /next HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n`,
    );
    expect(answers.match(/\/\w+$|\/\w+(?=HTTP)/g)).toEqual(['/up', '/next']);
  });

  test('is ordinary without an Upgrade field, or with a body', async () => {
    const { port } = await upgraded(ECHO);
    const plain = await exchange(port, 'GET /a HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n');
    expect(plain).toMatch(/plain \/a$/);
    const body = UPGRADE.replace('GET', 'POST').replace('\r\n\r\n', '\r\nContent-Length: 2\r\n\r\nhi');
    const client = await Client.connect(port);
    await client.write(body);
    expect((await client.answer())?.body).toBe('plain /up');
    client.close();
  });

  test.each([
    ['a server that does not listen for it', ECHO_SERVER],
    [
      'a TSGI application',
      'export default (environ, startResponse) => { startResponse(200, []); return ""; };',
    ],
    ['a fetch handler', 'export default { fetch: () => new Response("") };'],
  ])('CONNECT causes 501 from %s, and the connection ends', async (_, source) => {
    const { port } = await serveFile(appFile(source), 1);
    const answer = await exchange(port, `${CONNECT}GET / HTTP/1.1\r\nHost: a\r\n\r\n`);
    expect(answer).toMatch(/^HTTP\/1\.1 501 Not Implemented\r\n/);
    expect(answer).toMatch(/\r\nconnection: close\r\n/i);
    expect(answer.match(/HTTP\/1\.1/g)).toHaveLength(1);
  });
});

describe('CONNECT with a listener', () => {
  const PROXY = `import http from 'node:http';
    import net from 'node:net';
    const server = http.createServer((request, response) => response.end('plain'));
    server.on('connect', (request, socket, head) => {
      const [host, port] = request.url.split(':');
      const target = net.connect(port, host, () => {
        socket.write('HTTP/1.1 200 Connection Established\\r\\n\\r\\n');
        target.write(head);
        target.pipe(socket).pipe(target);
      });
      target.on('error', () => socket.end('HTTP/1.1 502 Bad Gateway\\r\\n\\r\\n'));
    });
    export default server;`;

  test.each([0, 2])('a proxy with %i workers forwards Node’s request to another server', async (threads) => {
    const target = await serveFile(appFile(ECHO_SERVER), 1);
    const { port, server } = await serveFile(appFile(PROXY), threads);
    const asked = http.request({ port, method: 'CONNECT', path: `127.0.0.1:${target.port}` }).end();
    const [response, socket] = (await once(asked, 'connect')) as [http.IncomingMessage, net.Socket];
    expect(response.statusCode).toBe(200);
    const through = http.get({ createConnection: () => socket, path: '/through' });
    const [answer] = (await once(through, 'response')) as [http.IncomingMessage];
    expect(await textOf(answer)).toBe('plain /through');
    socket.destroy();
    await until(() => server.stats().connections === 0);
  });

  test('the request contains its authority, and bytes directly after the head are read unchanged, split anywhere', async () => {
    const { port } = await serveFile(
      appFile(`import http from 'node:http';
        const server = http.createServer();
        server.on('connect', (request, socket) => {
          socket.write([request.method, request.url, request.headers.host, request.socket === socket].join(' ') + '\\n');
          socket.on('data', (bytes) => socket.write(bytes)).on('end', () => socket.end());
        });
        export default server;`),
      1,
    );
    const bytes = `${CONNECT}GET / HTTP/1.1\r\n\0`;
    for (let at = 1; at <= bytes.length; at += 5) {
      const client = await Client.connect(port);
      await client.write(bytes.slice(0, at), bytes.slice(at));
      await client.until(() => text(client).endsWith('\0'));
      expect(text(client)).toBe('CONNECT a:1 a:1 true\nGET / HTTP/1.1\r\n\0');
      client.close();
    }
  });
});

describe('open sockets beside other requests', () => {
  test('do not count towards concurrency', async () => {
    const { port } = await upgraded(ECHO, 1, { concurrency: 2 });
    const clients = await Promise.all(Array.from({ length: 10 }, () => connect(port)));
    for (const client of clients) await client.until(() => text(client) === SWITCHED);
    expect(await exchange(port, 'GET /a HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n')).toMatch(
      /plain \/a$/,
    );
    for (const client of clients) client.close();
  });

  test('go to the worker with the fewest sockets', async () => {
    const { port } = await upgraded(`socket.end(process.env.TSGI_WORKER_INDEX);`, 2);
    expect(await (await connect(port)).rest()).toMatch(/[01]$/);
    const { port: keeping } = await upgraded(`socket.write(process.env.TSGI_WORKER_INDEX);`, 2);
    const found = { '0': 0, '1': 0 };
    const clients: Client[] = [];
    for (let i = 0; i < 20; i++) {
      const client = await connect(keeping);
      clients.push(client);
      await client.until(() => text(client).length > SWITCHED.length);
      found[text(client).at(-1) as '0' | '1'] += 1;
    }
    expect(found).toEqual({ '0': 10, '1': 10 });
    for (const client of clients) client.close();
  });

  test('are reset only if their own worker dies', async () => {
    const { port } = await upgraded(
      `socket.write(process.env.TSGI_WORKER_INDEX); socket.on('data', (bytes) => String(bytes) === 'die' ? process.exit(1) : socket.write(bytes));`,
      2,
    );
    const clients = await Promise.all(Array.from({ length: 6 }, () => connect(port)));
    for (const client of clients) await client.until(() => text(client).length > SWITCHED.length);
    const indexOf = (client: Client) => text(client).charAt(SWITCHED.length);
    const dying = indexOf(clients[0]!);
    await clients[0]!.write('die');
    for (const client of clients) {
      if (indexOf(client) === dying) {
        await expectReset(client);
      } else {
        await client.write('alive');
        await client.until(() => text(client).endsWith('alive'));
        expect(text(client)).toBe(`${SWITCHED}${indexOf(client)}alive`);
      }
      client.close();
    }
  });
});

/**
 * TSGI as a listener of node:http, and the reference server on top of it: parts that the conformance kit does not test.
 */
import { once } from 'node:events';
import http from 'node:http';
import type { AddressInfo } from 'node:net';
import express from 'express';
import { describe, expect, onTestFinished, test } from 'vitest';
import { RawConnection } from '../../src/tsgi/conformance/client.ts';
import { type NodeListener, toNodeListener } from '../../src/tsgi/node.ts';
import { simpleServer } from '../../src/tsgi/simple-server.ts';
import type { Application, Environ } from '../../src/tsgi/types.ts';
import { requestUrl } from '../../src/tsgi/util.ts';

async function listen(listener: NodeListener): Promise<URL> {
  const server = http.createServer(listener);
  await once(server.listen(0, '127.0.0.1'), 'listening');
  onTestFinished(() => {
    server.close();
    server.closeAllConnections();
  });
  return new URL(`http://127.0.0.1:${(server.address() as AddressInfo).port}`);
}

function serve(application: Application, told: unknown[] = []): Promise<URL> {
  return listen(
    toNodeListener(application, { onError: (error) => told.push(error), onLine: (line) => told.push(line) }),
  );
}

async function connect(url: string): Promise<RawConnection> {
  const connection = await RawConnection.open(new URL(url), 5000);
  onTestFinished(() => connection.close());
  return connection;
}

const show: Application = (environ, startResponse) => {
  startResponse(200, []);
  const { SCRIPT_NAME, PATH_INFO, QUERY_STRING, REQUEST_URI } = environ;
  return JSON.stringify([SCRIPT_NAME, PATH_INFO, QUERY_STRING, REQUEST_URI]);
};

describe('in Express', () => {
  async function listenInExpress(mount: (app: express.Express) => unknown): Promise<string> {
    const app = express();
    mount(app);
    return (await listen((request, response) => app(request, response))).origin;
  }

  test.each([
    ['/m%20n/a%20b?c', ['/m n', '/a b', 'c', '/m%20n/a%20b?c']],
    ['/m%20n', ['/m n', '', '', '/m%20n']],
    ['/m%20n?c', ['/m n', '', 'c', '/m%20n?c']],
    ['/m%20n/', ['/m n', '/', '', '/m%20n/']],
    ['/r/s/x', ['/r/s', '/x', '', '/r/s/x']],
    ['/r/7', ['/r/7', '', '', '/r/7']],
    ['/', ['', '/', '', '/']],
    ['/route/a', ['', '/route/a', '', '/route/a']],
    ['/other?c', ['', '/other', 'c', '/other?c']],
  ])('%s is split at the mount', async (target, expected) => {
    const listener = toNodeListener(show);
    const router = express.Router().use('/s', listener).use('/:id', listener);
    const url = await listenInExpress((app) =>
      app.use('/m%20n', listener).use('/r', router).get('/route/*rest', listener).use(listener),
    );
    expect(await (await fetch(url + target)).json()).toEqual(expected);
  });

  test('a request to the mount itself keeps its original URL', async () => {
    const listener = toNodeListener((environ, start) => (start(200, []), requestUrl(environ)));
    const url = await listenInExpress((app) => app.use('/m', listener));
    for (const target of ['/m', '/m?a', '/m/', '/m/b']) {
      expect(await (await fetch(url + target)).text()).toBe(url + target);
    }
  });

  test('a body consumed by a parser is at its end', async () => {
    const echo = toNodeListener(async (environ, start) => {
      const bytes = await environ['tsgi.input'].read();
      start(200, []);
      return bytes;
    });
    const url = await listenInExpress((app) => app.use('/parsed', express.json()).use(echo));
    const init = { method: 'POST', headers: { 'content-type': 'application/json' }, body: '{}' };
    expect(await (await fetch(`${url}/parsed`, init)).text()).toBe('');
    expect(await (await fetch(url, init)).text()).toBe('{}');
  });
});

test('fields of a framework are kept beside the fields of the application, which replace equal names', async () => {
  const listener = toNodeListener((_, start) => (start(200, [['X-A', '1'], ['X-B', '2'], ['x-b', '3']]), 'a')); // prettier-ignore
  const url = await listen((_request, response) => {
    response.setHeader('X-Powered-By', 'it');
    response.setHeader('X-B', 'old');
    listener(_request, response);
  });
  const { headers } = await fetch(url);
  expect([headers.get('x-powered-by'), headers.get('x-a'), headers.get('x-b')]).toEqual(['it', '1', '2, 3']);
});

test('a partly read or unread body does not stop the next request', async () => {
  const url = await serve(async (environ, start) => {
    const bytes = environ.QUERY_STRING === 'part' ? await environ['tsgi.input'].read(10) : '';
    start(200, []);
    return `${bytes.length}`;
  });
  const connection = await connect(url.href);
  for (const [query, text] of [
    ['part', '10'],
    ['none', '0'],
    ['part', '10'],
  ]) {
    // prettier-ignore
    connection.send(`POST /?${query} HTTP/1.1\r\nHost: a\r\nContent-Length: 200000\r\n\r\n${'x'.repeat(200_000)}`);
    expect((await connection.answer()).text).toBe(text);
  }
});

test('a client that leaves in the middle of its body ends the read with an error, without a report', async () => {
  const told: unknown[] = [];
  let failed: (error: unknown) => void;
  const error = new Promise((resolve) => (failed = resolve));
  const url = await serve(async (environ, start) => {
    try {
      await environ['tsgi.input'].read();
    } catch (thrown) {
      failed(thrown);
      throw thrown;
    }
    start(200, []);
    return '';
  }, told);
  const connection = await RawConnection.open(url, 5000);
  connection.send('POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 10\r\n\r\nabc');
  connection.reset();
  expect(await error).toMatchObject({ code: 'TSGI_ERR_CLIENT_GONE' });
  expect(told).toEqual([]);
});

test('a request on an encrypted socket is https', async () => {
  const listener = toNodeListener((environ, start) => (start(200, []), environ['tsgi.url_scheme']));
  const url = await listen((request, response) => {
    if (request.url === '/tls') Object.assign(request.socket, { encrypted: true });
    listener(request, response);
  });
  expect(await (await fetch(url)).text()).toBe('http');
  expect(await (await fetch(`${url.href}tls`)).text()).toBe('https');
});

test('an error and lines of tsgi.errors are reported with their environ', async () => {
  const error = new Error('on purpose');
  const seen: [unknown, Environ][] = [];
  const lines: string[] = [];
  const listener = toNodeListener(
    (environ) => {
      environ['tsgi.errors'].write('a line\n');
      throw error;
    },
    { onError: (...args) => seen.push(args), onLine: (line) => lines.push(line) },
  );
  const url = await listen(listener);
  expect((await fetch(`${url.href}x`)).status).toBe(500);
  expect([seen[0]?.[0], seen[0]?.[1].PATH_INFO, lines]).toEqual([error, '/x', ['a line']]);
});

describe('simpleServer', () => {
  test('prints its address, serves, and closes after the last response despite keep-alive connections', async () => {
    let [finish, begin] = [() => {}, () => {}];
    const finished = new Promise<void>((resolve) => (finish = resolve));
    const begun = new Promise<void>((resolve) => (begin = resolve));
    const server = await simpleServer(async (environ, start) => {
      if (environ.PATH_INFO === '/slow') {
        begin();
        await finished;
      }
      start(200, []);
      return 'done';
    });
    const [idle, busy] = [await connect(server.url), await connect(server.url)];
    idle.send('GET / HTTP/1.1\r\nHost: a\r\n\r\n');
    expect((await idle.answer()).text).toBe('done');
    busy.send('GET /slow HTTP/1.1\r\nHost: a\r\n\r\n');
    await begun;
    const closed = server.close();
    finish();
    expect((await busy.answer()).text).toBe('done');
    await closed;
    await expect(fetch(server.url)).rejects.toThrow();
  });

  test('rejects a port in use', async () => {
    await using server = await simpleServer(show);
    await expect(simpleServer(show, { port: Number(new URL(server.url).port) })).rejects.toThrow(
      'EADDRINUSE',
    );
  });

  test('writes IPv6 addresses in brackets', async () => {
    await using server = await simpleServer(show, { host: '::1' });
    expect(server.url).toMatch(/^http:\/\/\[::1\]:\d+$/);
  });
});

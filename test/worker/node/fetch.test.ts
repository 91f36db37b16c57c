/**
 * The fetch interface: the Request of a handler, the bytes of its Response, and the notification of a client's
 * disconnect.
 */
import { createHash } from 'node:crypto';
import { existsSync, mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { gunzipSync } from 'node:zlib';
import { afterAll, beforeAll, describe, expect, onTestFinished, test } from 'vitest';
import { createServer } from 'tsgi-threads';
import { Client, exchange } from '../../support/client.ts';
import { appFile, serveFile } from '../../support/server.ts';

const APPLICATION = path.join(import.meta.dirname, 'fixtures', 'fetch.mjs');

const LARGE = Buffer.from('0123456789abcdef'.repeat(200_000));
const sha = (bytes: Uint8Array | string) => createHash('sha256').update(bytes).digest('hex');

/**
 * Responses go through Node's messages if a subscriber listens to its channels. Otherwise they go directly into the
 * ring.
 */
const AGENT = path.join(import.meta.dirname, 'fixtures', 'agent.mjs');

describe.each([
  ['alone', []],
  ['beside an agent', [AGENT]],
])('%s', (_, imports) => {
  const log: string[] = [];
  const note = (text: string) => void log.push(text);
  const server = createServer(1, {
    app: APPLICATION,
    import: imports,
    logger: { error: note, warn: note, info: note },
  });
  let port = 0;
  let base = '';
  beforeAll(async () => {
    await server.listen({ port: 0 });
    ({ port } = server.address);
    base = `http://127.0.0.1:${port}`;
  });
  afterAll(() => server.close());

  /** On a separate connection, because an unread body may end it. */
  async function text(target: string, init: RequestInit = {}): Promise<string> {
    const headers = { ...(init.headers as Record<string, string>), connection: 'close' };
    return (await fetch(`${base}${target}`, { ...init, headers })).text();
  }

  async function post(
    name: string,
    body: RequestInit['body'],
    headers: Record<string, string> = {},
  ): Promise<string> {
    return text(`/requests/${name}`, { method: 'POST', body, headers });
  }

  function raw(head: string, body = ''): Promise<string> {
    return exchange(port, `${head}\r\nConnection: close\r\n\r\n${body}`);
  }

  /** The response of a handler of `responses`, byte for byte, without the fields of the connection. */
  async function response(name: string, method = 'GET', version = '1.1'): Promise<string> {
    const wire = await raw(`${method} /responses/${name} HTTP/${version}\r\nHost: a`);
    return wire.replaceAll(/\r\n(?:Date|Connection): [^\r]*(?=\r\n)/g, '');
  }

  describe('a request', () => {
    test('method and URL: the host is the client’s, and an absolute target overrides it', async () => {
      expect(await raw('PUT /requests/url?a=1&b=%20 HTTP/1.1\r\nHost: example.com:81')).toMatch(
        /PUT http:\/\/example\.com:81\/requests\/url\?a=1&b=%20$/,
      );
      expect(await raw('GET http://other.example/requests/url HTTP/1.1\r\nHost: example.com')).toMatch(
        /GET http:\/\/other\.example\/requests\/url$/,
      );
      expect(await raw('GET /requests/url HTTP/1.0')).toMatch(
        new RegExp(`GET http://127\\.0\\.0\\.1:${port}/requests/url$`),
      );
    });

    test('headers are joined, found in any letter case, and may contain underscores', async () => {
      const answer = await raw(
        'GET /requests/headers HTTP/1.1\r\nHost: a\r\nX-Two: 1\r\nx-two: 2\r\nX_Under: u\r\n__proto__: p',
      );
      expect(JSON.parse(/\[.*\]$/.exec(answer)![0])).toEqual([
        ['__proto__', 'p'],
        ['connection', 'close'],
        ['host', 'a'],
        ['x-two', '1, 2'],
        ['x_under', 'u'],
        ...['1, 2', true, null],
      ]);
    });

    test('the headers object is not made for reads of the URL or of one field', async () => {
      const [before, , fields, after] = (await text('/requests/lazy')).split(' ');
      expect(before).toBe('0');
      expect(Number(after)).toBe(Number(fields));
    });

    test('text, json, arrayBuffer and blob read the body', async () => {
      expect(await post('text', 'h\u00e9')).toBe('["h\u00e9",true]');
      expect(await post('json', '{"a":1}')).toBe('{"a":1}');
      expect(await post('arrayBuffer', LARGE)).toBe(sha(LARGE));
      expect(await post('blob', 'b', { 'content-type': 'text/x-own' })).toBe('text/x-own b');
    });

    test('formData reads both kinds of forms', async () => {
      const form = new FormData();
      form.set('name', 'value');
      form.set('file', new Blob(['inside'], { type: 'text/plain' }), 'f.txt');
      expect(await post('formData', form)).toBe('[["name","value"],["file","f.txt text/plain inside"]]');
      expect(await post('formData', new URLSearchParams({ a: 'b c' }))).toBe('[["a","b c"]]');
    });

    test('a body is a stream, with a length and in chunks', async () => {
      expect(await post('stream', LARGE)).toBe(`${LARGE.length} ${sha(LARGE)}`);
      const chunks = 'POST /requests/stream HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked';
      const answer = await raw(chunks, '2\r\nab\r\n1\r\nc\r\n0\r\n\r\n');
      expect(answer).toMatch(new RegExp(`3 ${sha('abc')}$`));
    });

    test('a POST without a body has an empty one', async () => {
      expect(await raw('POST /requests/first HTTP/1.1\r\nHost: a\r\nContent-Length: 0')).toMatch(
        /\r\n\r\ntrue$/,
      );
    });

    test('a missing body is null, and a body is read once', async () => {
      expect(await text('/requests/none')).toBe('[null,"",false]');
      expect(await post('twice', 'x')).toBe('TypeError');
    });

    test('clone, new Request(request) and instanceof work', async () => {
      expect(await post('clone', 'abc')).toBe('abc abc');
      expect(await post('remade', 'abc')).toBe(`${base}/requests/remade POST yes abc`);
      expect(await text('/requests/kind')).toBe('true true');
    });

    test('Expect: 100-continue gets 100 when the body is read', async () => {
      const client = await Client.connect(port);
      await client.write(
        'POST /requests/text HTTP/1.1\r\nHost: a\r\nContent-Length: 3\r\nExpect: 100-continue\r\n\r\n',
      );
      await client.until(() => client.received.includes('100 Continue'));
      await client.write('abc');
      expect((await client.answer())?.body).toBe('["abc",true]');
      client.close();
    });

    test('an unread body does not prevent the response', async () => {
      expect(await post('unread', LARGE)).toBe('not read');
    });

    test('a handler that stops reading pauses its client', async () => {
      const client = await Client.connect(port);
      const length = 8 * 1024 * 1024;
      let sent = false;
      const head = `POST /requests/slowly HTTP/1.1\r\nHost: a\r\nContent-Length: ${length}\r\n\r\n`;
      client.socket.write(head + 'x'.repeat(length), () => (sent = true));
      for (let i = 0; i < 30; i++) expect(await text('/requests/isPaused')).toBe('paused');
      expect(sent).toBe(false);
      await text('/requests/goOn');
      expect((await client.answer())?.body).toBe(String(length));
      client.close();
    });
  });

  const OK = 'HTTP/1.1 200 OK\r\n';
  const TEXT = 'text/plain; charset=UTF-8';
  /** The same after a read of the headers. */
  const NATIVE = 'text/plain;charset=UTF-8';

  describe('a response', () => {
    test.each([
      ['string', `${OK}content-type: ${TEXT}\r\ncontent-length: 6\r\n\r\nh\xc3\xa9llo`],
      ['typed', `${OK}content-type: text/html\r\ncontent-length: 3\r\n\r\n<p>`],
      ['bytes', `${OK}content-length: 2\r\n\r\nhi`],
      ['buffer', `${OK}content-length: 2\r\n\r\nhi`],
      ['empty', `${OK}content-length: 0\r\n\r\n`],
      ['nothing', `${OK}content-length: 0\r\n\r\n`],
      ['204', 'HTTP/1.1 204 No Content\r\n\r\n'],
      ['304', 'HTTP/1.1 304 Not Modified\r\netag: "x"\r\n\r\n'],
      ['statusText', `HTTP/1.1 418 Short and Stout\r\ncontent-type: ${TEXT}\r\ncontent-length: 1\r\n\r\nx`],
      [
        'json',
        `HTTP/1.1 201 Created\r\nx-a: b\r\ncontent-type: application/json\r\ncontent-length: 9\r\n\r\n{"a":[1]}`,
      ],
      [
        'redirect',
        'HTTP/1.1 307 Temporary Redirect\r\nlocation: http://example.com/there\r\ncontent-length: 0\r\n\r\n',
      ],
      [
        'cookies',
        `${OK}content-type: ${NATIVE}\r\nset-cookie: a=1; Path=/\r\nset-cookie: b=2\r\ncontent-length: 1\r\n\r\nx`,
      ],
      ['length', `${OK}content-length: 5\r\ncontent-type: ${TEXT}\r\n\r\nhello`],
      ['clone', `${OK}x-a: b\r\ncontent-type: ${NATIVE}\r\ncontent-length: 6\r\n\r\ncloned`],
      ['hops', `${OK}x-kept: yes\r\ncontent-type: ${TEXT}\r\ncontent-length: 1\r\n\r\nx`],
      [
        'changed',
        `HTTP/1.1 202 Accepted\r\ncontent-type: ${NATIVE}\r\nx-late: yes\r\ncontent-length: 1\r\n\r\nx`,
      ],
    ])('%s, and to HEAD its head', async (name, expected) => {
      const [head] = expected.replace('content-length: 0\r\n', '').split('\r\n\r\n');
      expect(sorted(await response(name))).toEqual(sorted(expected));
      expect(sorted(await response(name, 'HEAD'))).toEqual(sorted(`${head}\r\n\r\n`));
    });

    test.each(['ticks', 'through'])('%s: a stream is sent chunk by chunk', async (name) => {
      const chunks = '7\r\ntick 2\n\r\n7\r\ntick 1\n\r\n7\r\ntick 0\n\r\n0\r\n\r\n';
      expect(await response(name)).toBe(`${OK}Transfer-Encoding: chunked\r\n\r\n${chunks}`);
      expect(await response(name, 'GET', '1.0')).toBe(`${OK}\r\ntick 2\ntick 1\ntick 0\n`);
      expect(await response(name, 'HEAD')).toMatch(/^HTTP\/1\.1 200 OK\r\n[^]*\r\n$/);
    });

    test('a Blob, URLSearchParams and FormData set their type', async () => {
      const blob = await fetch(`${base}/responses/blob`);
      expect([blob.headers.get('content-type'), await blob.text()]).toEqual(['text/x-blob', 'blobby']);
      const params = await fetch(`${base}/responses/params`);
      expect(params.headers.get('content-type')).toBe('application/x-www-form-urlencoded;charset=UTF-8');
      expect(await params.text()).toBe('a=b+c');
      const form = await (await fetch(`${base}/responses/form`)).formData();
      expect(form.get('a')).toBe('1');
      expect(await (form.get('file') as File).text()).toBe('inside');
    });

    test('headers as pairs, a body of a megabyte and a compressed stream arrive', async () => {
      expect(await response('pairs')).toMatch(/x-a: 1(?:, |\r\nx-a: )2\r\nx-b: c\r\n/);
      expect((await text('/responses/many')).length).toBe(1_000_000);
      expect(await text('/responses/gzip')).toBe('squeezed'.repeat(1000));
      const wire = await response('gzip', 'GET', '1.0');
      const body = Buffer.from(wire.slice(wire.indexOf('\r\n\r\n') + 4), 'latin1');
      expect(gunzipSync(body).toString()).toBe('squeezed'.repeat(1000));
    });

    test('a Response of another package states its length once', async () => {
      expect((await response('foreignLength')).match(/content-length/gi)).toHaveLength(1);
    });

    test('a Response of undici and of another package are accepted', async () => {
      expect(await response('native')).toMatch(
        /content-type: text\/plain\r\ncontent-length: 6\r\n\r\nnative$/,
      );
      expect(await response('foreign')).toBe(
        'HTTP/1.1 203 Foreign\r\nx-own: yes\r\ncontent-length: 7\r\n\r\nforeign',
      );
    });

    test('Connection: close is respected', async () => {
      const client = await Client.connect(port);
      await client.write('GET /responses/close HTTP/1.1\r\nHost: a\r\n\r\n');
      expect(await client.rest()).toMatch(/\r\nconnection: close\r\n/i);
      client.close();
    });

    test('a Response follows the fetch standard', async () => {
      expect(await text('/responses/kind')).toBe('[true,true,200,"default",false,false]');
    });
  });

  describe('failures of a handler', () => {
    test.each([
      ['throws', /GET \/failures\/throws failed .*Error: thrown/],
      ['rejects', /Error: rejected/],
      ['undefined', /must return a Response, and returned undefined/],
      ['text', /must return a Response, and returned a text/],
      ['error', /returned Response\.error\(\)/],
      ['atOnce', /Error: at once/],
      ['used', /whose body was read/],
      ['badStatus', /RangeError/],
      ['numeral', /TypeError/],
      ['bodyOf204', /TypeError/],
      ['badHeader', /TypeError/],
      ['badValue', /TypeError/],
      ['badCharacter', /TypeError/],
    ])('%s: 500, and the reason in the log', async (name, expected) => {
      log.length = 0;
      expect((await fetch(`${base}/failures/${name}`)).status).toBe(500);
      expect(log).toHaveLength(1);
      expect(log[0]).toMatch(expected);
    });

    test('a stream that fails midway truncates the response visibly', async () => {
      log.length = 0;
      const client = await Client.connect(port);
      await client.write('GET /failures/midway HTTP/1.1\r\nHost: a\r\n\r\n');
      expect(await client.rest()).toMatch(/\r\n\r\n4\r\npart\r\n$/);
      await expect.poll(() => log.join('\n')).toMatch(/midway failed .*Error: in the middle/);
    });
  });

  describe('a client that leaves', () => {
    test('cancels the stream of its response', async () => {
      const client = await Client.connect(port);
      await client.write('GET /leaving/endless HTTP/1.1\r\nHost: a\r\n\r\n');
      await client.until(() => client.received.length > 100_000);
      client.close();
      expect(await text('/leaving/cancelled')).toBe('cancelled');
    });

    test('aborts the signal of a waiting request', async () => {
      const client = await Client.connect(port);
      await client.write('GET /leaving/waits HTTP/1.1\r\nHost: a\r\n\r\n');
      expect(await text('/leaving/waiting')).toBe('waiting');
      client.close();
      expect(await text('/leaving/aborted')).toBe('AbortError');
    });

    test('aborts no signal after its response', async () => {
      const client = await Client.connect(port);
      await client.write('GET /leaving/signal HTTP/1.1\r\nHost: a\r\n\r\n');
      await client.answer();
      client.close();
      expect(await text('/leaving/wasAborted')).toBe('false');
    });

    test('aborts no signal during the download of a finished response', async () => {
      const client = await Client.connect(port);
      await client.write('GET /leaving/much HTTP/1.1\r\nHost: a\r\n\r\n');
      await client.until(() => client.received.length > 100_000);
      client.close();
      await expect.poll(() => server.stats().inFlight).toBe(0);
      expect(await text('/leaving/wasAborted')).toBe('false');
    });

    test('a stream for HEAD is cancelled because it is not sent', async () => {
      expect((await fetch(`${base}/leaving/held`, { method: 'HEAD' })).status).toBe(200);
      expect(await text('/leaving/cancelled')).toBe('cancelled');
    });

    test('a client that does not read pauses the stream', async () => {
      const client = await Client.connect(port);
      client.socket.pause();
      await client.write('GET /leaving/endless HTTP/1.1\r\nHost: a\r\n\r\n');
      let pulled = '';
      for (let same = 0; same < 20;) {
        const now = await text('/leaving/pulled');
        same = now === pulled && now !== '0' ? same + 1 : 0;
        pulled = now;
      }
      expect(Number(pulled)).toBeLessThan(16 * 1024 * 1024);
      client.close();
      expect(await text('/leaving/cancelled')).toBe('cancelled');
    });
  });

  test('the bindings contain Node’s own request and response', async () => {
    expect(await text('/others/bindings')).toBe('/others/bindings true GET');
    expect(await text('/others/copied')).toBe('incoming,outgoing true true');
    const answer = await fetch(`${base}/others/header`);
    expect([answer.headers.get('x-set'), await answer.text()]).toEqual(['yes', 'x']);
    expect(await text('/others/afterwards', { method: 'POST', body: 'a body' })).toBe('a body');
  });

  test('the bindings are finished after the response, whether or not its client has read it', async () => {
    const client = await Client.connect(port);
    client.socket.pause();
    await client.write('GET /others/behind HTTP/1.1\r\nHost: a\r\n\r\n'.repeat(2));
    expect(await text('/others/wasBehind')).toBe('404,true,true,/others/behind,false');
    client.socket.resume();
    for (let i = 0; i < 2; i++) {
      const answer = await client.answer();
      expect([answer?.status, answer?.body === 'B'.repeat(4_000_000)]).toEqual([404, true]);
    }
    client.close();
  });

  test('a handler that ends the connection receives its close', async () => {
    await expect(text('/others/ended')).rejects.toThrow('fetch failed');
    expect(await text('/others/hasEnded')).toBe('true');
  });

  test('an error of a handler after its client has left is ignored', async () => {
    log.length = 0;
    const client = await Client.connect(port);
    await client.write('GET /others/failsWhenLeft HTTP/1.1\r\nHost: a\r\n\r\n');
    expect(await text('/others/failing')).toBe('failing');
    client.close();
    expect(await text('/others/left')).toBe('left');
    await expect.poll(() => server.stats().inFlight).toBe(0);
    expect(log).toEqual([]);
  });

  describe('waitUntil', () => {
    test('a worker ends after its pending promises, and its hook shutdown runs after them', async () => {
      const folder = mkdtempSync(path.join(tmpdir(), 'tsgi-test-'));
      onTestFinished(() => rmSync(folder, { recursive: true, force: true }));
      const file = path.join(folder, 'done');
      const own = await serveFile(APPLICATION, 1);
      await fetch(`http://127.0.0.1:${own.port}/background/left?file=${encodeURIComponent(file)}`);
      expect(existsSync(file)).toBe(false);
      await own.server.close();
      const at = (name: string) => Number(readFileSync(name, 'utf8'));
      expect(at(`${file}.shutdown`)).toBeGreaterThanOrEqual(Math.max(at(file), at(`${file}.request`)));
    });

    test('a rejection is logged and affects no other request', async () => {
      log.length = 0;
      expect(await text('/background/leftToFail')).toBe('left');
      await expect.poll(() => log.join('\n')).toMatch(/given to waitUntil was rejected: Error: left alone/);
      expect(server.stats().workers).toBe(1);
    });
  });
});

test('a response is the same, byte for byte, with and without a tracing agent', async () => {
  const { default: application } = (await import(APPLICATION)) as {
    default: { readonly responses: readonly string[] };
  };
  const [alone, beside] = await Promise.all(
    [[], [AGENT]].map(async (imports) => (await serveFile(APPLICATION, 1, { import: imports })).port),
  );
  const ask = async (port: number, method: string, name: string, more: string): Promise<string> => {
    const client = await Client.connect(port);
    await client.write(`${method} /responses/${name} ${more}`);
    await client.write(`GET /responses/emptyText HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n`);
    const wire = await client.rest();
    client.close();
    return wire
      .replaceAll(/\r\nDate: (?!Thu, 01 Jan 1970)[^\r]*/g, '\r\nDate: now')
      .replaceAll(/formdata-undici-\d+/g, 'boundary');
  };
  const kinds = [
    'HTTP/1.1\r\nHost: a\r\n\r\n',
    'HTTP/1.0\r\nConnection: keep-alive\r\n\r\n',
    'HTTP/1.0\r\n\r\n',
    'HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n',
  ];
  for (const name of application.responses)
    for (const method of ['GET', 'HEAD'])
      for (const kind of kinds) {
        const theirs = await ask(beside!, method, name, kind);
        expect(await ask(alone!, method, name, kind), `${method} ${name} ${kind}`).toBe(theirs);
      }
});

test('a passed deadline causes 504 and aborts the signal', async () => {
  const app = appFile(`
    let told;
    const aborted = new Promise((resolve) => (told = resolve));
    let cancelled;
    const dropped = new Promise((resolve) => (cancelled = resolve));
    const late = () => new Response(new ReadableStream({ cancel: () => cancelled('dropped') }));
    export default { fetch: (request) => {
      const { pathname } = new URL(request.url);
      if (pathname === '/told') return aborted.then((name) => new Response(name));
      if (pathname === '/dropped') return dropped.then((text) => new Response(text));
      return new Promise((resolve) => request.signal.addEventListener('abort', () => {
        told(request.signal.reason.name);
        resolve(late());
      }));
    } };
  `);
  const { port: own } = await serveFile(app, 1, { handlerTimeout: 50 });
  expect((await fetch(`http://127.0.0.1:${own}/`)).status).toBe(504);
  expect(await (await fetch(`http://127.0.0.1:${own}/told`)).text()).toBe('AbortError');
  expect(await (await fetch(`http://127.0.0.1:${own}/dropped`)).text()).toBe('dropped');
});

test('a worker does not wait for a handler whose client has left, and ends at once', async () => {
  const app = appFile(`
    let left;
    const gone = new Promise((resolve) => (left = resolve));
    export default { fetch: (request) => {
      if (new URL(request.url).pathname === '/gone') return gone.then(() => new Response('gone'));
      request.signal.addEventListener('abort', () => left());
      return new Promise(() => {});
    } };
  `);
  const { port: own, server } = await serveFile(app, 1, { shutdownTimeout: 60_000 });
  const client = await Client.connect(own);
  await client.write('GET / HTTP/1.1\r\nHost: a\r\n\r\n');
  await expect.poll(() => server.stats().inFlight).toBe(1);
  client.close();
  expect(await (await fetch(`http://127.0.0.1:${own}/gone`)).text()).toBe('gone');
  await server.close();
});

test('a stream that is always ready yields its worker a turn, even with room for all its bytes', async () => {
  const app = appFile(`
    let pulled = 0;
    let turns = 0;
    const count = () => { turns += 1; if (pulled < 4) setImmediate(count); };
    const pull = (to) => {
      if (pulled === 0) setImmediate(count);
      pulled += 1;
      if (pulled === 4) to.enqueue(new TextEncoder().encode(String(turns)));
      if (pulled === 4) to.close();
      else to.enqueue(new Uint8Array(65536));
    };
    export default { fetch: () => new Response(new ReadableStream({ pull })) };
  `);
  const { port: own } = await serveFile(app, 1);
  const body = Buffer.from(await (await fetch(`http://127.0.0.1:${own}/`)).arrayBuffer());
  expect(Number(body.subarray(3 * 65_536).toString())).toBeGreaterThanOrEqual(2);
});

test.each([
  [
    'burn CPU beyond it, when they return',
    `() => {
      const end = Date.now() + 300;
      while (Date.now() < end);
      return new Response('late');
    }`,
  ],
  [
    'end Node’s response behind it, though their promise never settles',
    `async (request, bindings) => {
      await new Promise((resolve) => request.signal.addEventListener('abort', resolve));
      bindings.outgoing.end('never sent');
      await new Promise(() => {});
    }`,
  ],
])('a deadline: handlers are over that %s', async (_, handler) => {
  const options = { handlerTimeout: 200, killGrace: 5000, concurrency: 2 };
  const app = appFile(`export default { fetch: ${handler} };`);
  const { port: own, server, log } = await serveFile(app, 1, options);
  for (let i = 0; i < 4; i++) expect((await fetch(`http://127.0.0.1:${own}/`)).status).toBe(504);
  await expect.poll(() => server.stats().inFlight).toBe(0);
  expect(log.filter((line) => line.includes('recycled'))).toEqual([]);
});

test('a handler that uses the CPU can check whether its client is connected', async () => {
  const app = appFile(`
    export default { fetch: (request) => {
      if (new URL(request.url).pathname === '/') return new Response('idle');
      const end = Date.now() + 10_000;
      while (!request.signal.aborted && Date.now() < end);
      return new Response('x');
    } };
  `);
  const { port: own, server } = await serveFile(app, 1);
  const client = await Client.connect(own);
  await client.write('GET /burn HTTP/1.1\r\nHost: a\r\n\r\n');
  await expect.poll(() => server.stats().inFlight).toBe(1);
  client.close();
  const start = performance.now();
  expect(await (await fetch(`http://127.0.0.1:${own}/`)).text()).toBe('idle');
  expect(performance.now() - start).toBeLessThan(5000);
});

test('without threads the global Response stays the caller’s, and is still sent', async () => {
  const before = globalThis.Response;
  const own = await serveFile(APPLICATION, 0);
  expect(globalThis.Response).toBe(before);
  const ask = async (name: string) => fetch(`http://127.0.0.1:${own.port}${name}`);
  expect(await (await ask('/responses/string')).text()).toBe('h\u00e9llo');
  expect((await ask('/responses/204')).status).toBe(204);
  expect(await (await ask('/responses/ticks')).text()).toBe('tick 2\ntick 1\ntick 0\n');
  expect((await ask('/failures/bodyOf204')).status).toBe(500);
});

test('a module that exports fetch itself is served', async () => {
  const { port: own } = await serveFile(
    appFile(`export const fetch = (request) => new Response(request.url);`),
    1,
  );
  expect(await (await fetch(`http://127.0.0.1:${own}/x`)).text()).toBe(`http://127.0.0.1:${own}/x`);
});

/** Lines of the head in any order, and the body. */
function sorted(wire: string): readonly string[] {
  const at = wire.indexOf('\r\n\r\n');
  const [first, ...fields] = wire.slice(0, at).toLowerCase().split('\r\n');
  return [first!, ...fields.sort(), wire.slice(at + 4)];
}

/**
 * A response has one framing only, whatever fields its application sets: a length, or chunks.
 */
import http, { type IncomingHttpHeaders } from 'node:http';
import type { AddressInfo } from 'node:net';
import { brotliCompressSync, deflateSync, gzipSync } from 'node:zlib';
import { beforeAll, describe, expect, onTestFinished, test } from 'vitest';
import { Client } from '../support/client.ts';
import { appFile, serveFile } from '../support/server.ts';

interface Seen {
  readonly status: number;
  readonly lengths: readonly string[];
  readonly codings: readonly string[];
  readonly head: string;
  readonly body: string;
}

const KINDS = ['HTTP/1.1', 'HTTP/1.0', 'HTTP/1.0\r\nConnection: keep-alive'];

/** Sends a request and a second one after it. Checks the framing of the first response as strictly as a client may. */
async function ask(port: number, target: string, method = 'GET', kind = KINDS[0]!): Promise<Seen> {
  const client = await Client.connect(port);
  const last = 'GET /last HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n';
  const goesOn = kind !== 'HTTP/1.0';
  await client.write(`${method} ${target} ${kind}\r\nHost: a\r\n\r\n${goesOn ? last : ''}`);
  const wire = await client.rest();
  client.close();
  const end = wire.indexOf('\r\n\r\n');
  const head = wire.slice(0, end);
  const valuesOf = (name: string) =>
    [...head.matchAll(new RegExp(`\\r\\n${name}: ([^\\r]*)`, 'gi'))].map(([, value]) => value!);
  const lengths = valuesOf('content-length');
  const chunked = valuesOf('transfer-encoding');
  const status = Number(wire.slice(9, 12));
  const seen = { status, lengths, codings: valuesOf('content-encoding'), head };
  const at = `${method} ${target} ${kind}: ${head}`;
  expect(lengths.length + chunked.length, at).toBeLessThanOrEqual(1);
  if (kind !== KINDS[0]) expect(chunked, at).toEqual([]);
  const left = wire.slice(end + 4);
  if (method === 'HEAD' || status === 204 || status === 304) {
    expect(left, at).toMatch(/^$|^HTTP\/1\.1 \d{3} /);
    return { ...seen, body: '' };
  }
  if (lengths.length === 1) {
    expect(lengths[0], at).toMatch(/^\d+$/);
    const body = left.slice(0, Number(lengths[0]));
    expect(left.slice(body.length), at).toMatch(/^$|^HTTP\/1\.1 \d{3} /);
    expect(body.length, at).toBe(Number(lengths[0]));
    return { ...seen, body };
  }
  if (chunked.length === 0) return { ...seen, body: left };
  const [, body, rest] = dechunked(left);
  expect(rest, at).toMatch(/^$|^HTTP\/1\.1 \d{3} /);
  return { ...seen, body: body! };
}

function dechunked(wire: string): readonly string[] {
  let body = '';
  for (let at = 0; ;) {
    const end = wire.indexOf('\r\n', at);
    const size = Number.parseInt(wire.slice(at, end), 16);
    at = end + 2 + size + 2;
    if (size === 0) return ['', body, wire.slice(at)];
    body += wire.slice(end + 2, end + 2 + size);
  }
}

/** Fields that an application sets, in each form. */
const FIELDS: readonly (readonly [name: string, value: string])[][] = [
  [['transfer-encoding', 'chunked']],
  [['Transfer-Encoding', 'CHUNKED']],
  [['transfer-encoding', 'gzip, chunked']],
  [['transfer-encoding', 'identity']],
  [
    ['transfer-encoding', 'chunked'],
    ['content-length', '5'],
  ],
  [
    ['content-length', '5'],
    ['transfer-encoding', 'chunked'],
  ],
  [
    ['transfer-encoding', 'chunked'],
    ['Transfer-Encoding', 'chunked'],
  ],
  [
    ['content-length', '5'],
    ['Content-Length', '5'],
  ],
  [
    ['content-length', '5'],
    ['Content-Length', '50'],
  ],
  [['content-length', '5, 5']],
  [['content-length', '0x5']],
  [['content-length', 'five']],
  [['content-length', '-5']],
  [['content-length', '5']],
];

const BODY = 'hello';

/** The target contains the number of the fields. */
const LISTENER = `
  const all = ${JSON.stringify(FIELDS)};
  const ways = {
    set: (r, fields) => { for (const [n, v] of fields) r.appendHeader(n, v); },
    pairs: (r, fields) => r.writeHead(200, fields),
    flat: (r, fields) => r.writeHead(200, fields.flat()),
    object: (r, fields) => r.writeHead(200, Object.fromEntries(fields)),
    list: (r, fields) => { for (const [n] of fields) r.setHeader(n, fields.filter(([m]) => m.toLowerCase() === n.toLowerCase()).map(([, v]) => v)); },
  };
  const bodies = {
    once: (r) => r.end('${BODY}'),
    bytes: (r) => r.end(Buffer.from('${BODY}')),
    parts: (r) => { r.write('hel'); r.end('lo'); },
    flushed: (r) => { r.flushHeaders(); setImmediate(() => r.end('${BODY}')); },
  };
  export default (request, response) => {
    const [, number, way, body] = request.url.split('/');
    if (number === 'last') return void response.end('the last');
    ways[way](response, all[number]);
    bodies[body](response);
  };`;

describe.each([0, 1])('with %d threads', (threads) => {
  test('a Node listener has one framing, whatever it sets, in any form (C1)', async () => {
    const { port } = await serveFile(appFile(LISTENER), threads, { interface: 'node' });
    const ways = threads === 0 ? ['set'] : ['set', 'pairs', 'flat', 'object', 'list'];
    const bodies = ['once', 'bytes', 'parts', 'flushed'];
    const see = async (number: number, how: string, kind?: string) => {
      const seen = await ask(port, `/${number}/${how}`, 'GET', kind);
      expect(seen.body, `${JSON.stringify(FIELDS[number])} ${how} ${kind}`).toBe(BODY);
    };
    for (let number = 0; number < FIELDS.length; number++) {
      const all = ways.flatMap((way) => bodies.map((body) => see(number, `${way}/${body}`)));
      const older = KINDS.slice(1).flatMap((kind) => bodies.map((body) => see(number, `set/${body}`, kind)));
      await Promise.all([...all, ...older, ask(port, `/${number}/pairs/once`, 'HEAD')]);
    }
  });

  test('a fetch handler has one framing, the server’s, whatever it sets (C1)', async () => {
    const { port } = await serveFile(
      appFile(`
        const all = ${JSON.stringify(FIELDS)};
        const stream = () => new Blob(['${BODY}']).stream();
        const bodies = {
          text: () => '${BODY}', bytes: () => new TextEncoder().encode('${BODY}'), stream,
          readable: async () => (await import('node:stream')).Readable.from([Buffer.from('${BODY}')]),
          blob: () => new Blob(['${BODY}']), none: () => null,
        };
        export default { fetch: async ({ url }) => {
          const [, number, body] = new URL(url).pathname.split('/');
          if (number === 'last') return new Response('the last');
          return new Response(await bodies[body](), { headers: all[number] });
        } };`),
      threads,
    );
    const bodies = ['text', 'bytes', 'stream', 'blob', 'none', ...(threads > 0 ? ['readable'] : [])];
    const see = async (number: number, body: string, kind: string) => {
      const [seen] = await Promise.all([
        ask(port, `/${number}/${body}`, 'GET', kind),
        ask(port, `/${number}/${body}`, 'HEAD', kind),
      ]);
      const at = `${JSON.stringify(FIELDS[number])} ${body} ${kind}`;
      expect(seen, at).toMatchObject({ status: 200, body: body === 'none' ? '' : BODY });
      if (threads > 0 && (body === 'text' || body === 'bytes')) expect(seen.lengths, at).toEqual(['5']);
      if (body === 'none') expect(seen.lengths, at).toEqual(['0']);
    };
    for (let number = 0; number < FIELDS.length; number++)
      await Promise.all(bodies.flatMap((body) => KINDS.map((kind) => see(number, body, kind))));
  });

  test('a TSGI application gets an error for fields of the connection, and one framing (C1)', async () => {
    const { port } = await serveFile(
      appFile(`
        const all = ${JSON.stringify(FIELDS)};
        export default (environ, startResponse) => {
          const [, number] = environ.PATH_INFO.split('/');
          if (number === 'last') return startResponse(200, []), 'the last';
          startResponse(200, all[number]);
          return '${BODY}';
        };`),
      threads,
    );
    for (let number = 0; number < FIELDS.length; number++) {
      const seen = await ask(port, `/${number}`);
      const isRight = number === FIELDS.length - 1;
      expect(seen, JSON.stringify(FIELDS[number])).toMatchObject({ status: isRight ? 200 : 500 });
    }
  });
});

test.each([
  [
    'node',
    `(request, response) => { response.writeHead(Number(request.url.slice(1)), { 'content-length': 5, 'transfer-encoding': 'chunked' }); response.end(); }`,
  ],
  [
    'fetch',
    `{ fetch: ({ url }) => new Response(null, { status: Number(new URL(url).pathname.slice(1)), headers: { 'content-length': '5', 'transfer-encoding': 'chunked' } }) }`,
  ],
] as const)('%s: 204, 205 and 304 have no body, and no two framings (C1)', async (name, source) => {
  const { port } = await serveFile(appFile(`export default ${source};`), 1, { interface: name });
  for (const status of [204, 205, 304])
    for (const method of ['GET', 'HEAD']) {
      const client = await Client.connect(port);
      await client.write(`${method} /${status} HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n`);
      const [head, ...body] = (await client.rest()).split('\r\n\r\n');
      expect(head).toMatch(new RegExp(`^HTTP/1\\.1 ${status} `));
      expect(head!.match(/\r\n(?:content-length|transfer-encoding):/gi)?.length ?? 0).toBeLessThanOrEqual(1);
      if (status === 204) expect(head).not.toMatch(/content-length|transfer-encoding/i);
      if (name === 'fetch') expect(head).not.toMatch(status === 304 ? /transfer/i : /transfer|length: [^0]/i);
      expect(body.join('').replace(/^0$/, '')).toBe('');
      client.close();
    }
});

describe('the fields of an upstream', () => {
  const TEXT = 'what the upstream says, twice: what the upstream says'.repeat(20);
  const CODINGS = {
    gzip: gzipSync(TEXT),
    br: brotliCompressSync(TEXT),
    deflate: deflateSync(TEXT),
    none: TEXT,
  };
  let upstream = '';
  beforeAll(async () => {
    const server = http.createServer((request, response) => {
      const [, coding, framing] = request.url!.split('/') as [string, keyof typeof CODINGS, string];
      const body = CODINGS[coding];
      response.setHeader('x-upstream', 'yes');
      if (coding !== 'none') response.setHeader('content-encoding', coding);
      if (framing === 'length') response.setHeader('content-length', body.length);
      else response.flushHeaders();
      response.end(body);
    });
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
    upstream = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
    return () => server.close();
  });

  const WAYS: Record<string, string> = {
    text: 'new Response(await up.text(), up)',
    bytes: 'new Response(await up.arrayBuffer(), up)',
    body: 'new Response(up.body, up)',
    itself: 'up',
    headers: 'new Response(await up.text(), { headers: up.headers })',
    copied: 'new Response(await up.text(), { headers: new Headers(up.headers) })',
    again: 'new Response((await new Response(await up.text(), up).text()), new Response(null, up))',
    stream: 'new Response(up.body, { headers: up.headers })',
  };

  test.each([1, 0])('match the forwarded body, with %d threads (C1)', async (threads) => {
    const { port } = await serveFile(
      appFile(`export default { fetch: async ({ url }) => {
        const [, way, ...rest] = new URL(url).pathname.split('/');
        if (way === 'last') return new Response('the last');
        const up = await fetch(${JSON.stringify(upstream)} + '/' + rest.join('/'));
        return { ${Object.entries(WAYS)
          .map(([name, code]) => `${name}: async () => ${code}`)
          .join(',\n')} }[way]();
      } };`),
      threads,
    );
    const see = async (way: string, coding: string, framing: string) => {
      const target = `/${way}/${coding}/${framing}`;
      for (const kind of KINDS) {
        const seen = await ask(port, target, 'GET', kind);
        expect(seen, `${target} ${kind}`).toMatchObject({ status: 200, codings: [], body: TEXT });
        expect(seen.head, `${target} ${kind}`).toMatch(/\r\nx-upstream: yes/);
      }
      expect(await (await fetch(`http://127.0.0.1:${port}${target}`)).text()).toBe(TEXT);
    };
    // Brotli and deflate have no signature, so the body alone does not show its coding.
    const isKnown = (way: string, coding: string) =>
      coding === 'gzip' || coding === 'none' || (threads > 0 && way !== 'stream');
    for (const way of Object.keys(WAYS))
      for (const coding of ['gzip', 'br', 'deflate', 'none'].filter((coding) => isKnown(way, coding)))
        await Promise.all(['length', 'chunked'].map((framing) => see(way, coding, framing)));
  });

  test('a body compressed by its handler keeps its coding (C1)', async () => {
    const { port } = await serveFile(
      appFile(`
        import { brotliCompressSync, deflateSync, gzipSync } from 'node:zlib';
        const bodies = { gzip: gzipSync, 'x-gzip': gzipSync, br: brotliCompressSync, deflate: deflateSync };
        export default { fetch: ({ url }) => {
          const [, way, coding] = new URL(url).pathname.split('/');
          const bytes = bodies[coding](${JSON.stringify(TEXT)});
          const pieces = () => new ReadableStream({ start(to) {
            for (let i = 0; i < bytes.length; i++) to.enqueue(new Uint8Array(bytes.subarray(i, i + 1)));
            to.close();
          } });
          const headers = { 'content-encoding': coding };
          if (way === 'length') headers['content-length'] = String(bytes.length);
          return new Response(way === 'pieces' ? pieces() : new Uint8Array(bytes), { headers });
        } };`),
      1,
    );
    for (const way of ['bytes', 'length', 'pieces'])
      for (const coding of ['gzip', 'x-gzip', 'br', 'deflate']) {
        const answer = await fetch(`http://127.0.0.1:${port}/${way}/${coding}`);
        expect(answer.headers.get('content-encoding'), way).toBe(coding);
        expect(await answer.text(), `${way} ${coding}`).toBe(TEXT);
      }
  });

  test('a Node listener that forwards them through node:http ends its response once (C1)', async () => {
    const { port } = await serveFile(
      appFile(`
        import http from 'node:http';
        export default (request, response) => {
          if (request.url === '/last') return void response.end('the last');
          http.get(${JSON.stringify(upstream)} + request.url, (up) => {
            response.writeHead(up.statusCode, up.rawHeaders);
            up.pipe(response);
          });
        };`),
      1,
      { interface: 'node' },
    );
    for (const framing of ['length', 'chunked'])
      for (const kind of KINDS) {
        const seen = await ask(port, `/gzip/${framing}`, 'GET', kind);
        expect(Buffer.from(seen.body, 'latin1').equals(CODINGS.gzip)).toBe(true);
      }
  });
});

test('other clients accept a response whose handler has set transfer-encoding (C1)', async () => {
  const { port } = await serveFile(
    appFile(
      `export default { fetch: () => new Response('hello', { headers: { 'transfer-encoding': 'chunked' } }) };`,
    ),
    1,
  );
  expect(await (await fetch(`http://127.0.0.1:${port}`)).text()).toBe('hello');
  const headers = await new Promise<IncomingHttpHeaders>((resolve, reject) =>
    http
      .get({ port, host: '127.0.0.1', agent: false }, (answer) => resolve(answer.resume().headers))
      .on('error', reject),
  );
  expect(headers).toMatchObject({ 'content-length': '5' });
  expect(headers).not.toHaveProperty('transfer-encoding');
});

test('TSGI in a Node server keeps one framing beside the fields of a framework (C1)', async () => {
  const { toNodeListener } = await import('tsgi-threads/tsgi');
  const listener = toNodeListener((environ, startResponse) => {
    startResponse(environ.PATH_INFO === '/204' ? 204 : 200, [['x-a', '\u00e9']]);
    return environ.PATH_INFO === '/parts' ? ['hel', 'lo'].values() : 'hello';
  });
  const server = http.createServer((request, response) => {
    if (request.url === '/last') return void response.end('the last');
    response.setHeader('x-framework', 'yes');
    response.setHeader('Transfer-Encoding', 'chunked');
    response.setHeader('Content-Length', '50');
    listener(request, response);
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  onTestFinished(() => void server.close());
  const { port } = server.address() as AddressInfo;
  for (const target of ['/', '/parts'])
    for (const kind of KINDS) {
      const seen = await ask(port, target, 'GET', kind);
      expect(seen).toMatchObject({ status: 200, body: 'hello' });
      // Heads have one encoding, Latin-1, also if the head leaves alone (C9).
      expect(seen.head).toMatch(/\r\nx-a: \u00e9(?:\r\n|$)/);
    }
  expect(await ask(port, '/204')).toMatchObject({ status: 204, lengths: [] });
});

describe('HEAD', () => {
  const APPS: Record<string, string> = {
    fetch: `{ fetch: ({ url, method }) => {
      const path = new URL(url).pathname;
      const get = () => new Response('thirteen byte', { headers: { 'x-a': 'b', ...(path === '/given' && { 'content-length': '13' }) } });
      if (method === 'GET') return path === '/empty' ? new Response(null) : get();
      const { headers } = get();
      return { '/null': () => new Response(null, get()), '/text': () => new Response('', { headers }), '/bytes': () => new Response(new Uint8Array(0)),
        '/given': () => new Response(null, { headers: { 'x-a': 'b', 'content-length': '13' } }), '/empty': () => new Response(null),
        '/native': () => new Response(null, get()), '/redirect': () => Response.redirect('http://a/b') }[path]();
    } }`,
    tsgi: `(environ, startResponse) => {
      const path = environ.PATH_INFO;
      startResponse(200, path === '/given' ? [['content-length', '13']] : []);
      if (environ.REQUEST_METHOD === 'GET') return path === '/empty' ? '' : 'thirteen byte';
      return path === '/bytes' ? new Uint8Array(0) : path === '/null' ? [] : path === '/native' ? [''] : '';
    }`,
    node: `(request, response) => {
      if (request.url === '/given') response.setHeader('content-length', 13);
      response.end(request.method === 'GET' && request.url !== '/empty' ? 'thirteen byte' : request.url === '/text' ? '' : undefined);
    }`,
  };

  test.each(['fetch', 'tsgi', 'node'] as const)(
    '%s: an empty response states no length except the application’s (C3)',
    async (name) => {
      const { port } = await serveFile(appFile(`export default ${APPS[name]};`), 1, { interface: name });
      const lengthOf = async (method: string, target: string, kind: string) => {
        const client = await Client.connect(port);
        await client.write(`${method} ${target} ${kind}\r\nHost: a\r\nConnection: close\r\n\r\n`);
        const [head] = (await client.rest()).split('\r\n\r\n');
        client.close();
        return /\r\ncontent-length: (\d+)/i.exec(head!)?.[1];
      };
      for (const target of ['/null', '/text', '/bytes', '/empty', '/native', '/redirect'])
        for (const kind of ['HTTP/1.1', 'HTTP/1.0'])
          expect(await lengthOf('HEAD', target, kind), `${target} ${kind}`).toBeUndefined();
      expect(await lengthOf('HEAD', '/given', 'HTTP/1.1')).toBe('13');
      expect(await lengthOf('GET', '/given', 'HTTP/1.1')).toBe('13');
      expect(await lengthOf('GET', '/empty', 'HTTP/1.1')).toBe('0');
    },
  );
});

describe('a field with \u00e9', () => {
  const BODIES = `{
    text: () => 'x', latin: () => 'caf\\xe9', bytes: () => new Uint8Array([120]), none: () => null, blob: () => new Blob(['x']),
    stream: () => new Blob(['x']).stream(), large: () => 'x'.repeat(100_000),
    slow: () => new ReadableStream({ async pull(to) { await new Promise((done) => setTimeout(done, 5)); to.enqueue(new Uint8Array([120])); to.close(); } }),
    readable: () => Readable.from(['x', 'y'], { objectMode: false, encoding: 'utf8' }),
  }`;

  test.each([1, 0])(
    'leaves a fetch handler as Latin-1, with every kind of body and %d threads (C9)',
    async (threads) => {
      const { port } = await serveFile(
        appFile(`
        import { Readable } from 'node:stream';
        const bodies = ${BODIES};
        export default { fetch: ({ url }, { outgoing }) => {
          const [, body, how] = new URL(url).pathname.split('/');
          const headers = { 'x-a': 'caf\\xe9' };
          if (how === 'date') headers.date = 'now';
          if (how === 'bindings') outgoing.setHeader('x-b', 'caf\\xe9');
          return new Response(bodies[body](), { headers, ...(how === 'text' && { statusText: 'caf\\xe9' }) });
        } };`),
        threads,
      );
      const bodies = ['text', 'latin', 'bytes', 'none', 'blob', 'stream', 'large', 'slow'];
      if (threads > 0) bodies.push('readable');
      for (const body of bodies)
        for (const how of ['plain', 'date', 'bindings', 'text'])
          for (const method of ['GET', 'HEAD']) {
            const seen = await ask(port, `/${body}/${how}`, method);
            expect(seen.head, `${body} ${how} ${method}`).toMatch(/\r\nx-a: caf\xe9(?:\r\n|$)/);
            if (how === 'bindings') expect(seen.head).toMatch(/\r\nx-b: caf\xe9(?:\r\n|$)/);
            if (how === 'text') expect(seen.head).toMatch(/^HTTP\/1\.1 200 caf\xe9\r\n/);
            if (body === 'latin' && method === 'GET') expect(seen.body).toBe('caf\xc3\xa9');
          }
    },
  );

  test('leaves a TSGI application as Latin-1, and a character that is no byte causes an error (C9)', async () => {
    const { port } = await serveFile(
      appFile(`
        const bodies = ${BODIES};
        bodies.parts = async function* () { yield 'caf\\xe9'; yield 'x'; };
        export default (environ, startResponse) => {
          const [, body, value] = environ.PATH_INFO.split('/');
          startResponse(200, [['x-a', value === 'bad' ? '\\u0101' : 'caf\\xe9']]);
          return bodies[body]();
        };`),
      1,
    );
    for (const body of ['text', 'latin', 'bytes', 'parts'])
      expect((await ask(port, `/${body}/good`)).head).toMatch(/\r\nx-a: caf\xe9(?:\r\n|$)/);
    expect(await ask(port, '/text/bad')).toMatchObject({ status: 500 });
  });

  test('a code point above 255 causes an error in a fetch handler, with every body (C9)', async () => {
    const { port } = await serveFile(
      appFile(`
        import { Readable } from 'node:stream';
        const bodies = ${BODIES};
        export default { fetch: ({ url }) =>
          new Response(bodies[new URL(url).pathname.split('/')[1]](), { headers: { 'x-a': '\\u0101' } }) };`),
      1,
    );
    for (const body of ['text', 'bytes', 'none', 'blob', 'stream', 'slow', 'readable'])
      expect(await ask(port, `/${body}`), body).toMatchObject({ status: 500 });
  });
});

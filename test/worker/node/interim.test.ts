/**
 * Interim responses of applications: their permitted contents, and the clients that receive them.
 */
import { ServerResponse } from 'node:http';
import { expect, test } from 'vitest';
import { exchange } from '../../support/client.ts';
import { appFile, serveFile } from '../../support/server.ts';

const LINK = '</a.css>; rel=preload';
/** Names and values that could split a response, also by the low byte of a character. */
const BREAKS = ['\r\n', '\n', '\r', '\0', '\u010d\u010a', '\u010a', '\u560d\u560a', '\u{1f40d}', '\u2028'];

/** Calls in the source of the application. `evil` holds a line end and an injected response. */
const CALLS: readonly (readonly [name: string, code: string])[] = [
  ['a link', `response.writeEarlyHints({ link: '<' + evil + '>; rel=preload' })`],
  ['one of several links', `response.writeEarlyHints({ link: ['${LINK}', '<' + evil + '>; rel=preload'] })`],
  ['white space of a link', `response.writeEarlyHints({ link: '${LINK}' + evil + '; as=style' })`],
  ['a value', `response.writeEarlyHints({ link: '${LINK}', 'x-from': evil })`],
  ['one of several values', `response.writeEarlyHints({ link: '${LINK}', 'x-from': ['a', evil] })`],
  ['a name', `response.writeEarlyHints({ link: '${LINK}', [evil]: 'x' })`],
  ['a name in upper case', `response.writeEarlyHints({ link: '${LINK}', ['Link' + evil]: 'x' })`],
  [
    'a value that changes when it is read again',
    `response.writeEarlyHints({ link: '${LINK}', 'x-from': { toString: () => (reads++ ? evil : 'x') } })`,
  ],
  [
    'a getter that changes',
    `response.writeEarlyHints({ link: '${LINK}', get 'x-from'() { return reads++ ? evil : 'x'; } })`,
  ],
  [
    'a call through the prototype',
    `http.ServerResponse.prototype.writeEarlyHints.call(response, { link: '${LINK}', 'x-from': evil })`,
  ],
  ['an information', `response.writeInformation(103, { 'x-from': evil })`],
  ['a status message', `response.writeHead(200, evil)`],
  ['a property statusMessage', `response.statusMessage = evil; response.flushHeaders()`],
  ['a field', `response.setHeader('x-from', evil)`],
  ['a field of writeHead', `response.writeHead(200, { 'x-from': evil })`],
  ['a flat field of writeHead', `response.writeHead(200, ['x-from', evil])`],
  ['a name of writeHead', `response.writeHead(200, { [evil]: 'x' })`],
  ['a trailer', `response.writeHead(200, { trailer: 'x' }), response.addTrailers({ x: evil })`],
  ['a name of a trailer', `response.writeHead(200, { trailer: 'x' }), response.addTrailers({ [evil]: 'x' })`],
];

const NODE = `
  import http from 'node:http';
  const calls = { ${CALLS.map(([name, code]) => `${JSON.stringify(name)}: (response, evil) => { let reads = 0; ${code}; }`).join(',\n')} };
  const code = (call) => { try { call(); return 'no error'; } catch (error) { return error.code ?? error.name; } };
  export default http.createServer((request, response) => {
    const { name, text } = JSON.parse(decodeURIComponent(request.url.slice(1)));
    const evil = 'x' + text + 'Injected: yes' + text + text + 'HTTP/1.1 200 Injected';
    response.end(code(() => calls[name](response, evil)));
  });`;

const KNOWN = CALLS.map(([name]) => name).filter(
  (name) => name !== 'an information' || 'writeInformation' in ServerResponse.prototype,
);

test('no name, value or message splits a response, by any line end (A14)', async () => {
  const { port } = await serveFile(appFile(NODE), 1);
  for (const name of KNOWN)
    for (const text of BREAKS) {
      const target = encodeURIComponent(JSON.stringify({ name, text }));
      const wire = await exchange(port, `GET /${target} HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n`);
      expect(wire, `${name} ${JSON.stringify(text)}`).not.toMatch(/Injected/);
      // Node keeps a rejected status message, and rejects it again at the end.
      const expected = name.includes('changes')
        ? /^HTTP\/1\.1 103 .*\r\nx-from: x\r\n\r\nHTTP\/1\.1 200 .*no error$/s
        : /^HTTP\/1\.1 (?:200 OK\r\n.*(?:ERR_INVALID_\w+|TypeError)|500 )/s;
      expect(wire, `${name} ${JSON.stringify(text)}`).toMatch(expected);
    }
});

test('raw bytes written before a head are an interim response, or cause an error (A14)', async () => {
  const { port } = await serveFile(
    appFile(`
      const texts = [
        'HTTP/1.1 103 Early Hints\\r\\nlink: \\u010d\\u010aInjected: yes\\r\\n\\r\\n',
        'HTTP/1.1 103 Early Hints\\r\\nlink: a\\nInjected: yes\\r\\n\\r\\n',
        'HTTP/1.1 103 Early Hints\\r\\nlink: a\\r\\n\\r\\nHTTP/1.1 200 Injected\\r\\n\\r\\n',
        'HTTP/1.1 103 Early Hints\\r\\na b: Injected\\r\\n\\r\\n',
        'HTTP/1.1 103 Injected\\0\\r\\n\\r\\n',
      ];
      export default (request, response) => {
        const codes = [...texts, ...texts.slice(1).map((text) => Buffer.from(text))].map((data) => {
          try { return String(response._writeRaw(data, 'ascii')); } catch (error) { return error.code; }
        });
        response._writeRaw('HTTP/1.1 103 Early Hints\\r\\n', 'ascii');
        response._writeRaw('x-piece: caf\\xe9\\r\\n\\r\\n', 'ascii');
        response.end(codes.join());
      };`),
    1,
    { interface: 'node' },
  );
  const wire = await exchange(port, 'GET / HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n');
  expect(wire).not.toMatch(/Injected/);
  expect(wire).toMatch(/^HTTP\/1\.1 103 Early Hints\r\nx-piece: caf\xe9\r\n\r\nHTTP\/1\.1 200 OK\r\n/);
  expect(wire.split('\r\n\r\n').at(-1)).toBe(Array.from({ length: 9 }, () => 'ERR_INVALID_CHAR').join());
});

const INTERIM = `
  response.writeEarlyHints({ link: '${LINK}' }, () => told.push('hints'));
  response.writeProcessing(() => told.push('processing'));
  response.writeContinue(() => told.push('continue'));
  response.writeInformation?.(103, { 'x-a': 'b' });
  response._writeRaw('HTTP/1.1 103 Early Hints\\r\\n\\r\\n', 'ascii');
  response._writeRaw(Buffer.from('HTTP/1.1 103 Early Hints\\r\\n\\r\\n'));`;

test.each([0, 1])(
  'a client of HTTP/1.0 is sent no interim response, with %d threads (A18)',
  async (threads) => {
    const listener = `export default (request, response) => {
    const told = [];
    ${INTERIM}
    setImmediate(() => response.end(told.join()));
  };`;
    const { port } = await serveFile(appFile(listener), threads, { interface: 'node' });
    const ask = (version: string, more = '') =>
      exchange(port, `GET / HTTP/${version}\r\nHost: a\r\nConnection: close\r\n${more}\r\n`);
    expect(await ask('1.1')).toMatch(/^HTTP\/1\.1 103 .*HTTP\/1\.1 102 .*HTTP\/1\.1 100 .*HTTP\/1\.1 200 /s);
    for (const more of ['', 'Expect: 100-continue\r\n', 'Connection: keep-alive\r\n']) {
      const wire = await ask('1.0', more);
      expect(wire).toMatch(/^HTTP\/1\.1 200 OK\r\n/);
      expect(wire).not.toMatch(/HTTP\/1\.1 1/);
      expect(wire).toMatch(/\r\n\r\nhints,processing,continue$/);
    }
  },
);

test('a client of HTTP/1.0 receives no interim response from bindings or body reads (A18)', async () => {
  const fetching = `export default { fetch: async (request, { outgoing: response }) => {
    const told = [];
    ${INTERIM}
    return new Response(await request.text());
  } };`;
  const tsgi = `export default async (environ, startResponse) => {
    const body = await environ['tsgi.input'].read();
    startResponse(200, []);
    return body;
  };`;
  const request = (version: string) =>
    `POST / HTTP/${version}\r\nHost: a\r\nContent-Length: 3\r\nExpect: 100-continue\r\nConnection: close\r\n\r\n`;
  for (const source of [fetching, tsgi]) {
    const { port } = await serveFile(appFile(source), 1);
    const wire = await exchange(port, request('1.0'), 'abc');
    expect(wire).toMatch(/^HTTP\/1\.1 200 OK\r\n[^]*\r\n\r\nabc$/);
    expect(wire).not.toMatch(/HTTP\/1\.1 1/);
  }
});

test('an interim response is never written after the head of its response (A14)', async () => {
  const { port } = await serveFile(
    appFile(`export default (request, response) => {
      response.writeHead(200, { trailer: 'x-codes' });
      response.writeProcessing();
      response.write('body');
      const codes = ['writeContinue', 'writeProcessing', 'writeEarlyHints'].map((name) => {
        try { response[name]({ link: '${LINK}' }); return 'no error'; } catch (error) { return error.code; }
      });
      response.addTrailers({ 'x-codes': codes.join() });
      response.end();
    };`),
    1,
    { interface: 'node' },
  );
  const wire = await exchange(port, 'GET / HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n');
  const codes = Array.from({ length: 3 }, () => 'ERR_HTTP_HEADERS_SENT').join();
  expect(wire).toMatch(/^(?:HTTP\/1\.1 102 Processing\r\n\r\n)?HTTP\/1\.1 200 OK\r\n/);
  expect(wire.endsWith(`\r\n\r\n4\r\nbody\r\n0\r\nx-codes: ${codes}\r\n\r\n`)).toBe(true);
});

/**
 * The application receives a host as the client sent it. Otherwise the server rejects the request before the
 * application sees it.
 */
import type { AddressInfo } from 'node:net';
import http from 'tsgi-threads/node';
import { describe, expect, onTestFinished, test } from 'vitest';
import { exchange } from '../support/client.ts';
import { appFile, serveFile } from '../support/server.ts';

const TAKEN = [
  'example.com.',
  'h:',
  'a..b',
  'a,b',
  "a!$&'()*+;=b",
  'a~b',
  'EXAMPLE.com:080',
  '1.2.3',
  '[::1]:80',
  'xn--nxasmq6b',
];
const REFUSED = [
  '256.1.1.1',
  'xn--',
  'a%00',
  '[:::]',
  'h:65536',
  'a b',
  'x/y',
  'http://x',
  'u@a',
  ':80',
  '\xe9.example',
  'a?b',
];

const APPS: Record<string, string> = {
  fetch: `{ fetch: (request) => {
    const { url, headers } = request;
    const back = new URL('/there', url).href;
    return Response.json([url, headers.get('host'), new Request(request).url, new URL(url).href], { status: 307, headers: { location: back } });
  } }`,
  node: `(request, response) => response.writeHead(307, { location: 'x' }).end(JSON.stringify([request.url, request.headers.host]))`,
  tsgi: `(environ, startResponse) => {
    startResponse(307, [['location', 'x']]);
    return JSON.stringify([environ.REQUEST_URI, environ.HTTP_HOST]);
  }`,
};

describe.each(['fetch', 'node', 'tsgi'] as const)('%s', (name) => {
  test.each([1, 0])(
    'receives a host unchanged, and no host that it could not parse, with %d threads (C5, C45)',
    async (threads) => {
      const { port, log } = await serveFile(appFile(`export default ${APPS[name]};`), threads, {
        interface: name,
      });
      const ask = async (target: string, host: string, version = '1.1') => {
        const wire = await exchange(
          port,
          `GET ${target} HTTP/${version}\r\n${host}Connection: close\r\n\r\n`,
        );
        const [json] = /\[".*\]/.exec(wire.slice(wire.indexOf('\r\n\r\n'))) ?? [''];
        const status = Number(wire.slice(9, 12));
        return {
          status,
          seen: status === 307 ? (JSON.parse(json) as string[]) : [],
          location: /location: (.*)\r/i.exec(wire)?.[1],
        };
      };
      const inside = (host: string) => (name === 'fetch' ? `http://${host}/a?b` : '/a?b');
      for (const host of TAKEN) {
        const { status, seen, location } = await ask('/a?b', `Host: ${host}\r\n`);
        expect([host, status, ...seen.slice(0, 2)]).toEqual([host, 307, inside(host), host]);
        if (name === 'fetch') {
          const parsed = new URL(`http://${host}/a?b`);
          expect([location, ...seen.slice(2)]).toEqual([
            new URL('/there', parsed).href,
            parsed.href,
            parsed.href,
          ]);
        }
        // RFC 9112 §3.2.2: an absolute target overrides the Host field.
        const absolute = await ask(`http://${host}/a?b`, 'Host: other.example\r\n');
        const expected = {
          fetch: [`http://${host}/a?b`, 'other.example'],
          node: [`http://${host}/a?b`, 'other.example'],
          tsgi: [`http://${host}/a?b`, host],
        }[name];
        expect([absolute.status, ...absolute.seen.slice(0, 2)]).toEqual([307, ...expected]);
      }
      for (const host of REFUSED) {
        expect([host, (await ask('/', `Host: ${host}\r\n`)).status]).toEqual([host, 400]);
        expect([host, (await ask('/', `Host: ${host}\r\n`, '1.0')).status]).toEqual([host, 400]);
      }
      for (const target of ['http://256.1.1.1/', 'http://u:p@a/', 'http:///', 'http://xn--/'])
        expect([target, (await ask(target, 'Host: a\r\n')).status]).toEqual([target, 400]);
      // RFC 9112 §3.2: an empty Host is legal. The URL then contains the server's address, as in HTTP/1.0 without Host.
      const local = `127.0.0.1:${port}`;
      expect((await ask('/a?b', 'Host:\r\n')).seen.slice(0, 2)).toEqual([inside(local), '']);
      if (name === 'fetch') expect((await ask('/a?b', '', '1.0')).seen[0]).toBe(inside(local));
      expect((await ask('/', 'Host: a\r\nHost: a\r\n')).status).toBe(400);
      expect((await ask('/', '')).status).toBe(400);
      expect(log.filter((line) => /failed|Error/.test(line))).toEqual([]);
    },
  );
});

test('a suite on tsgi-threads/node gets the same hosts (C45)', async () => {
  const server = http.createServer((request, response) => response.end(String(request.headers.host)));
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  onTestFinished(() => void server.close());
  const { port } = server.address() as AddressInfo;
  const ask = (host: string) =>
    exchange(port, `GET / HTTP/1.1\r\nHost: ${host}\r\nConnection: close\r\n\r\n`);
  for (const host of ['', ...TAKEN]) expect((await ask(host)).endsWith(`\r\n\r\n${host}`), host).toBe(true);
  for (const host of REFUSED) expect(await ask(host), host).toMatch(/^HTTP\/1\.1 400 /);
});

test('a suite on tsgi-threads/node gets 431 above maxHeadersCount, and never a request with a missing field (C46)', async () => {
  const seen: number[] = [];
  const server = http.createServer((request, response) => {
    seen.push(request.rawHeaders.length / 2);
    response.end('ok');
  });
  server.maxHeadersCount = 5;
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  onTestFinished(() => void server.close());
  const { port } = server.address() as AddressInfo;
  const ask = (fields: number) =>
    exchange(port, `GET / HTTP/1.1\r\nHost: a\r\nConnection: close\r\n${'X: y\r\n'.repeat(fields - 2)}\r\n`);
  expect(await ask(5)).toMatch(/^HTTP\/1\.1 200 /);
  expect(await ask(6)).toMatch(/^HTTP\/1\.1 431 /);
  expect(seen).toEqual([5]);
});

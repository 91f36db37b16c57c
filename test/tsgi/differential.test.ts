/**
 * tsgi-threads and the reference server give equal responses to equal requests, except for Date.
 */
import path from 'node:path';
import { isDeepStrictEqual } from 'node:util';
import { expect, onTestFinished, test } from 'vitest';
import { type Answer, RawConnection } from '../../src/tsgi/conformance/client.ts';
import { simpleServer } from '../../src/tsgi/simple-server.ts';
import type { Application } from '../../src/tsgi/types.ts';
import { serveFile } from '../support/server.ts';

const APPLICATION = path.join(import.meta.dirname, 'fixtures', 'portable.mjs');

interface Request {
  readonly bytes: string;
  readonly isHead: boolean;
}

function request(method: string, target: string, version: string, fields: string[] = [], body = ''): Request {
  const lines = [`${method} ${target} HTTP/${version}`, 'Host: example.com', ...fields];
  return { bytes: `${lines.join('\r\n')}\r\n\r\n${body}`, isHead: method === 'HEAD' };
}

const VERSIONS = ['1.1', '1.0'];

function* environs(): Generator<Request> {
  const targets = [
    '/',
    '/a%20b',
    '/%C3%BC?x=%C3%BC',
    '/%FF',
    '/a//b/../c',
    '/?',
    '/?a=b?c&d',
    '/%',
    '/a;b=c',
    '//x',
  ];
  for (const method of ['GET', 'DELETE', 'PROPFIND', 'OPTIONS']) {
    for (const target of targets) for (const version of VERSIONS) yield request(method, target, version);
  }
  yield request('OPTIONS', '*', '1.1');
  yield request('GET', 'http://other.example/a?b', '1.1');
  for (const fields of [
    ['X-One: 1', 'x-one: 2', 'X_Two: 3'],
    ['Cookie: a=1', 'Cookie: b=2'],
    ['Accept:', 'X-Latin: \xe9', 'X-Space:  a  b '],
    ['Connection: close'],
    ['Connection: keep-alive', 'Keep-Alive: 5'],
    ['TE: trailers', 'Proxy: x', 'Proxy-Authorization: x', 'Content-Type: a/b; c="d"'],
    ['__proto__: x', 'constructor: y'],
  ]) {
    for (const version of VERSIONS) yield request('GET', '/', version, fields);
  }
}

function* reads(): Generator<Request> {
  for (const how of ['lines', 'line', 'sizes', 'none', 'chunks']) {
    for (const body of ['', 'a', 'a\nbc\n\nd', `${'x'.repeat(70_000)}\n`]) {
      const target = `/?case=read&how=${how}`;
      yield request('POST', target, '1.1', [`Content-Length: ${body.length}`], body);
      const chunk = body === '' ? '' : `${body.length.toString(16)};x=y\r\n${body}\r\n`;
      yield request('POST', target, '1.1', ['Transfer-Encoding: chunked'], `${chunk}0\r\nTrailer: x\r\n\r\n`);
    }
  }
}

function* responses(): Generator<Request> {
  const kinds = ['string', 'empty', 'bytes', 'array', 'nothing', 'generator', 'async', 'stream', 'large'];
  for (const kind of kinds) {
    for (const status of [200, 201, 204, 206, 301, 304, 404, 500, 599]) {
      for (const method of ['GET', 'HEAD']) {
        for (const version of VERSIONS)
          yield request(method, `/?case=body&kind=${kind}&status=${status}`, version);
      }
    }
    for (const length of [5, 10, 400_000])
      yield request('GET', `/?case=length&kind=${kind}&length=${length}`, '1.1');
    yield request('HEAD', `/?case=length&kind=${kind}&length=10`, '1.1');
  }
  for (const name of ['headers', 'write', 'throw', 'late', 'undefined']) {
    for (const method of ['GET', 'HEAD']) {
      for (const version of VERSIONS) yield request(method, `/?case=${name}`, version);
    }
  }
}

const BROKEN_OFF = 'broken off';

/** The parts that must be equal. Names are compared in lower case, and fields of different names in any order. */
function comparable(answer: Answer): unknown {
  // The number of bytes received before a reset varies.
  if (!answer.complete) return BROKEN_OFF;
  const fields = answer.fields
    .map(([name, value]) => [name.toLowerCase(), value] as const)
    .filter(([name]) => name !== 'date')
    .map(([name, value]) => `${name}: ${value}`);
  return { status: answer.status, fields: fields.sort(), body: answer.text };
}

async function ask(url: URL, { bytes, isHead }: Request): Promise<unknown> {
  const connection = await RawConnection.open(url, 5000);
  connection.send(bytes);
  const answer = await connection.answer(!isHead).catch(() => BROKEN_OFF);
  connection.close();
  return answer === BROKEN_OFF ? answer : comparable(answer as Answer);
}

test('hundreds of requests get equal responses from both servers', async () => {
  const { default: application } = (await import(APPLICATION)) as { default: Application };
  const reference = await simpleServer(application, { onError() {}, onLine() {} });
  onTestFinished(() => reference.close());
  const { port } = await serveFile(APPLICATION, 1);
  const requests = [...environs(), ...reads(), ...responses()];
  expect(requests.length).toBeGreaterThan(500);
  const differences: string[] = [];
  for (const each of requests) {
    const ours = await ask(new URL(`http://127.0.0.1:${port}`), each);
    const theirs = await ask(new URL(reference.url), each);
    if (!isDeepStrictEqual(ours, theirs))
      differences.push(`${each.bytes.slice(0, 200)}\n${JSON.stringify(ours)}\n${JSON.stringify(theirs)}`);
  }
  expect(differences).toEqual([]);
}, 60_000);

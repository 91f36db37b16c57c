/**
 * A parsed head and its environ, as literal values. The heads go through the server's own parser.
 */
import { describe, expect, test } from 'vitest';
import type { WorkerHandle } from '../../src/hooks.ts';
import { Outcome, Parser } from '../../src/http/parser.ts';
import { decodePath } from '../../src/tsgi/environ.ts';
import { buildEnviron, type EnvironContext, type RequestView } from '../../src/worker/tsgi/make-environ.ts';
import { fileWrapper } from '../../src/tsgi/file-body.ts';
import { emptyInput } from '../../src/tsgi/input.ts';
import type { ErrorStream } from '../../src/tsgi/types.ts';

const parser = new Parser({ maxRequestLine: 8192, maxHeaderSize: 65_536, maxHeaders: 2000 });

function parse(text: string): RequestView {
  const bytes = Buffer.from(text, 'latin1');
  parser.start();
  parser.buffer.set(bytes);
  expect(parser.feed(0, bytes.length), parser.reason).toBe(Outcome.MESSAGE);
  return {
    flags: parser.flags,
    head: Buffer.from(parser.memory.slice(parser.headStart, parser.headStart + parser.headLength)).toString(
      'latin1',
    ),
    spans: parser.words.slice(parser.spansStart, parser.spansStart + parser.headerCount * 4),
    spansStart: 0,
    headerCount: parser.headerCount,
    methodLength: parser.methodLength,
    targetOffset: parser.targetOffset,
    targetLength: parser.targetLength,
    remoteAddress: '192.0.2.1',
    remotePort: 50_000,
    localAddress: '127.0.0.1',
    localPort: 8000,
    serial: 35,
  };
}

const CONTEXT: EnvironContext = {
  software: 'tsgi-threads/0',
  multithread: true,
  multiprocess: false,
  concurrent: false,
  blockingInput: true,
  requestIdPrefix: 'w1',
};
const errors = {} as ErrorStream;
const worker = {} as WorkerHandle;

function environOf(text: string, more: Partial<RequestView> = {}): Record<string, unknown> {
  const exchange = { signal: () => expect.unreachable('nobody read the signal') };
  const parts = { input: emptyInput, errors, exchange, worker, deadline: undefined };
  return buildEnviron({ ...parse(text), ...more }, CONTEXT, parts) as unknown as Record<string, unknown>;
}

const get = (target: string) => environOf(`GET ${target} HTTP/1.1\r\nHost: a\r\n\r\n`);
const fields = (lines: string) => environOf(`GET / HTTP/1.1\r\nHost: a\r\n${lines}\r\n`);

/** The fields of the client in the environ. */
function httpKeys(environ: Record<string, unknown>): Record<string, unknown> {
  const keys = Object.keys(environ).filter((key) => key.startsWith('HTTP_'));
  return Object.fromEntries(keys.map((key) => [key, environ[key]]));
}

describe('buildEnviron', () => {
  test('returns every key of TSGI and the fields, with these values', () => {
    const exchange = { signal: () => AbortSignal.abort('x') };
    const parts = { input: emptyInput, errors, exchange, worker, deadline: 1234 };
    const request = parse(
      'POST /a%20b/c?d=%20e HTTP/1.1\r\nHost: example.com:81\r\nContent-Type: text/plain\r\n' +
        'Content-Length: 0\r\nX-One: 1\r\n\r\n',
    );
    const environ = buildEnviron(request, CONTEXT, parts);
    const { 'tsgi.signal': signal, ...others } = environ;
    expect(signal.aborted).toBe(true);
    expect(Object.fromEntries(Object.entries(others))).toEqual({
      REQUEST_METHOD: 'POST',
      SCRIPT_NAME: '',
      PATH_INFO: '/a b/c',
      QUERY_STRING: 'd=%20e',
      CONTENT_TYPE: 'text/plain',
      CONTENT_LENGTH: '0',
      SERVER_NAME: '127.0.0.1',
      SERVER_PORT: '8000',
      SERVER_PROTOCOL: 'HTTP/1.1',
      SERVER_SOFTWARE: 'tsgi-threads/0',
      REMOTE_ADDR: '192.0.2.1',
      REMOTE_PORT: '50000',
      REQUEST_URI: '/a%20b/c?d=%20e',
      HTTP_HOST: 'example.com:81',
      HTTP_X_ONE: '1',
      'tsgi.version': [1, 0],
      'tsgi.url_scheme': 'http',
      'tsgi.input': emptyInput,
      'tsgi.errors': errors,
      'tsgi.multithread': true,
      'tsgi.multiprocess': false,
      'tsgi.run_once': false,
      'tsgi.concurrent': false,
      'tsgi.blocking_input': true,
      'tsgi.deadline': 1234,
      'tsgi.request_id': 'w1-z',
      'tsgi.file_wrapper': fileWrapper,
      'tsgi_threads.worker': worker,
    });
  });

  test('a request without fields has empty CONTENT_TYPE and CONTENT_LENGTH and no HTTP_ key', () => {
    const environ = environOf('GET / HTTP/1.0\r\n\r\n');
    expect(environ).toMatchObject({
      SERVER_PROTOCOL: 'HTTP/1.0',
      CONTENT_TYPE: '',
      CONTENT_LENGTH: '',
      'tsgi.deadline': undefined,
    });
    expect(httpKeys(environ)).toEqual({});
  });

  test('a negative serial still gives a unique request id', () => {
    expect(environOf('GET / HTTP/1.0\r\n\r\n', { serial: -1 })['tsgi.request_id']).toBe('w1-1z141z3');
  });

  test('spans may start anywhere in their table', () => {
    const request = parse('GET / HTTP/1.1\r\nHost: a\r\nB: c\r\n\r\n');
    const spans = new Int32Array([9, 9, 9, 9, 9, ...request.spans, 9, 9]);
    const environ = environOf('GET / HTTP/1.1\r\nHost: a\r\nB: c\r\n\r\n', { spans, spansStart: 5 });
    expect(httpKeys(environ)).toEqual({ HTTP_HOST: 'a', HTTP_B: 'c' });
  });
});

describe('tsgi.signal', () => {
  test('is created only when it is read, and is a key like the others', () => {
    let asked = 0;
    const { signal } = new AbortController();
    const exchange = {
      signal() {
        asked += 1;
        return signal;
      },
    };
    const parts = { input: emptyInput, errors, exchange, worker, deadline: undefined };
    const environ = buildEnviron(parse('GET / HTTP/1.0\r\n\r\n'), CONTEXT, parts);
    expect(Object.keys(environ)).toContain('tsgi.signal');
    expect(asked).toBe(0);
    expect(environ['tsgi.signal']).toBe(signal);
    expect(asked).toBe(1);
    expect({ ...environ }['tsgi.signal']).toBe(signal);
  });

  test('belongs to one environ and its request', () => {
    const make = () => {
      const { signal } = new AbortController();
      const parts = {
        input: emptyInput,
        errors,
        exchange: { signal: () => signal },
        worker,
        deadline: undefined,
      };
      return { signal, environ: buildEnviron(parse('GET / HTTP/1.0\r\n\r\n'), CONTEXT, parts) };
    };
    const [one, two] = [make(), make()];
    expect(one.environ['tsgi.signal']).toBe(one.signal);
    expect(two.environ['tsgi.signal']).toBe(two.signal);
  });
});

describe('the target', () => {
  test.each<[string, string, string, string]>([
    ['/', '/', '', 'a'],
    ['/?', '/', '', 'a'],
    ['/?a?b', '/', 'a?b', 'a'],
    ['/a?b=%41+c', '/a', 'b=%41+c', 'a'],
    ['//a//b/', '//a//b/', '', 'a'],
    ['/a/../b/./c', '/a/../b/./c', '', 'a'],
    ['/%3Fa?b', '/?a', 'b', 'a'],
    ['http://b.c:80/d?e', '/d', 'e', 'b.c:80'],
    ['http://b.c/', '/', '', 'b.c'],
    ['http://b.c', '/', '', 'b.c'],
    ['http://b.c?d', '/', 'd', 'b.c'],
    ['http://b.c/d//e?http://f/g', '/d//e', 'http://f/g', 'b.c'],
    ['http://[::1]:81/d', '/d', '', '[::1]:81'],
  ])('%s is path %j, query %j, host %s', (target, path, query, host) => {
    expect(get(target)).toMatchObject({
      REQUEST_URI: target,
      SCRIPT_NAME: '',
      PATH_INFO: path,
      QUERY_STRING: query,
      HTTP_HOST: host,
    });
  });

  test('* has an empty path', () => {
    expect(environOf('OPTIONS * HTTP/1.1\r\nHost: a\r\n\r\n')).toMatchObject({
      REQUEST_METHOD: 'OPTIONS',
      REQUEST_URI: '*',
      PATH_INFO: '',
      QUERY_STRING: '',
    });
  });
});

describe('the fields', () => {
  test('become HTTP_ keys in upper case, with _ instead of -', () => {
    expect(httpKeys(fields('x-Fo-o: 1\r\nAccept: */*\r\n'))).toEqual({
      HTTP_HOST: 'a',
      HTTP_X_FO_O: '1',
      HTTP_ACCEPT: '*/*',
    });
  });

  test('of equal names, in any letter case, are joined by a comma, cookies by a semicolon', () => {
    const environ = fields('X-A: 1\r\nCookie: a=1\r\nx-a: 2\r\nX-A: 3\r\ncookie: b=2\r\n');
    expect(environ).toMatchObject({ HTTP_X_A: '1, 2, 3', HTTP_COOKIE: 'a=1; b=2' });
  });

  test('keep Latin-1 values and empty values', () => {
    expect(fields('A: \xe9\xff\r\nB:\r\n')).toMatchObject({ HTTP_A: '\xe9\xff', HTTP_B: '' });
  });

  test('Content-Type and Content-Length have no HTTP_ key', () => {
    const environ = fields('content-type: a/b\r\ncontent-length: 0\r\n');
    expect(environ).toMatchObject({ CONTENT_TYPE: 'a/b', CONTENT_LENGTH: '0' });
    expect(httpKeys(environ)).toEqual({ HTTP_HOST: 'a' });
  });

  test('of the connection are omitted', () => {
    const lines = 'Connection: x\r\nKeep-Alive: 5\r\nProxy-Connection: x\r\nTE: trailers\r\nTrailer: x\r\n';
    expect(httpKeys(fields(`${lines}Upgrade: h2c\r\n`))).toEqual({ HTTP_HOST: 'a' });
    const chunked = 'POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n';
    expect(httpKeys(environOf(chunked))).toEqual({ HTTP_HOST: 'a' });
  });

  test('of the name Proxy are omitted, in any letter case (httpoxy)', () => {
    expect(fields('Proxy: evil\r\npROXY: evil\r\n')).not.toHaveProperty('HTTP_PROXY');
  });

  test('with _ in their name are omitted, because they could imitate a name with -', () => {
    const environ = fields('X_Real-IP: evil\r\nX-Real_IP: evil\r\nContent_Length: 9\r\nX-Real-IP: good\r\n');
    expect(httpKeys(environ)).toEqual({ HTTP_HOST: 'a', HTTP_X_REAL_IP: 'good' });
    expect(environ.CONTENT_LENGTH).toBe('');
  });

  test('with names of object properties are plain data', () => {
    const names = '__proto__: x\r\nconstructor: y\r\ntoString: z\r\nhasOwnProperty: h\r\n';
    const environ = fields(names);
    expect(Object.getPrototypeOf(environ)).toBe(Object.prototype);
    expect(httpKeys(environ)).toEqual({
      HTTP_HOST: 'a',
      HTTP_CONSTRUCTOR: 'y',
      HTTP_TOSTRING: 'z',
      HTTP_HASOWNPROPERTY: 'h',
    });
    expect(({} as Record<string, unknown>).x).toBeUndefined();
  });

  test('cannot name a key of the server', () => {
    const environ = fields('REMOTE-ADDR: evil\r\ntsgi.url.scheme: evil\r\nSERVER-NAME: evil\r\n');
    expect(environ).toMatchObject({
      REMOTE_ADDR: '192.0.2.1',
      SERVER_NAME: '127.0.0.1',
      'tsgi.url_scheme': 'http',
      HTTP_REMOTE_ADDR: 'evil',
    });
  });

  test('are correct beyond the thousand cached names', () => {
    const lines = Array.from({ length: 1500 }, (_, i) => `X-N${i}: ${i}\r\n`).join('');
    const environ = fields(`${lines}Proxy-Connection: x\r\nX-N_1: evil\r\n`);
    expect(Object.keys(httpKeys(environ)).length).toBe(1501);
    expect(environ).toMatchObject({ HTTP_X_N0: '0', HTTP_X_N1: '1', HTTP_X_N1499: '1499' });
  });
});

describe('decodePath', () => {
  test.each<[string, string, string]>([
    ['no escape is the path itself', '/a+b', '/a+b'],
    ['ASCII escapes', '/%41%2f%2F%25', '/A//%'],
    ['UTF-8', '/%C3%BC/%e2%82%ac/%F0%9F%98%80', '/ü/€/\u{1F600}'],
    ['not UTF-8 is Latin-1', '/%FF%e9', '/\xff\xe9'],
    ['UTF-8 that breaks off is Latin-1', '/%E2%82', '/\xe2\x82'],
    ['an overlong form is not UTF-8', '/%C0%AF', '/\xc0\xaf'],
    ['a surrogate is not UTF-8', '/%ED%A0%80', '/\xed\xa0\x80'],
    ['a byte order mark stays', '/%EF%BB%BFa', '/\ufeffa'],
    ['NUL and line ends are data', '/%00%0d%0A', '/\0\r\n'],
    ['decoded once only', '/%2541', '/%41'],
    ['a % that is no escape stays', '/%/%4/%zz/%4g/%-1/%+1/% 1/%0x', '/%/%4/%zz/%4g/%-1/%+1/% 1/%0x'],
    ['a % before an escape stays', '/%%41', '/%A'],
    ['a % at the end stays', '/a%', '/a%'],
  ])('%s', (_, path, decoded) => {
    expect(decodePath(path)).toBe(decoded);
  });
});

test('tsgi.signal can be replaced like any other key, in this environ only', () => {
  const make = () => {
    const exchange = { signal: () => expect.unreachable('the replaced signal was asked for') };
    const parts = { input: emptyInput, errors, exchange, worker, deadline: undefined };
    return buildEnviron(parse('GET / HTTP/1.0\r\n\r\n'), CONTEXT, parts);
  };
  const own = AbortSignal.abort('mine');
  const environ = make();
  environ['tsgi.signal'] = own;
  expect(environ['tsgi.signal']).toBe(own);
  expect({ ...environ }['tsgi.signal']).toBe(own);
  expect(() => make()['tsgi.signal']).toThrow('was asked for');
});

test('fields between a client and its proxy are omitted', () => {
  const lines = 'Proxy-Authorization: Basic x\r\nProxy-Authenticate: Basic\r\nAuthorization: y\r\n';
  expect(httpKeys(fields(lines))).toEqual({ HTTP_HOST: 'a', HTTP_AUTHORIZATION: 'y' });
});

/**
 * Helpers for the environ, and calls of an application without a server.
 */
import { describe, expect, test } from 'vitest';
import type { Application, Environ } from '../../src/tsgi/types.ts';
import {
  applicationUrl,
  isHopByHop,
  requestUrl,
  setupTestingDefaults,
  shiftPathInfo,
  testRequest,
} from '../../src/tsgi/util.ts';
import { validator } from '../../src/tsgi/validate.ts';

describe('requestUrl and applicationUrl', () => {
  const at = (environ: Partial<Environ>) => setupTestingDefaults({ HTTP_HOST: 'a.b', ...environ });

  test.each<[string, Partial<Environ>, string, string]>([
    ['the root', {}, 'http://a.b/', 'http://a.b/'],
    [
      'the path as it was sent',
      { PATH_INFO: '/ü/x', REQUEST_URI: '/%c3%bc%2Fx' },
      'http://a.b/%c3%bc%2Fx',
      'http://a.b/',
    ],
    [
      'a mounted path',
      { SCRIPT_NAME: '/m n', PATH_INFO: '/x', REQUEST_URI: '/m%20n/x' },
      'http://a.b/m%20n/x',
      'http://a.b/m%20n',
    ],
    [
      'a path that middleware changed',
      { PATH_INFO: '/ü a?b#c', REQUEST_URI: '/other' },
      'http://a.b/%C3%BC%20a%3Fb%23c',
      'http://a.b/',
    ],
    [
      'the query',
      { QUERY_STRING: 'a=%20b?c', REQUEST_URI: '/?a=%20b?c' },
      'http://a.b/?a=%20b?c',
      'http://a.b/',
    ],
    ['an absolute target', { PATH_INFO: '/x', REQUEST_URI: 'http://c.d/x' }, 'http://a.b/x', 'http://a.b/'],
    [
      'the asterisk',
      { PATH_INFO: '', REQUEST_URI: '*', REQUEST_METHOD: 'OPTIONS' },
      'http://a.b/',
      'http://a.b/',
    ],
    ['https', { 'tsgi.url_scheme': 'https' }, 'https://a.b/', 'https://a.b/'],
    ['no Host', { HTTP_HOST: '', SERVER_NAME: 's', SERVER_PORT: '80' }, 'http://s/', 'http://s/'],
    [
      'no Host, another port',
      { HTTP_HOST: '', SERVER_NAME: 's', SERVER_PORT: '81' },
      'http://s:81/',
      'http://s:81/',
    ],
    [
      'no Host, IPv6',
      { HTTP_HOST: '', SERVER_NAME: '::1', SERVER_PORT: '80' },
      'http://[::1]/',
      'http://[::1]/',
    ],
  ])('of %s', (_, environ, request, application) => {
    // prettier-ignore
    expect([requestUrl(at(environ)), applicationUrl(at(environ))]).toEqual([request, application]);
  });

  test('omit the query on request', () => {
    expect(requestUrl(at({ QUERY_STRING: 'a', REQUEST_URI: '/?a' }), { query: false })).toBe('http://a.b/');
  });
});

describe('shiftPathInfo', () => {
  test.each<[string, string, string | undefined, string, string]>([
    ['', '/', '', '/', ''],
    ['', '/x', 'x', '/x', ''],
    ['/', '', undefined, '/', ''],
    ['/a', '/x/y', 'x', '/a/x', '/y'],
    ['/a', '/x/', 'x', '/a/x', '/'],
    ['/a', '/', '', '/a/', ''],
    ['/a/b', '/../y', '..', '/a', '/y'],
    ['', '/../y', '..', '', '/y'],
    ['/a/b', '//y', 'y', '/a/b/y', ''],
    ['/a/b', '//y/', 'y', '/a/b/y', '/'],
    ['/a/b', '/./y', 'y', '/a/b/y', ''],
    ['/a/b', '/./y/', 'y', '/a/b/y', '/'],
    ['/a/b', '///./..//y/.//', '..', '/a', '/y/'],
    ['/a/b', '///', '', '/a/b/', ''],
    ['/a/b', '/.//', '', '/a/b/', ''],
    ['/a/b', '/x//', 'x', '/a/b/x', '/'],
    ['/a/b', '/.', undefined, '/a/b', ''],
  ])('of %j and %j gives %j', (script, path, name, scriptAfter, pathAfter) => {
    const environ = setupTestingDefaults({ SCRIPT_NAME: script, PATH_INFO: path });
    expect(shiftPathInfo(environ)).toBe(name);
    expect([environ.SCRIPT_NAME, environ.PATH_INFO]).toEqual([scriptAfter, pathAfter]);
  });
});

test('the environ after shiftPathInfo keeps the rules, to the last segment', async () => {
  const seen: (string | undefined)[] = [];
  const inner = validator((_, startResponse) => (startResponse(200, []), ''));
  const shifting: Application = (environ, startResponse) => {
    const name = shiftPathInfo(environ);
    seen.push(name);
    const { PATH_INFO } = environ;
    return PATH_INFO === '' ? inner(environ, startResponse) : validator(shifting)(environ, startResponse);
  };
  for (const url of ['/a/b', '/a/b/', '/']) await testRequest(shifting, { url });
  expect(seen).toEqual(['a', 'b', 'a', 'b', '', '']);
});

test('isHopByHop knows the fields of the connection in any letter case', () => {
  const names = [
    'Connection',
    'keep-alive',
    'TE',
    'Transfer-Encoding',
    'upgrade',
    'Proxy-Connection',
    'trailer',
  ];
  expect(names.filter((name) => !isHopByHop(name))).toEqual([]);
  expect(['Content-Length', 'Date', 'Proxy', 'X-Te', 'transfer_encoding'].filter(isHopByHop)).toEqual([]);
});

test('setupTestingDefaults keeps existing keys and adds the missing ones', () => {
  const environ = setupTestingDefaults({ PATH_INFO: '/x', HTTP_A: 'b' });
  expect(environ).toMatchObject({ PATH_INFO: '/x', HTTP_A: 'b', REQUEST_METHOD: 'GET', SERVER_PORT: '80' });
  expect(environ['tsgi.signal'].aborted).toBe(false);
});

describe('testRequest', () => {
  const show: Application = async (environ, startResponse) => {
    const body = new TextDecoder().decode(await environ['tsgi.input'].read());
    startResponse(201, [['X-A', '1'], ['x-a', '2']]); // prettier-ignore
    environ['tsgi.errors'].write('a line\n');
    return [environ.REQUEST_METHOD, ' ', environ.PATH_INFO, '?', environ.QUERY_STRING, ' ', body];
  };

  test('testRequest returns status, headers, body and errors', async () => {
    const response = await testRequest(show, { url: '/a%20b?c=d' });
    expect([response.status, response.text, response.errors]).toEqual([201, 'GET /a b?c=d ', ['a line']]);
    expect(response.headers.getAll('x-a')).toEqual(['1', '2']);
    expect(response.body).toBeInstanceOf(Uint8Array);
  });

  test('a body makes the request a POST with its length', async () => {
    const application: Application = (environ, startResponse) => {
      startResponse(200, []);
      const { REQUEST_METHOD, CONTENT_LENGTH, CONTENT_TYPE } = environ;
      return `${REQUEST_METHOD} ${CONTENT_LENGTH} ${CONTENT_TYPE} ${environ['tsgi.input'].readSync().length}`;
    };
    const headers = { 'content-type': 'a/b' };
    expect((await testRequest(application, { body: 'ü', headers })).text).toBe('POST 2 a/b 2');
    expect((await testRequest(application, { method: 'PUT', body: new Uint8Array(3) })).text).toBe(
      'PUT 3  3',
    );
  });

  test('headers as a list keep repeated names, and further keys override them', async () => {
    const application: Application = (environ, startResponse) => {
      startResponse(200, []);
      return `${environ.HTTP_A} ${environ.REMOTE_ADDR} ${String(environ['tsgi.signal'].aborted)}`;
    };
    const headers: [string, string][] = [['A', '1'], ['a', '2']]; // prettier-ignore
    const environ = { REMOTE_ADDR: '10.0.0.1' };
    const { text } = await testRequest(application, { headers, environ, signal: AbortSignal.abort() });
    expect(text).toBe('1, 2 10.0.0.1 true');
  });

  test('testRequest checks the rules unless validation is off', async () => {
    const wrong: Application = (environ, startResponse) => {
      (environ as unknown as Record<string, unknown>)['tsgi.own'] = 1;
      startResponse(200, []);
      return 'a';
    };
    await expect(testRequest(wrong)).rejects.toMatchObject({ rule: 'A19' });
    expect((await testRequest(wrong, { validate: false })).text).toBe('a');
  });

  test('streams, files and 204 arrive complete', async () => {
    const stream: Application = (_, startResponse) => {
      startResponse(200, []);
      return (async function* () { yield 'a'; await null; yield 'b'; })(); // prettier-ignore
    };
    expect((await testRequest(stream)).text).toBe('ab');
    const file: Application = (environ, startResponse) => {
      startResponse(200, []);
      return environ['tsgi.file_wrapper']!(import.meta.filename, 10, 4);
    };
    expect((await testRequest(file)).text).toContain('What applications ask of an environ');
    const nothing: Application = (_, startResponse) => (startResponse(204, []), []);
    expect(await testRequest(nothing)).toMatchObject({ status: 204, text: '' });
  });

  test('testRequest returns the client’s view: no body for HEAD, 204 and 304', async () => {
    const hello: Application = (_, startResponse) => (startResponse(200, []), 'hello');
    expect((await testRequest(hello, { method: 'HEAD' })).text).toBe('');
    for (const status of [204, 304]) {
      const wrong: Application = (_, startResponse) => (startResponse(status, []), 'hello');
      expect((await testRequest(wrong, { validate: false })).text).toBe('');
    }
  });

  test('testRequest keeps each chunk although its buffer changes later', async () => {
    const reusing: Application = (_, startResponse) => {
      startResponse(200, []);
      const bytes = Buffer.alloc(1);
      return (function* () { for (const byte of [97, 98]) { bytes[0] = byte; yield bytes; } })(); // prettier-ignore
    };
    expect((await testRequest(reusing, { validate: false })).text).toBe('ab');
  });

  test('testRequest returns the last line of the errors, also without a line end', async () => {
    const half: Application = (environ, startResponse) => {
      environ['tsgi.errors'].write('one\nhalf');
      startResponse(200, []);
      return '';
    };
    expect((await testRequest(half)).errors).toEqual(['one', 'half']);
  });

  test('testRequest rejects with the error of the application, and names an invalid url', async () => {
    const error = new Error('its own');
    await expect(testRequest(() => { throw error; })).rejects.toBe(error); // prettier-ignore
    await expect(testRequest(show, { url: 'http://a/' })).rejects.toThrow(
      'must begin with \'/\': "http://a/"',
    );
  });
});

/**
 * TSGI behind CGI. Each application runs in its own process, as a web server starts it.
 */
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { createRequire } from 'node:module';
import { pathToFileURL } from 'node:url';
import { describe, expect, test } from 'vitest';
import { appFile } from '../support/server.ts';

const CGI = pathToFileURL(createRequire(import.meta.url).resolve('tsgi-threads/tsgi')).href;

const ENV = {
  REQUEST_METHOD: 'GET',
  SCRIPT_NAME: '/cgi-bin/app',
  PATH_INFO: '/a b',
  QUERY_STRING: 'c=%20',
  SERVER_NAME: 'example.com',
  SERVER_PORT: '8080',
  SERVER_PROTOCOL: 'HTTP/1.1',
  REMOTE_ADDR: '192.0.2.1',
  HTTP_HOST: 'example.com:8080',
};

interface Result {
  readonly head: string;
  readonly body: string;
  readonly stderr: string;
  readonly code: number | null;
}

/** Starts `(environ, startResponse) => { body }` for one request. */
function start(body: string, env: Record<string, string>) {
  const source = `
    import { runCgi } from ${JSON.stringify(CGI)};
    const app = async (environ, startResponse) => {${body}};
    process.exitCode = (await runCgi(app)) ? 0 : 1;
  `;
  return spawn(process.execPath, [appFile(source, 'cgi.mjs')], { env: { ...ENV, ...env } });
}

async function run(body: string, env: Record<string, string> = {}, stdin = ''): Promise<Result> {
  const child = start(body, env);
  let [stdout, stderr] = ['', ''];
  child.stdout.setEncoding('latin1').on('data', (text) => (stdout += text));
  child.stderr.setEncoding('utf8').on('data', (text) => (stderr += text));
  child.stdin.on('error', () => {});
  child.stdin.end(stdin);
  const [code] = (await once(child, 'close')) as [number | null];
  const end = stdout.indexOf('\r\n\r\n');
  return { head: stdout.slice(0, end), body: stdout.slice(end + 4), stderr, code };
}

const POST = (length: number) => ({
  REQUEST_METHOD: 'POST',
  CONTENT_LENGTH: String(length),
  CONTENT_TYPE: 'a/b',
});
const TEXT = `const text = (bytes) => new TextDecoder().decode(bytes); const input = environ['tsgi.input'];`;

describe('the response', () => {
  test('has Status, the application’s headers and a length', async () => {
    const result = await run(
      `startResponse(201, [['X-A', '\\xe9'], ['Set-Cookie', 'a'], ['Set-Cookie', 'b']]); return 'ü';`,
    );
    expect(result.head).toBe(
      'Status: 201 Created\r\nX-A: \xe9\r\nSet-Cookie: a\r\nSet-Cookie: b\r\nContent-Length: 2',
    );
    expect([result.body, result.code]).toEqual(['\xc3\xbc', 0]);
  });

  test.each<[string, string, string, string]>([
    [
      'a stream has no length',
      `startResponse(200, []); return (function* () { yield 'a'; yield 'b'; })();`,
      'Status: 200 OK',
      'ab',
    ],
    [
      'a length that is given stands',
      `startResponse(200, [['content-length', '1']]); return 'a';`,
      'Status: 200 OK\r\ncontent-length: 1',
      'a',
    ],
    ['204 has none', `startResponse(204, []); return [];`, 'Status: 204 No Content', ''],
    [
      'a large one is written whole',
      `startResponse(200, []); return ['x'.repeat(300000), 'y'];`,
      'Status: 200 OK\r\nContent-Length: 300001',
      `${'x'.repeat(300_000)}y`,
    ],
  ])('%s', async (_, source, head, body) => {
    // prettier-ignore
    expect(await run(source)).toMatchObject({ head, body, stderr: '', code: 0 });
  });
});

describe('a response without a body', () => {
  const HEAD = { REQUEST_METHOD: 'HEAD' };

  test.each<[string, string, Record<string, string>, string]>([
    [
      'HEAD, of a chunk',
      `startResponse(200, []); return 'abc';`,
      HEAD,
      'Status: 200 OK\r\nContent-Length: 3',
    ],
    [
      'HEAD, of an array',
      `startResponse(200, []); return ['ab', 'c'];`,
      HEAD,
      'Status: 200 OK\r\nContent-Length: 3',
    ],
    ['HEAD, of write', `await startResponse(200, [])('abc'); return '';`, HEAD, 'Status: 200 OK'],
    ['204', `startResponse(204, [['content-length', '3']]); return 'abc';`, {}, 'Status: 204 No Content'],
    [
      '304',
      `startResponse(304, [['etag', '"a"']]); return 'abc';`,
      {},
      'Status: 304 Not Modified\r\netag: "a"',
    ],
  ])('has none: %s', async (_, source, env, head) => {
    // prettier-ignore
    expect(await run(source, env)).toMatchObject({ head, body: '', stderr: '', code: 0 });
  });
});

test('a web server that stops reading ends the application without an error message', async () => {
  const source = `
    startResponse(200, []);
    const say = (what) => process.stderr.write(what + ' ');
    const endless = (async function* () {
      try {
        for (;;) {
          yield 'x'.repeat(1000);
          await new Promise((resolve) => setImmediate(resolve));
        }
      } finally {
        say(environ['tsgi.signal'].reason.code);
      }
    })();
    return Object.assign(endless, { close: () => say('closed') });`;
  const child = start(source, {});
  let stderr = '';
  child.stderr.on('data', (bytes) => (stderr += bytes));
  child.stdout.once('data', () => child.stdout.destroy());
  expect([(await once(child, 'close'))[0], stderr]).toEqual([0, 'TSGI_ERR_CLIENT_GONE closed ']);
});

describe('the environ', () => {
  test('contains the variables of the web server, and marks the process as CGI', async () => {
    const { body } = await run(`startResponse(200, []); return JSON.stringify(environ);`, {
      HTTP_X_A: '1',
      HOME: '/root',
    });
    const environ = JSON.parse(body) as Record<string, unknown>;
    expect(environ).toMatchObject({ ...ENV, HTTP_X_A: '1' });
    expect(environ).toMatchObject({
      REQUEST_URI: '/cgi-bin/app/a%20b?c=%20',
      CONTENT_LENGTH: '',
      'tsgi.run_once': true,
    });
    expect(environ).toMatchObject({ 'tsgi.multiprocess': true, 'tsgi.url_scheme': 'http', REMOTE_PORT: '' });
    expect(environ).not.toHaveProperty('HOME');
  });

  test('omits fields that could imitate others (httpoxy), and fields of the connection', async () => {
    const fields = {
      HTTP_PROXY: 'evil',
      HTTP_CONNECTION: 'close',
      HTTP_CONTENT_TYPE: 'a/b',
      HTTP_TRANSFER_ENCODING: 'x',
    };
    const source = `startResponse(200, []); return Object.keys(environ).filter((key) => key.startsWith('HTTP_')).join();`;
    expect((await run(source, fields)).body).toBe('HTTP_HOST');
  });

  test('has the scheme https, and a root without a path', async () => {
    const source = `startResponse(200, []); return [environ['tsgi.url_scheme'], environ.SCRIPT_NAME, environ.PATH_INFO].join();`;
    expect((await run(source, { HTTPS: 'on', SCRIPT_NAME: '', PATH_INFO: '' })).body).toBe('https,,/');
  });

  test('encodes characters of the path that a target cannot contain', async () => {
    const source = `startResponse(200, []); return environ.REQUEST_URI;`;
    expect((await run(source, { PATH_INFO: '/a?b#c%' })).body).toBe('/cgi-bin/app/a%3Fb%23c%25?c=%20');
  });

  test('passes the validator', async () => {
    const source = `
      const { validator } = await import(${JSON.stringify(CGI.replace('cgi.js', 'validate.js'))});
      return validator((environ, start) => (start(200, []), 'valid'))(environ, startResponse);`;
    expect(await run(source)).toMatchObject({ body: 'valid', stderr: '' });
  });
});

describe('the request body over CGI', () => {
  test.each([
    ['read', `return text(await input.read());`],
    ['readSync', `return text(input.readSync());`],
    ['lines', `return (await input.readlines()).map(text);`],
    ['iteration', `let all = ''; for await (const chunk of input) all += text(chunk); return all;`],
    ['a read of both kinds', `return [text(input.readSync(2)), text(await input.read())];`],
  ])('comes by %s, and no further than its length', async (_, read) => {
    const body = `a\nb${'x'.repeat(100_000)}`;
    const source = `${TEXT} startResponse(200, []); ${read}`;
    expect((await run(source, POST(body.length), `${body}beyond`)).body).toBe(body);
  });

  test('is empty without a length', async () => {
    const source = `${TEXT} startResponse(200, []); return String((await input.read()).length);`;
    expect((await run(source, { REQUEST_METHOD: 'POST' }, 'abc')).body).toBe('0');
  });

  test.each(['-5', '1e1', 'many', ' 3'])('is empty with the length %j', async (length) => {
    const source = `${TEXT} startResponse(200, []); return environ.CONTENT_LENGTH + (await input.read()).length;`;
    const env = { REQUEST_METHOD: 'POST', CONTENT_LENGTH: length };
    expect((await run(source, env, 'abc')).body).toBe('0');
  });

  test('causes an error if it ends early', async () => {
    const source = `${TEXT} const body = await input.read(); startResponse(200, []); return body;`;
    const { head, stderr, code } = await run(source, POST(10), 'abc');
    expect([head.split('\r\n')[0], code]).toEqual(['Status: 500 Internal Server Error', 1]);
    expect(stderr).toContain('The request body ended 7 bytes early');
  });
});

test('an error before the head causes 500 and a stack on stderr; a later error only the stack', async () => {
  const before = await run(`throw new Error('on purpose');`);
  expect(before).toMatchObject({ body: 'Internal Server Error\n', code: 1 });
  expect(before.head).toMatch(/^Status: 500 Internal Server Error\r\n/);
  expect(before.stderr).toMatch(/^Error: on purpose\n {4}at /);
  const after = await run(
    `startResponse(200, []); return (function* () { yield 'a'; throw new Error('late'); })();`,
  );
  expect(after).toMatchObject({ head: 'Status: 200 OK', body: 'a', code: 1 });
  expect(after.stderr).toContain('Error: late');
});

test('tsgi.errors writes line by line to stderr', async () => {
  const source = `environ['tsgi.errors'].write('one\\ntw'); environ['tsgi.errors'].write('o\\n'); startResponse(200, []); return '';`;
  expect((await run(source)).stderr).toBe('one\ntwo\n');
});

test('an unfinished line of tsgi.errors is written before the process ends', async () => {
  const source = `environ['tsgi.errors'].write('half'); startResponse(200, []); return '';`;
  expect((await run(source)).stderr).toBe('half\n');
  expect((await run(`environ['tsgi.errors'].write('half'); throw new Error('x');`)).stderr).toContain(
    'half\n',
  );
});

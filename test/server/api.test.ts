/**
 * createServer in the form in which a program calls it.
 */
import { execFile } from 'node:child_process';
import { once } from 'node:events';
import { writeFileSync } from 'node:fs';
import net from 'node:net';
import path from 'node:path';
import { pathToFileURL } from 'node:url';
import { promisify } from 'node:util';
import { createServer } from 'tsgi-threads';
import type { Application } from 'tsgi-threads/tsgi';
import { describe, expect, test } from 'vitest';
import { appFile } from '../support/server.ts';

const HELLO = `export default (environ, startResponse) => { startResponse(200, []); return 'hello'; };`;

async function body(url: string): Promise<string> {
  return (await fetch(url)).text();
}

describe('createServer', () => {
  test('resolves a path against the working directory, and accepts a file: URL and a URL object', async () => {
    const file = appFile(HELLO);
    for (const app of [path.relative(process.cwd(), file), pathToFileURL(file).href, pathToFileURL(file)]) {
      await using server = createServer(1, { app });
      await server.listen({ port: 0 });
      expect(await body(server.url)).toBe('hello');
    }
  });

  test('resolves a path against the folder of the calling file if the working directory has no such file (C30)', async () => {
    const program = appFile(
      `import { createServer } from ${JSON.stringify(import.meta.resolve('tsgi-threads'))};
       for (const app of ['app.mjs', './app.mjs:other']) {
         const server = createServer(1, { app });
         await server.listen(0);
         console.log(await (await fetch(server.url)).text());
         await server.close();
       }
       await createServer(1, { app: 'gone.mjs' }).listen(0).catch((error) => console.log(error.message));`,
      'program.mjs',
    );
    const folder = path.dirname(program);
    writeFileSync(
      path.join(folder, 'app.mjs'),
      `${HELLO}; export const other = (environ, startResponse) => { startResponse(200, []); return 'other'; };`,
    );
    const { stdout } = await promisify(execFile)(process.execPath, [program], { cwd: '/' });
    expect(stdout.split('\n')).toEqual([
      'hello',
      'other',
      `Cannot find the application: gone.mjs does not exist; tried /gone.mjs (/ is the working directory) and ${folder}/gone.mjs (beside the file that calls createServer)`,
      '',
    ]);
  });

  test('listen(port, host) works too, url and address name the place, and stats gives counts', async () => {
    const server = createServer(2, { app: appFile(HELLO) });
    const ready = once(server, 'ready');
    expect(await server.listen(0, '127.0.0.1')).toBe(server);
    await ready;
    expect(server.url).toBe(`http://127.0.0.1:${server.address.port}`);
    await body(server.url);
    expect(server.stats()).toMatchObject({ workers: 2, zombies: 0, requests: 1, pending: 0, inFlight: 0 });
    const { url } = server;
    await Promise.all([server.close(), server.close()]);
    await expect(fetch(url)).rejects.toThrow();
  });

  test('accepts all options in one object', async () => {
    await using server = createServer({ app: appFile(HELLO), threads: 2 });
    await server.listen({ port: 0 });
    expect([server.threads, await body(server.url)]).toEqual([2, 'hello']);
  });

  test('accepts the number of threads before the other options', async () => {
    await using server = createServer(2, { app: appFile(HELLO) });
    await server.listen({ port: 0 });
    expect([server.threads, await body(server.url)]).toEqual([2, 'hello']);
  });

  test.each<[string, unknown[], string]>([
    [
      'two objects of options',
      [{ app: 'a.ts' }, { threads: 2 }],
      'Cannot create a server: its first argument is the options, so it takes no second one. Write all options into one object: createServer({ app, threads }).',
    ],
    [
      'threads twice',
      [2, { app: 'a.ts', threads: 3 }],
      'Cannot create a server: threads is set twice, as 2 and as 3 in the options. Set it once: createServer({ app, threads }).',
    ],
    [
      'a path instead of options',
      ['./a.ts'],
      'Cannot create a server: its first argument is the text "./a.ts", and it takes options or a number of threads. If that is the application, write createServer({ app: "./a.ts" }).',
    ],
    [
      'a number of threads alone',
      [2],
      "Cannot create a server: Option app is missing. Write createServer({ app: './app.ts' }) with the path of the application.",
    ],
    [
      'no arguments',
      [],
      "Cannot create a server: Option app is missing. Write createServer({ app: './app.ts' }) with the path of the application.",
    ],
  ])('rejects %s', (_, args, message) => {
    const call = () => (createServer as (...given: unknown[]) => unknown)(...args);
    expect(call).toThrow(expect.objectContaining({ code: 'TSGI_ERR_OPTION', message }));
  });

  test('runs a function in this thread, with its closure, if threads is 0', async () => {
    let calls = 0;
    const app: Application = (_, startResponse) => {
      calls += 1;
      startResponse(200, []);
      return String(calls);
    };
    await using server = createServer(0, { app });
    await server.listen({ port: 0 });
    expect([await body(server.url), await body(server.url), calls]).toEqual(['1', '2', 2]);
  });

  test('a function with threads causes an error with the remedy', () => {
    expect(() => createServer(1, { app: () => '' })).toThrow(
      /cannot be sent to another thread. Export it from a file/,
    );
  });

  test.each<[object, RegExp]>([
    [{}, /Option app is missing/],
    [{ app: 'a.ts', maxBodysize: 1 }, /Unknown option maxBodysize: did you mean maxBodySize\?/],
    [
      { app: 'a.ts', handlerTimeout: 'soon' },
      /Option handlerTimeout \(--handler-timeout\) is invalid: "soon"; it takes a time such as 30s/,
    ],
    [
      { app: 'a.ts', maxHeaders: 0 },
      /Option maxHeaders .* is invalid: 0; it takes a whole number, 1 to 2000/,
    ],
    [{ app: 'a.ts', interface: 'wsgi' }, /Option interface .* "wsgi"; .* did you mean tsgi\?/],
    [
      { app: 'a.ts', import: ['a', 5] },
      /Option import .* is invalid: \["a",5\]; it takes the name of a module/,
    ],
    [{ app: 'a.ts', args: '--verbose' }, /Option args is invalid: it must be an array of strings/],
    [{ app: 'a.ts', envFile: '.env' }, /Unknown option envFile/],
  ])('%j is rejected at once', (options, message) => {
    expect(() => createServer(1, options as never)).toThrow(message);
  });

  test('a start that fails rejects listen and leaves nothing behind', async () => {
    const other = net.createServer().listen(0, '127.0.0.1');
    await once(other, 'listening');
    const { port } = other.address() as net.AddressInfo;
    const taken = createServer(1, { app: appFile(HELLO) });
    await expect(taken.listen({ port })).rejects.toMatchObject({ code: 'TSGI_ERR_LISTEN' });
    other.close();
    const broken = createServer(1, { app: appFile("throw new Error('no');") });
    await expect(broken.listen({ port: 0 })).rejects.toMatchObject({ code: 'TSGI_ERR_APP_LOAD' });
    await Promise.all([taken.close(), broken.close()]);
  });

  test.each<[string, string]>([
    ['TSGI_ERR_APP_SYNTAX', 'export default ('],
    ['TSGI_ERR_APP_LOAD', "throw new Error('no database');"],
    ['TSGI_ERR_APP_LOAD', 'process.exit(2);'],
    ['TSGI_ERR_APP_EXPORT', 'export const nothing = 1;'],
    ['TSGI_ERR_APP_LISTEN', "import http from 'node:http'; http.createServer().listen({ fd: 0 });"],
    ['TSGI_ERR_BOOT_TIMEOUT', 'await new Promise((resolve) => setTimeout(resolve, 60_000));'],
  ])('a start that fails rejects with %s: %s', async (code, source) => {
    const log: string[] = [];
    const note = (text: string) => void log.push(text);
    const logger = { error: note, warn: note, info: note };
    // On a busy machine a worker needs more than a second to load any application.
    const bootTimeout = code === 'TSGI_ERR_BOOT_TIMEOUT' ? '1s' : '30s';
    const server = createServer(1, { app: appFile(source), bootTimeout, logger });
    server.on('error', (error) => note(String(error)));
    await expect(server.listen({ port: 0 })).rejects.toMatchObject({ name: 'OptionError', code });
    await server.close();
    // The caller of listen has the error, so no event must follow.
    expect(log).toEqual([]);
  });

  test('a server that does not listen reports it, and no server listens twice', async () => {
    const server = createServer(1, { app: appFile(HELLO) });
    for (const use of [() => server.url, () => server.stats()]) expect(use).toThrow(/Cannot read/);
    await server.listen({ port: 0 });
    await expect(server.listen({ port: 0 })).rejects.toMatchObject({ code: 'TSGI_ERR_STATE' });
    expect(await body(server.url)).toBe('hello');
    await server.close();
  });

  test('error reports threads that cannot be ended, once there are more than maxZombies', async () => {
    const app = appFile(`
      import { execSync } from 'node:child_process';
      export default (environ, startResponse) => {
        if (environ.PATH_INFO === '/native') execSync('sleep 4');
        startResponse(200, []);
        return 'hello';
      };
    `);
    const logger = { error() {}, warn() {}, info() {} };
    await using server = createServer(1, { app, logger, handlerTimeout: 100, killGrace: 50, maxZombies: 0 });
    await server.listen({ port: 0 });
    const error = new Promise((resolve) => server.once('error', resolve));
    expect((await fetch(`${server.url}/native`)).status).toBe(504);
    expect(await error).toMatchObject({ name: 'ApplicationError', code: 'TSGI_ERR_ZOMBIES' });
    expect(await body(server.url)).toBe('hello');
  });

  test('a function that is no TSGI application causes an error at its first request', async () => {
    const log: string[] = [];
    const note = (text: string) => void log.push(text);
    const app = appFile("export default (a, b) => { b.end('hello'); };");
    await using server = createServer(1, { app, logger: { error: note, warn: note, info: note } });
    await server.listen({ port: 0 });
    expect((await fetch(server.url)).status).toBe(500);
    expect(log[0]).toContain('threw "b.end is not a function"');
    expect(log[0]).toContain('start the server with --interface node');
  });

  test('workerExit reports a worker that ended by itself, and the server continues', async () => {
    const app = appFile(`export default (environ, startResponse) => {
      if (environ.PATH_INFO === '/exit') process.exit(4);
      startResponse(200, []);
      return 'hello';
    };`);
    await using server = createServer(1, { app, logger: { error() {}, warn() {}, info() {} } });
    await server.listen({ port: 0 });
    const exit = once(server, 'workerExit');
    expect((await fetch(`${server.url}/exit`)).status).toBe(502);
    expect((await exit)[0]).toMatchObject({ code: 4, planned: false });
    expect(await body(server.url)).toBe('hello');
  });

  test('the environ has the keys of TSGI', async () => {
    const app = appFile(`export default (environ, startResponse) => {
      const { 'tsgi.input': input, 'tsgi.errors': errors, 'tsgi.signal': signal, ...rest } = { ...environ };
      startResponse(200, [['content-type', 'application/json']]);
      return JSON.stringify({ ...rest, input: typeof input.read, errors: typeof errors.write, aborted: signal.aborted });
    };`);
    await using server = createServer(2, { app });
    await server.listen({ port: 0 });
    const { port } = server.address;
    const headers = { 'X-One': '1', cookie: 'a=b', x_two: '2', 'content-type': 'text/x' };
    const answer = await fetch(`${server.url}/a%C3%BC%2Fb?q=%20`, { method: 'PUT', headers, body: 'xyz' });
    expect(await answer.json()).toMatchObject({
      REQUEST_METHOD: 'PUT',
      SCRIPT_NAME: '',
      PATH_INFO: '/aü/b',
      QUERY_STRING: 'q=%20',
      REQUEST_URI: '/a%C3%BC%2Fb?q=%20',
      CONTENT_TYPE: 'text/x',
      CONTENT_LENGTH: '3',
      SERVER_NAME: '127.0.0.1',
      SERVER_PORT: String(port),
      SERVER_PROTOCOL: 'HTTP/1.1',
      REMOTE_ADDR: '127.0.0.1',
      HTTP_HOST: `127.0.0.1:${port}`,
      HTTP_X_ONE: '1',
      HTTP_COOKIE: 'a=b',
      'tsgi.version': [1, 0],
      'tsgi.url_scheme': 'http',
      'tsgi.multithread': true,
      'tsgi.concurrent': true,
      input: 'function',
      errors: 'function',
      aborted: false,
    });
  });
});

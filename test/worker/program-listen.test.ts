/**
 * Calls of `listen` in a program are accepted, rejected and repeated as under plain Node.
 */
import { execFileSync } from 'node:child_process';
import http from 'node:http';
import { describe, expect, test } from 'vitest';
import { Cli } from '../support/cli.ts';
import { freePort } from '../support/ports.ts';
import { appFile, serveFile } from '../support/server.ts';
import { until } from '../support/until.ts';

const HTTP = `import http from 'node:http';\n`;

const at = async (port: number) => (await fetch(`http://127.0.0.1:${port}`)).text();

/** The response of a program at the socket `path` of the file system. '' if no server listens there. */
function over(path: string): Promise<string> {
  return new Promise((resolve) => {
    http
      .get({ socketPath: path, agent: false }, (response) => {
        let text = '';
        response.setEncoding('utf8').on('data', (data: string) => (text += data));
        response.once('end', () => resolve(text));
      })
      .once('error', () => resolve(''));
  });
}

describe('a listen that Node rejects', () => {
  const CALLS = [
    '70000',
    '{}',
    'true',
    'false',
    '3.5',
    'NaN',
    `''`,
    '{ port: -1 }',
    `{ port: '' }`,
    `{ port: '12x' }`,
    `{ host: 'localhost' }`,
    '{ port: 1, host: 5 }',
    '{ path: 5 }',
    '[3]',
    'Symbol()',
  ];
  const REFUSED = `
    const refused = [];
    const note = (call) => { try { call(); refused.push('taken'); } catch ({ code, message }) { refused.push([code, message]); } };
    ${CALLS.map((call) => `note(() => http.createServer().listen(${call}));`).join('\n')}
    const server = http.createServer((request, response) => response.end(JSON.stringify(refused)));`;

  test('gets the same error', async () => {
    const plain = appFile(`${HTTP}${REFUSED} console.log(JSON.stringify(refused));`);
    const node = JSON.parse(execFileSync(process.execPath, [plain], { encoding: 'utf8' })) as unknown[];
    expect(node).not.toContain('taken');
    const { port } = await serveFile(appFile(`${HTTP}${REFUSED} server.listen(0);`));
    expect(JSON.parse(await at(port))).toEqual(node);
  });

  test('may be a second call on a server that listens', async () => {
    const app = appFile(`${HTTP}
      const codes = [];
      const server = http.createServer((request, response) => response.end(codes.join()));
      const again = () => { try { server.listen(0); } catch (error) { codes.push(error.code); } };
      server.listen(0, again);
      again();`);
    const { port } = await serveFile(app);
    expect(await at(port)).toBe('ERR_SERVER_ALREADY_LISTEN,ERR_SERVER_ALREADY_LISTEN');
  });

  test('with a host that does not resolve gets the error of the look-up', async () => {
    const app = appFile(`${HTTP}
      const site = http.createServer((request, response) => response.end(JSON.stringify(seen))).listen(0);
      let seen;
      site.once('listening', () => http.createServer().on('error', (error) => (seen = error)).listen(1, 'no.invalid'));`);
    const { port } = await serveFile(app);
    let seen = '';
    while (seen === '') seen = await at(port);
    expect(JSON.parse(seen)).toMatchObject({ syscall: 'getaddrinfo', hostname: 'no.invalid' });
  });
});

describe('a listen that succeeds', () => {
  test('returns an address at once if it has a port and no host', async () => {
    const port = await freePort();
    const app = appFile(`${HTTP}
      const server = http.createServer((request, response) => response.end(JSON.stringify(seen)));
      const seen = [server.listening, server.listen(${port}).address(), server.listening];`);
    await new Cli([app, '--threads', '1']).url();
    expect(JSON.parse(await at(port))).toEqual([false, { address: '::', family: 'IPv6', port }, true]);
  });

  test('on port 0 makes the server listen at once, and its number is known at listening', async () => {
    const app = appFile(`${HTTP}
      const server = http.createServer((request, response) => response.end(JSON.stringify(seen)));
      const seen = [server.listen(0).listening, server.address().port];
      if (!server.listening) server.listen(0);
      server.once('listening', () => seen.push(server.address().port));`);
    const { port } = new URL(await new Cli([app, '--threads', '1']).url());
    expect(JSON.parse(await at(Number(port)))).toEqual([true, 0, Number(port)]);
  });

  test('may follow a close: the worker stays, and the last server serves', async () => {
    const port = await freePort();
    const app = appFile(`${HTTP}
      const first = http.createServer((request, response) => response.end('first'));
      const last = http.createServer((request, response) => response.end('last'));
      first.listen(${port}, () => first.close(() => last.listen(${port}, () => console.log('listens again'))));`);
    const cli = new Cli([app, '--threads', '1']);
    await cli.url();
    await cli.says('listens again');
    expect(await at(port)).toBe('last');
    expect(cli.stderr).toBe('');
  });

  test.each([1, 3])(
    'may name a socket of the file system beside the site, with %d workers (C14)',
    async (threads) => {
      const app = appFile(`${HTTP}
        http.createServer((request, response) => response.end('site')).listen(0);
        const admin = http.createServer((request, response) => response.end('admin'));
        admin.listen(process.argv[1] + '.sock', () => console.log('admin on', admin.address()));`);
      const { server } = await serveFile(app, threads);
      for (const reload of [false, true]) {
        if (reload) await server.reload();
        expect(await at(server.address.port)).toBe('site');
        // At a reload the worker that owns the socket closes it before the next one binds it.
        await until(async () => (await over(`${app}.sock`)) === 'admin');
      }
    },
  );
});

describe('a program that starts threads of its own file', () => {
  const SOURCE = (threads: string) =>
    `
    if (isMainThread) new Worker(FILE).once('message', (text) =>
      http.createServer((request, response) => response.end([text, parentPort, workerData].join())).listen(0));
    else parentPort.postMessage('from a thread');`.replace('FILE', threads);

  test.each([
    [
      'app.cjs',
      `const http = require('node:http'); const { isMainThread, parentPort, Worker, workerData } = require('node:worker_threads');
       ${SOURCE('__filename')}`,
    ],
    [
      'app.mjs',
      `${HTTP} import { isMainThread, parentPort, Worker, workerData } from 'node:worker_threads';
       ${SOURCE('new URL(import.meta.url)')}`,
    ],
  ])('is in the main thread: %s (C12)', async (name, source) => {
    const { port } = await serveFile(appFile(source, name));
    expect(await at(port)).toBe('from a thread,,');
  });
});

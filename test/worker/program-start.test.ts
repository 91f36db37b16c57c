/**
 * A start lasts as long as plain Node would stay alive, and ends at once if Node would end.
 */
import { describe, expect, test } from 'vitest';
import { Cli } from '../support/cli.ts';
import { appFile, serveFile } from '../support/server.ts';

const HTTP = `import http from 'node:http';\n`;
const LISTEN = `http.createServer((request, response) => response.end('served')).listen(0);`;

const answer = async (url: string) => (await fetch(url)).text();

/** Handles that keep an event loop alive, although many of them are in no list of Node's own. */
const WAITS: Readonly<Record<string, string>> = {
  scrypt: `const { scrypt } = await import('node:crypto');
    await new Promise((resolve) => scrypt('a', 'b', 64, { N: 2 ** 15, maxmem: 2 ** 27 }, resolve));`,
  'crypto.subtle': `const key = await crypto.subtle.importKey('raw', Buffer.from('a'), 'PBKDF2', false, ['deriveBits']);
    await crypto.subtle.deriveBits({ name: 'PBKDF2', hash: 'SHA-256', salt: Buffer.from('b'), iterations: 2e5 }, key, 256);`,
  'zlib.gzip': `const zlib = await import('node:zlib');
    await new Promise((resolve) => zlib.gzip(Buffer.alloc(2e7, 'abc'), resolve));`,
  'a message of a worker thread': `const { Worker } = await import('node:worker_threads');
    const source = "setTimeout(() => require('node:worker_threads').parentPort.postMessage(1), 100)";
    await new Promise((resolve) => new Worker(source, { eval: true }).once('message', resolve));`,
  'a dynamic import': `await import('data:text/javascript,await new Promise((resolve) => setTimeout(resolve, 100))');`,
  'fs and dns': `await (await import('node:dns/promises')).lookup('localhost');
    for (let i = 0; i < 50; i++) await (await import('node:fs/promises')).readFile(process.argv[1]);`,
  'a child process': `const { execFile } = await import('node:child_process');
    await new Promise((resolve) => execFile(process.execPath, ['--version'], resolve));`,
  'a timer': `await new Promise((resolve) => setTimeout(resolve, 100));`,
};

describe('a program that awaits something before it listens', () => {
  test.each(Object.entries(WAITS))('%s is waited for (C12)', async (_, wait) => {
    const { server } = await serveFile(
      appFile(`${HTTP}async function start() { ${wait} ${LISTEN} }\nstart();`),
    );
    expect(server.interface?.why).toBe('the program listens by itself');
    expect(await answer(server.url)).toBe('served');
  });

  test.each(Object.entries(WAITS))('%s is also waited for in the main thread (C12)', async (_, wait) => {
    const app = appFile(`${HTTP}async function start() { ${wait} ${LISTEN} }\nstart();`);
    const { server } = await serveFile(app, 0);
    expect(await answer(server.url)).toBe('served');
  });

  test('a top-level await is waited for, also with CommonJS that starts later (C12)', async () => {
    const app = appFile(`${HTTP}${WAITS.scrypt!} ${LISTEN}`);
    const script = appFile(
      `const http = require('node:http'); (async () => { ${WAITS.scrypt!} ${LISTEN} })();`,
      'app.cjs',
    );
    for (const file of [app, script]) expect(await answer((await serveFile(file)).server.url)).toBe('served');
  });

  test('an endless wait ends at --boot-timeout (C12)', async () => {
    const app = appFile(`${HTTP}setInterval(() => {}, 1000);`);
    await expect(serveFile(app, 1, { bootTimeout: 300 })).rejects.toThrow(
      /did not load within 0\.3 s\. Raise --boot-timeout/,
    );
  });
});

describe('a program that plain Node would end at once', () => {
  const STUCK = 'await new Promise(() => {});';
  const ROWS: readonly (readonly [what: string, source: string, message: RegExp])[] = [
    [
      'a top-level await that is never settled',
      STUCK,
      /awaits something that nothing will settle.*at its top level/,
    ],
    ['the same behind an export', `export default { fetch() {} }; ${STUCK}`, /nothing will settle/],
    [
      'the same in a module that it imports',
      `import ${JSON.stringify(`data:text/javascript,${STUCK}`)};`,
      /nothing will settle/,
    ],
    [
      'a program that ends without a call of listen',
      `await new Promise((resolve) => setTimeout(resolve, 10));`,
      /or a call of listen, and it exports nothing/,
    ],
    [
      'a promise that is exported and never settled',
      `export default new Promise(() => {});`,
      /awaits something that nothing will settle/,
    ],
    [
      'a factory that never returns',
      `export default async () => { ${STUCK} };`,
      /awaits something that nothing will settle/,
    ],
    [
      'a hook init that never returns',
      `export default { fetch() {} }; export const init = async () => { ${STUCK} };`,
      /that nothing will settle.*hook init/,
    ],
  ];

  test.each(ROWS)('%s causes an error at once (C12)', async (_, source, message) => {
    const started = performance.now();
    await expect(serveFile(appFile(source), 1, { bootTimeout: 20_000 })).rejects.toThrow(message);
    expect(performance.now() - started).toBeLessThan(10_000);
  });

  test.each([[[]], [['--no-supervise']], [['--threads', '0']]])(
    'the command reports the error and ends with 1, with %j (C12)',
    async (args) => {
      const cli = new Cli([appFile(STUCK), '--boot-timeout', '60s', ...args]);
      const { code, stderr } = await cli.finished();
      expect(stderr).toMatch(
        /^tsgi-threads: The application does not start: it awaits something that nothing[^\n]*\n$/,
      );
      expect(code).toBe(1);
    },
  );
});

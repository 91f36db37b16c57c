/**
 * Uncaught errors: the request that caused one fails, and its worker is replaced after its other requests.
 */
import { once } from 'node:events';
import { existsSync, writeFileSync } from 'node:fs';
import net from 'node:net';
import path from 'node:path';
import { describe, expect, test } from 'vitest';
import { Client } from '../support/client.ts';
import { appFile, serveFile } from '../support/server.ts';
import { until } from '../support/until.ts';

describe('an uncaught error', () => {
  const app = `
    import { threadId } from 'node:worker_threads';
    const wait = (ms) => new Promise((resolve) => setTimeout(resolve, ms));
    export default async (environ, startResponse) => {
      const { PATH_INFO: path } = environ;
      if (path === '/timer') setTimeout(() => { throw new Error('from a timer'); }, 10);
      if (path === '/rejection') void Promise.reject(new Error('not handled'));
      if (path === '/deep') void wait(5).then(() => wait(5)).then(() => { throw new Error('deep'); });
      if (path === '/late') {
        startResponse(200, []);
        return (async function* () { yield 'sent'; setTimeout(() => { throw new Error('late'); }, 5); await wait(10000); })();
      }
      if (path !== '/') await wait(10000);
      await wait(50);
      startResponse(200, []);
      return String(threadId);
    };
  `;

  test.each([
    ['/timer', 'from a timer'],
    ['/rejection', 'not handled'],
    ['/deep', 'deep'],
  ])('%s: its own request is 502, the others are answered, the worker is replaced', async (path, message) => {
    const { port, server, log } = await serveFile(appFile(app), 1);
    const url = `http://127.0.0.1:${port}`;
    const others = Array.from({ length: 5 }, async () => (await fetch(url)).text());
    const faulty = await fetch(url + path);
    expect([faulty.status, await faulty.text()]).toEqual([502, 'Bad Gateway\n']);
    const [thread] = await Promise.all(others);
    expect(await Promise.all(others)).toEqual(Array.from({ length: 5 }, () => thread));
    expect(await (await fetch(url)).text()).not.toBe(thread);
    expect(log[0]).toMatch(new RegExp(`^GET ${path} uncaught \\(request .*\\): Error: ${message}\\n`));
    expect(log[1]).toContain('is replaced: an error in it was not caught');
    await until(() => server.stats().inFlight === 0 && server.stats().workers === 1);
  });

  test('after the head truncates its response', async () => {
    const { port } = await serveFile(appFile(app), 1);
    const response = await fetch(`http://127.0.0.1:${port}/late`);
    expect(response.status).toBe(200);
    await expect(response.text()).rejects.toThrow('terminated');
  });

  test('leaves its handling to an application that listens for uncaught errors', async () => {
    const own = `process.on('uncaughtException', () => {}); ${app}`;
    const { port, server, log } = await serveFile(
      appFile(own.replaceAll('await wait(10000)', 'await wait(30)')),
      1,
    );
    const response = await fetch(`http://127.0.0.1:${port}/timer`);
    expect([response.status, server.stats().workers, log]).toEqual([200, 1, []]);
  });

  test('fires the signal of its own request', async () => {
    const { port, log } = await serveFile(
      appFile(`
        export default async (environ) => {
          const signal = environ['tsgi.signal'];
          setTimeout(() => { throw new Error('not caught'); }, 10);
          await new Promise((resolve) => signal.addEventListener('abort', resolve));
          environ['tsgi.errors'].write('told of: ' + signal.reason.message + '\\n');
        };
      `),
    );
    expect((await fetch(`http://127.0.0.1:${port}/`)).status).toBe(502);
    await until(() => log.includes('told of: not caught'));
  });

  /**
   * In the folder, `release` makes the request fail, and `said` shows that it has. Meanwhile the others fill the ring.
   */
  const FAILING = `
    import { existsSync, writeFileSync } from 'node:fs';
    const wait = (ms) => new Promise((resolve) => setTimeout(resolve, ms));
    async function fail(folder, sayLater) {
      while (!existsSync(folder + '/release')) await wait(2);
      setTimeout(() => { throw new Error('not caught'); }, 100);
      await wait(200);
      setTimeout(() => writeFileSync(folder + '/said', ''), 10);
      return sayLater();
    }
  `;
  const SAID_LATER = {
    tsgi: `
      export default async (environ, startResponse) => {
        const { PATH_INFO: path, QUERY_STRING: folder } = environ;
        if (path === '/fault') {
          void fail(folder, () => startResponse(200, [])('said later'));
          await new Promise(() => {});
        }
        startResponse(200, []);
        if (path === '/') return 'fine';
        return (async function* () { for (;;) yield new Uint8Array(65536); })();
      };
    `,
    fetch: `
      export default { fetch: async (request) => {
        const { pathname, search } = new URL(request.url);
        if (pathname === '/fault') return fail(search.slice(1), () => new Response('said later'));
        if (pathname === '/') return new Response('fine');
        return new Response(new ReadableStream({ pull: (to) => to.enqueue(new Uint8Array(65536)) }));
      } };
    `,
  };

  test.each(Object.entries(SAID_LATER))(
    'late output of its request is dropped, also if the 502 waits for space: %s',
    async (_, source) => {
      const app = appFile(FAILING + source);
      const folder = path.dirname(app);
      const { port, server } = await serveFile(app, 1);
      const fills = Array.from({ length: 6 }, () => net.connect(port, '127.0.0.1'));
      for (const fill of fills) {
        fill.write('GET /fill HTTP/1.1\r\nHost: a\r\n\r\n');
        fill.resume();
      }
      await Promise.all(fills.map((fill) => once(fill, 'data')));
      const faulty = await Client.connect(port);
      await faulty.write(`GET /fault?${folder} HTTP/1.1\r\nHost: a\r\n\r\n`);
      await until(() => server.stats().inFlight >= 7 && server.stats().pending === 0);
      writeFileSync(`${folder}/release`, '');
      // The acceptor does not empty the worker's ring meanwhile.
      const end = performance.now() + 10_000;
      while (!existsSync(`${folder}/said`) && performance.now() < end);
      for (const fill of fills) fill.destroy();
      expect((await faulty.answer())?.status).toBe(502);
      await faulty.write('GET / HTTP/1.1\r\nHost: a\r\n\r\n');
      expect(await faulty.answer()).toMatchObject({ status: 200, body: 'fine' });
      faulty.close();
    },
  );
});

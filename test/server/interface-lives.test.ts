/**
 * The lives of workers with Node listeners, fetch handlers and whole programs.
 *
 * The tests cover deadlines, aborts, crashes, recycling, reloads and the close.
 */
import { appendFileSync, existsSync, readFileSync, writeFileSync } from 'node:fs';
import { setTimeout as wait } from 'node:timers/promises';
import type { WorkerExit } from 'tsgi-threads';
import { describe, expect, test } from 'vitest';
import { Client } from '../support/client.ts';
import { LONG } from '../support/long.ts';
import { appFile, serveFile, type TestServer } from '../support/server.ts';
import { until } from '../support/until.ts';

const COMMON = `
  import { execFileSync } from 'node:child_process';
  import { appendFileSync } from 'node:fs';
  import http from 'node:http';
  import { threadId } from 'node:worker_threads';
  const sleep = (ms) => new Promise((resolve) => setTimeout(resolve, ms));
  /** The file in which the application leaves messages for the test. It survives the thread. */
  const tell = (text) => appendFileSync(new URL('./told', import.meta.url), text + '\\n');
  const VERSION = 'first';
  const answer = () => VERSION + ' ' + threadId;
  let worker;
  export const init = (handle) => { worker = handle; };
  export const shutdown = (reason) => tell('shutdown ' + reason);
  function extendAndBurn(request) {
    worker.extendDeadline(request, 2000);
    const end = Date.now() + 700;
    while (Date.now() < end);
  }
`;
const LISTENER = `
  function listener(request, response) {
    const path = request.url;
    response.on('close', () => response.writableFinished || tell('left ' + path));
    if (path === '/loop') for (;;);
    if (path === '/native') execFileSync('sleep', ['1.5']);
    if (path === '/late') return void setTimeout(() => response.end('late'), 400);
    if (path === '/never') return void tell('begun');
    if (path === '/exit') process.exit(3);
    if (path === '/reject') return void Promise.reject(new Error('nobody catches it'));
    if (path === '/extend') extendAndBurn(request);
    if (path === '/stream') {
      response.write('head');
      return void setTimeout(() => { for (;;); }, 50);
    }
    if (path === '/slow') return void setTimeout(() => response.end(answer()), 300);
    response.end(answer());
  }
`;
const INTERFACES = {
  node: `${COMMON}${LISTENER} export default http.createServer(listener);`,
  program: `${COMMON}${LISTENER} http.createServer(listener).listen(0);`,
  fetch: `${COMMON}
    export default { async fetch(request) {
      const path = new URL(request.url).pathname;
      request.signal.addEventListener('abort', () => tell('left ' + path));
      if (path === '/loop') for (;;);
      if (path === '/native') execFileSync('sleep', ['1.5']);
      if (path === '/late') await sleep(400);
      if (path === '/never') {
        tell('begun');
        await new Promise(() => {});
      }
      if (path === '/exit') process.exit(3);
      if (path === '/reject') {
        void Promise.reject(new Error('nobody catches it'));
        await new Promise(() => {});
      }
      if (path === '/extend') extendAndBurn(request);
      if (path === '/stream')
        return new Response(new ReadableStream({
          async pull(controller) {
            controller.enqueue('head');
            await sleep(50);
            for (;;);
          },
        }));
      if (path === '/slow') await sleep(300);
      return new Response(answer());
    } };`,
};
const LIMITS = { handlerTimeout: 200, killGrace: 100 };

interface Served extends TestServer {
  readonly app: string;
  told(): string[];
}

async function served(source: string, threads = 1, options: object = LIMITS): Promise<Served> {
  const app = appFile(source);
  const file = new URL('./told', `file://${app}`);
  const told = () => (existsSync(file) ? readFileSync(file, 'utf8').trim().split('\n') : []);
  return { ...(await serveFile(app, threads, options)), app, told };
}

const ask = async (client: Client, path = '/') => {
  await client.write(`GET ${path} HTTP/1.1\r\nHost: a\r\n\r\n`);
  return client.answer();
};
const get = async ({ port }: TestServer, path = '/') => {
  const response = await fetch(`http://127.0.0.1:${port}${path}`);
  return `${response.status} ${await response.text()}`;
};

/** A program's listener is called like any other listener. */
const TRIED = Object.entries(INTERFACES).filter(([name]) => LONG || name !== 'program');

describe.each(TRIED)('%s', (name, source) => {
  test.each(['/loop', '/native'])(
    '%s: 504 in time on a kept connection, and another worker takes over',
    async (path) => {
      const it = await served(source);
      const exited = new Promise<WorkerExit>((resolve) => it.server.once('workerExit', resolve));
      const client = await Client.connect(it.port);
      const before = performance.now();
      expect((await ask(client, path))?.status).toBe(504);
      // Two ticks, as for TSGI. The rest is for a busy machine.
      expect(performance.now() - before).toBeLessThan(350);
      expect(await ask(client)).toMatchObject({ status: 200 });
      client.close();
      expect(await exited).toMatchObject({ planned: true });
      expect(it.server.stats()).toMatchObject({ workers: 1, zombies: 0, inFlight: 0 });
    },
  );

  test('late output after a 504 is dropped, the handler is notified, and its worker stays while such handlers end', async () => {
    const it = await served(source, 1, { ...LIMITS, concurrency: 2 });
    const client = await Client.connect(it.port);
    const thread = (await ask(client))!.body;
    for (let i = 0; i < 5; i++) {
      expect((await ask(client, '/late'))?.status).toBe(504);
      // The handler ends meanwhile.
      await wait(350);
      expect(await ask(client)).toMatchObject({ status: 200, body: thread });
    }
    expect(client.received.length).toBe(0);
    expect(it.told()).toEqual(Array.from({ length: 5 }, () => 'left /late'));
    expect(it.log).toHaveLength(5);
    client.close();
  });

  test('a worker with too many endless handlers is recycled', async () => {
    const it = await served(source, 1, { handlerTimeout: 60, concurrency: 2 });
    const exited = new Promise<WorkerExit>((resolve) => it.server.once('workerExit', resolve));
    for (let i = 0; i < 3; i++) expect(await get(it, '/never')).toMatch(/^504 /);
    expect(await exited).toMatchObject({ planned: true });
    expect(it.log.at(-1)).toBe('Worker 1 is recycled: 3 handlers go on beyond their deadline');
  });

  test('the application is notified of a client’s disconnect', async () => {
    const it = await served(source, 1, { handlerTimeout: 0 });
    const client = await Client.connect(it.port);
    await client.write('GET /never HTTP/1.1\r\nHost: a\r\n\r\n');
    await client.until(() => it.told().length > 0);
    client.socket.resetAndDestroy();
    await until(() => it.told().length >= 2);
    expect(it.told()).toEqual(['begun', 'left /never']);
    await until(() => it.server.stats().inFlight === 0);
  });

  test('a stream whose loop stops turning is cut, and its worker replaced', async () => {
    const it = await served(source);
    const thread = await get(it);
    await expect(get(it, '/stream')).rejects.toThrow('terminated');
    expect(await get(it)).not.toBe(thread);
  });

  test('process.exit() causes 502 for its client, and a replacement serves', async () => {
    const it = await served(source);
    const client = await Client.connect(it.port);
    expect((await ask(client, '/exit'))?.status).toBe(502);
    expect((await ask(client))?.status).toBe(200);
    expect(it.log.join()).toContain('exited with code 3: a replacement starts');
    client.close();
  });

  test('an unhandled rejection causes 502 for its own request, and the other requests are answered', async () => {
    const it = await served(source, 1, {});
    const others = Array.from({ length: 3 }, () => get(it, '/slow'));
    await until(() => it.server.stats().inFlight >= 3 && it.server.stats().pending === 0);
    expect(await get(it, '/reject')).toBe('502 Bad Gateway\n');
    for (const other of await Promise.all(others)) expect(other).toMatch(/^200 first /);
    await until(() => it.told().includes('left /reject'));
    expect(it.log[0]).toMatch(/^GET \/reject uncaught \(request .*\): Error: nobody catches it\n/);
    expect(it.log[1]).toBe('Worker 1 is replaced: an error in it was not caught');
  });

  test.skipIf(name === 'program')(
    'an extended deadline can be spent without a turn of the loop',
    async () => {
      const it = await served(source);
      expect(await get(it, '/extend')).toMatch(/^200 first /);
      expect(it.log).toEqual([]);
    },
  );

  test('recycling and reloads under load lose no request and call the hook', async () => {
    const it = await served(source, 2, { maxRequests: 40 });
    const answers: string[] = [];
    let stopped = false;
    const load = Array.from({ length: 8 }, async () => {
      while (!stopped) answers.push(await get(it));
    });
    const exits: WorkerExit[] = [];
    it.server.on('workerExit', (exit) => exits.push(exit));
    await until(() => exits.length >= 3);
    writeFileSync(it.app, source.replace("VERSION = 'first'", "VERSION = 'second'"));
    await it.server.reload();
    const from = answers.length;
    await until(() => answers.length >= from + 50);
    stopped = true;
    await Promise.all(load);
    expect(answers.filter((text) => !/^200 (?:first|second) \d+$/.test(text))).toEqual([]);
    expect(answers.at(-1)).toMatch(/^200 second /);
    expect(exits.every((exit) => exit.planned)).toBe(true);
    if (name !== 'program') expect(it.told()).toContain('shutdown recycle');
  });

  test('a close answers requests in flight, and announces the end of the connection', async () => {
    const it = await served(source, 1, {});
    const client = await Client.connect(it.port);
    await client.write('GET /slow HTTP/1.1\r\nHost: a\r\n\r\n');
    await until(() => it.server.stats().inFlight >= 1 && it.server.stats().pending === 0);
    const closed = it.server.close();
    expect(await client.answer()).toMatchObject({ status: 200, headers: { connection: 'close' } });
    await closed;
    if (name !== 'program') expect(it.told()).toEqual(['shutdown close']);
  });
});

test.each([
  ['whole', 10],
  ['streamed', 100_000],
])("what a listener of a %s body's bytes throws is the application's: 502, and told", async (_, length) => {
  const it = await served(`
    export default { handler(request, response) {
      request.on('data', () => { throw new Error('in a listener'); });
    } };
  `);
  const response = await fetch(`http://127.0.0.1:${it.port}/`, { method: 'POST', body: 'x'.repeat(length) });
  expect(response.status).toBe(502);
  expect(it.log[0]).toMatch(/^POST \/ uncaught \(request .*\): Error: in a listener\n/);
});

test('fetch: synchronous code can check the signal, and has the grace period to end', async () => {
  const it = await served(
    `
    import { threadId } from 'node:worker_threads';
    export default { fetch(request) {
      while (request.url.endsWith('/asks') && !request.signal.aborted);
      return new Response(String(threadId));
    } };
  `,
    1,
    { handlerTimeout: 200, killGrace: 5000 },
  );
  const thread = await get(it);
  expect(await get(it, '/asks')).toMatch(/^504 /);
  expect(await get(it)).toBe(thread);
});

test('program: its listener for SIGTERM is called before its worker ends, at a reload and at the close', async () => {
  const it = await served(`
    ${COMMON}
    const server = http.createServer((request, response) => response.end(answer())).listen(0);
    process.on('SIGTERM', () => server.close(async () => {
      await sleep(50);
      tell('closed');
      process.exit(0);
    }));
  `);
  appendFileSync(it.app, '\n');
  await it.server.reload();
  await until(() => it.told().length >= 1);
  expect(await get(it)).toMatch(/^200 /);
  await it.server.close();
  expect(it.told()).toEqual(['closed', 'closed']);
});

test('extendDeadline with a value that is no request of this worker causes an error that names valid values', async () => {
  const it = await served(`
    import { IncomingMessage } from 'node:http';
    let worker;
    export const init = (handle) => { worker = handle; };
    export default { fetch() {
      const tries = [{}, null, new IncomingMessage(null), new Request('http://a/')];
      return new Response(tries.map((request) => {
        try { return worker.extendDeadline(request, 1); } catch (error) { return error.code + ' ' + error.message; }
      }).join('\\n'));
    } };
  `);
  const lines = (await get(it)).slice(4).split('\n');
  expect(lines).toHaveLength(4);
  for (const line of lines)
    expect(line).toMatch(
      /^TSGI_ERR_OPTION Cannot extend the deadline: the first argument is no request of this worker\. Pass the environ, /,
    );
});

test('a later, shorter extension does not shorten the deadline', async () => {
  const it = await served(`
    export default async (environ, startResponse) => {
      const { extendDeadline } = environ['tsgi_threads.worker'];
      const first = extendDeadline(environ, 1000);
      const second = extendDeadline(environ, 10);
      await new Promise((resolve) => setTimeout(resolve, 500));
      startResponse(200, []);
      return String(first === second && first === environ['tsgi.deadline']);
    };
  `);
  expect(await get(it)).toBe('200 true');
});

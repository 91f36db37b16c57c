/**
 * The end of a worker affects only the requests that it was running.
 */
import { rmSync, writeFileSync } from 'node:fs';
import { setTimeout as wait } from 'node:timers/promises';
import { setEnvironmentData, type Worker } from 'node:worker_threads';
import { describe, expect, onTestFinished, test } from 'vitest';
import { Client, exchange } from '../support/client.ts';
import { LONG } from '../support/long.ts';
import { appFile, serve, serveFile } from '../support/server.ts';
import { until } from '../support/until.ts';

/** Kills at each point. `npm run test:all` makes a thousand of them. */
const ROUNDS = LONG ? 170 : 10;
const POINTS = new URL('../../dist/worker/points.js', import.meta.url).href;

/** The words of a `Parking`. */
const WANTED = 0;
const PARKED = 1;
const FOR_EVER = 2;

/** A point at which a thread waits to be terminated. Threads that start later inherit it. */
class Parking {
  readonly #words: Int32Array = new Int32Array(new SharedArrayBuffer(12));
  readonly #threads: Map<number, Worker> = new Map();

  constructor() {
    setEnvironmentData('parking', this.#words);
    const note = (thread: Worker) => thread.once('online', () => this.#threads.set(thread.threadId, thread));
    process.on('worker', note);
    onTestFinished(() => void process.off('worker', note));
  }

  /** Resolves with the next thread that reaches the point. */
  async next(): Promise<Worker> {
    Atomics.store(this.#words, WANTED, 1);
    await until(() => Atomics.load(this.#words, PARKED) !== 0);
    return this.#threads.get(Atomics.exchange(this.#words, PARKED, 0))!;
  }
}

describe('errors of the application', () => {
  test('before the head cause 500 and one log line with request and mapped stack, and the worker continues', async () => {
    const app = appFile(
      `import type { Application } from 'tsgi-threads/tsgi';

interface Fault { text: string }

const app: Application = (environ, startResponse) => {
  if (environ.PATH_INFO === '/fail') throw new Error('on purpose');
  startResponse(200, []);
  return 'fine';
};
export default app;
`,
      'app.mts',
    );
    const { port, log } = await serveFile(app);
    const client = await Client.connect(port);
    await client.write('GET /fail HTTP/1.1\r\nHost: a\r\n\r\n');
    expect((await client.answer())?.status).toBe(500);
    await client.write('GET / HTTP/1.1\r\nHost: a\r\n\r\n');
    expect((await client.answer())?.body).toBe('fine');
    client.close();
    await until(() => log.length > 0);
    expect(log).toHaveLength(1);
    expect(log[0]).toMatch(/^GET \/fail failed \(request [\w-]+\): Error: on purpose\n/);
    expect(log[0]).toContain(`${app}:6:`);
  });

  test('after the head destroy the connection, so that the client sees the truncation', async () => {
    const { port, log } = await serve(`
      startResponse(200, []);
      return (async function* () { yield 'part'; throw new Error('midway'); })();
    `);
    const client = await Client.connect(port);
    await client.write('GET / HTTP/1.1\r\nHost: a\r\n\r\n');
    await client.until(() => false);
    expect(client.received.toString()).not.toContain('0\r\n\r\n');
    expect(log[0]).toContain('Error: midway');
  });

  test.each([
    ['return undefined;', /must return a string, a Uint8Array or an iterable/],
    ["return 'x';", /must call startResponse before its first chunk/],
    ["startResponse(99, []); return '';", /status must be an integer from 200 to 599: 99/],
    ["startResponse(200, [['a b', '']]); return '';", /header name must be a token: "a b"/],
    ["startResponse(200, [['x', 'a\\r\\nb']]); return '';", /value of header x/],
    ["startResponse(200, [['Connection', 'close']]); return '';", /hop-by-hop/],
    ["startResponse(200, []); startResponse(200, []); return '';", /must be called once/],
  ])('%j causes 500 and names the rule', async (body, rule) => {
    const { port, log } = await serve(body);
    const client = await Client.connect(port);
    await client.write('GET / HTTP/1.1\r\nHost: a\r\n\r\n');
    expect((await client.answer())?.status).toBe(500);
    client.close();
    expect(log[0]).toMatch(rule);
  });

  test('a body shorter than Content-Length destroys the connection; a longer one is cut', async () => {
    const { port, log } = await serve(`
      startResponse(200, [['content-length', '4']]);
      return environ.PATH_INFO === '/less' ? ['ab'] : ['abcd', 'ef'];
    `);
    const less = await Client.connect(port);
    await less.write('GET /less HTTP/1.1\r\nHost: a\r\n\r\n');
    await less.until(() => false);
    expect(less.received.toString()).toMatch(/\r\n\r\n(ab)?$/);
    const more = await Client.connect(port);
    await more.write('GET /more HTTP/1.1\r\nHost: a\r\n\r\n');
    expect((await more.answer())?.body).toBe('abcd');
    more.close();
    await until(() => log.length === 2);
  });
});

describe('a worker that ends', () => {
  test('process.exit() in the application causes 502 on a kept connection, and a replacement serves', async () => {
    const { port, server } = await serve(`
      if (environ.PATH_INFO === '/exit') process.exit(3);
      startResponse(200, []);
      return 'alive';
    `);
    const client = await Client.connect(port);
    await client.write('GET /exit HTTP/1.1\r\nHost: a\r\n\r\n');
    expect((await client.answer())?.status).toBe(502);
    await client.write('GET / HTTP/1.1\r\nHost: a\r\n\r\n');
    expect((await client.answer())?.body).toBe('alive');
    expect(server.stats().inFlight).toBe(0);
    client.close();
    const old = await exchange(port, 'GET /exit HTTP/1.0\r\nConnection: keep-alive\r\n\r\n');
    expect(old).toMatch(/^HTTP\/1\.1 502 [^]*\r\nconnection: close\r\n/);
  });

  test('a replacement that ends while it loads is logged once per try, and the next one serves', async () => {
    const mark = `${appFile('')}.stop`;
    const app = appFile(`
      import { existsSync } from 'node:fs';
      if (existsSync(${JSON.stringify(mark)})) process.exit(5);
      export default (environ, startResponse) => {
        if (environ.PATH_INFO === '/exit') process.exit(3);
        startResponse(200, []);
        return 'alive';
      };
    `);
    const { port, log } = await serveFile(app);
    writeFileSync(mark, '');
    expect((await fetch(`http://127.0.0.1:${port}/exit`)).status).toBe(502);
    const told = () => log.filter((line) => !line.startsWith('Answered'));
    await until(() => told().length === 3);
    rmSync(mark);
    const failed =
      'A replacement worker did not start: The worker ended while it loaded the application: worker exited with code: 5';
    expect(told()).toEqual([expect.stringMatching(/^Worker 1 exited with code 3/), failed, failed]);
    // Until the worker serves, the acceptor answers 503.
    const answer = await until(async () => {
      const response = await fetch(`http://127.0.0.1:${port}/`);
      return response.status !== 503 && response;
    });
    expect(await answer.text()).toBe('alive');
  });

  test.each([
    ['claimed', 200],
    ['taken', 200],
    ['copied', 200],
    ['application', 502],
    ['inside the application', 502],
    ['mid-record', 502],
    ['committed', 200],
  ])(
    'terminated from outside at "%s", many times: each request is answered once, with %d, and nothing leaks',
    { timeout: 10_000 + ROUNDS * 1000 },
    async (point, status) => {
      const parking = new Parking();
      // The application has no such point, so it parks itself.
      const app = appFile(`
      import { getEnvironmentData, threadId } from 'node:worker_threads';
      import { points } from ${JSON.stringify(POINTS)};
      const words = getEnvironmentData('parking');
      const reached = (point) => {
        if (point !== ${JSON.stringify(point)} || Atomics.exchange(words, ${WANTED}, 0) === 0) return;
        Atomics.store(words, ${PARKED}, threadId);
        Atomics.wait(words, ${FOR_EVER}, 0);
      };
      points.reached = reached;
      export default (environ, startResponse) => {
        startResponse(200, []);
        reached('inside the application');
        return environ.PATH_INFO;
      };
    `);
      const { port, server } = await serveFile(app, point === 'claimed' ? 1 : 2);
      const before = server.stats();
      const client = await Client.connect(port);
      for (let i = 0; i < ROUNDS; i++) {
        const exited = new Promise((resolve) => server.once('workerExit', resolve));
        const parked = parking.next();
        await client.write(`GET /${i} HTTP/1.1\r\nHost: a\r\n\r\n`);
        await (await parked).terminate();
        const answer = await client.answer();
        expect(answer).toMatchObject(status === 200 ? { status, body: `/${i}` } : { status });
        await exited;
        await client.write(`GET /after HTTP/1.1\r\nHost: a\r\n\r\n`);
        expect((await client.answer())?.body).toBe('/after');
      }
      expect(client.received.length).toBe(0);
      client.close();
      await until(() => server.stats().connections === 0 && server.stats().workers === server.threads);
      expect(server.stats()).toMatchObject({
        inFlight: 0,
        pending: 0,
        buffered: before.buffered,
        zombies: 0,
      });
    },
  );
});

describe('load shedding', () => {
  test('a request without a free worker in time causes 503 with Retry-After, and a full queue rejects at once', async () => {
    const { port } = await serve(
      `const end = Date.now() + 700; while (Date.now() < end); startResponse(200, []); return '';`,
      1,
      {
        pendingTimeout: 200,
        maxPending: 2,
        concurrency: 1,
      },
    );
    const clients = await Promise.all(Array.from({ length: 6 }, () => Client.connect(port)));
    for (const client of clients) {
      await client.write('GET / HTTP/1.1\r\nHost: a\r\n\r\n');
      await wait(5);
    }
    const answers = await Promise.all(clients.map((client) => client.answer()));
    expect(answers.map((answer) => answer?.status).sort()).toEqual([200, 503, 503, 503, 503, 503]);
    expect(answers.find((answer) => answer?.status === 503)?.headers['retry-after']).toBe('1');
    for (const client of clients) client.close();
  });

  test('a request whose client has left is removed from the queue and never runs', async () => {
    const { port, server, log } = await serve(
      `
      environ['tsgi.errors'].write(environ.PATH_INFO + '\\n');
      const end = Date.now() + (environ.PATH_INFO === '/busy' ? 1000 : 0);
      while (Date.now() < end);
      startResponse(200, []);
      return '';
    `,
      1,
      { concurrency: 1 },
    );
    const clients = await Promise.all(Array.from({ length: 4 }, () => Client.connect(port)));
    const [busy, first, second, stays] = clients;
    const ask = async (client: Client, path: string, pending: number) => {
      await client.write(`GET ${path} HTTP/1.1\r\nHost: a\r\n\r\n`);
      await client.until(() => server.stats().inFlight === pending + 1 && server.stats().pending === pending);
    };
    await ask(busy!, '/busy', 0);
    await ask(first!, '/first', 1);
    await ask(second!, '/second', 2);
    await ask(stays!, '/stays', 3);
    first!.socket.resetAndDestroy();
    second!.socket.resetAndDestroy();
    expect((await stays!.answer())?.status).toBe(200);
    expect((await busy!.answer())?.status).toBe(200);
    await until(() => log.length >= 2);
    expect(log).toEqual(['/busy', '/stays']);
    await until(() => server.stats().inFlight === 0);
    for (const client of clients) client.close();
  });

  test('Retry-After is the time to empty the queue at the recent speed', async () => {
    const { port } = await serve(
      `const end = Date.now() + 60; while (Date.now() < end); startResponse(200, []); return '';`,
      1,
      { maxPending: 40, concurrency: 1 },
    );
    const end = performance.now() + 2000;
    const told: number[] = [];
    const ask = async () => {
      while (performance.now() < end) {
        const response = await fetch(`http://127.0.0.1:${port}/`);
        if (response.status !== 503) continue;
        told.push(Number(response.headers.get('retry-after')));
        await wait(100);
      }
    };
    await Promise.all(Array.from({ length: 50 }, ask));
    // 40 × 60 ms. On a busy machine they take longer.
    expect(told.at(-1)).toBeGreaterThanOrEqual(3);
    expect(told.at(-1)).toBeLessThan(15);
  });
});

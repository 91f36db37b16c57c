/**
 * What a worker's end costs: nothing but what it was running.
 */
import { setTimeout as wait } from 'node:timers/promises';
import { describe, expect, test } from 'vitest';
import { Client } from '../support/client.ts';
import { appFile, serve, serveFile } from '../support/server.ts';

const POINTS = new URL('../../dist/worker/points.js', import.meta.url).href;

async function until(done: () => boolean): Promise<void> {
  while (!done()) await wait(1);
}

describe('errors of the application', () => {
  test('before the head: 500, one log line with request and mapped stack, and the worker goes on', async () => {
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

  test('after the head: the connection is destroyed, so that the client sees the truncation', async () => {
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
  ])('%j is answered 500 and the rule is named', async (body, rule) => {
    const { port, log } = await serve(body);
    const client = await Client.connect(port);
    await client.write('GET / HTTP/1.1\r\nHost: a\r\n\r\n');
    expect((await client.answer())?.status).toBe(500);
    client.close();
    expect(log[0]).toMatch(rule);
  });

  test('fewer bytes than Content-Length: the connection is destroyed; more: the rest is cut', async () => {
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
  test('process.exit() in the application: its client gets 502 on a living connection, a replacement serves', async () => {
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
  });

  test.each([
    ['claimed', 200],
    ['taken', 200],
    ['copied', 200],
    ['application', 502],
    ['mid-record', 502],
    ['committed', 200],
  ])(
    'at the point "%s", many times: each request is answered once, with %d, and nothing leaks',
    async (point, status) => {
      // The application ends its own thread at the point, once for each request that asks for it.
      const app = appFile(`
      import { existsSync, writeFileSync } from 'node:fs';
      import { points } from ${JSON.stringify(POINTS)};
      const flag = new URL('./die', import.meta.url);
      import { rmSync } from 'node:fs';
      points.reached = (point) => {
        if (point !== ${JSON.stringify(point)} || !existsSync(flag)) return;
        rmSync(flag);
        process.exit(9);
      };
      export default (environ, startResponse) => { startResponse(200, []); return environ.PATH_INFO; };
    `);
      const { port, server } = await serveFile(app, point === 'claimed' ? 1 : 2);
      const { rmSync, writeFileSync } = await import('node:fs');
      const flag = new URL('./die', `file://${app}`);
      const before = server.stats();
      const rounds = Number(process.env.TSGI_KILL_ROUNDS ?? 25);
      const client = await Client.connect(port);
      for (let i = 0; i < rounds; i++) {
        const exited = new Promise((resolve) => server.once('workerExit', resolve));
        writeFileSync(flag, '');
        await client.write(`GET /${i} HTTP/1.1\r\nHost: a\r\n\r\n`);
        const answer = await client.answer();
        expect(answer).toMatchObject(status === 200 ? { status, body: `/${i}` } : { status });
        await exited;
        rmSync(flag, { force: true });
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

describe('shedding', () => {
  test('a request that no worker takes in time is 503 with Retry-After, and a full queue sheds at once', async () => {
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

  test('a request whose client has gone is dropped from the queue, and never run', async () => {
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

  test('Retry-After is as long as the queue takes at the speed of late', async () => {
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
    // 40 × 60 ms; on a busy machine they take longer.
    expect(told.at(-1)).toBeGreaterThanOrEqual(3);
    expect(told.at(-1)).toBeLessThan(15);
  });
});

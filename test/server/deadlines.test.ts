/**
 * The deadline of a handler: the client gets a response in time, the worker survives if its loop turns, and the log has
 * the details.
 */
import { setTimeout as wait } from 'node:timers/promises';
import { Worker } from 'node:worker_threads';
import type { WorkerExit } from 'tsgi-threads';
import { describe, expect, test } from 'vitest';
import { Client } from '../support/client.ts';
import { appFile, serve, serveFile, type TestServer } from '../support/server.ts';
import { until } from '../support/until.ts';

const app = () =>
  appFile(`
  import { execSync } from 'node:child_process';
  import { pbkdf2Sync } from 'node:crypto';
  import { threadId } from 'node:worker_threads';
  const sleep = (ms) => new Promise((resolve) => setTimeout(resolve, ms));
  function burn() { for (;;); }
  const paths = {
    '/loop'() { console.log('about to loop'); burn(); },
    '/regex'() { return String(/^(a+)+$/.test('a'.repeat(60) + 'b')); },
    '/native'() { execSync('sleep 1.5'); return 'late'; },
    '/hash'() { pbkdf2Sync('a', 'b', 3_000_000, 64, 'sha512'); return 'late'; },
    async '/then-loop'() { await sleep(20); burn(); },
    async '/await'() { await sleep(600); return 'late'; },
    async '/never'() { await new Promise(() => {}); },
    '/listens'(environ) { while (!environ['tsgi.signal'].aborted); return 'late'; },
    async '/reason'(environ) {
      const { signal } = { signal: environ['tsgi.signal'] };
      await new Promise((resolve) => signal.addEventListener('abort', resolve));
      console.error('reason ' + signal.reason.code);
    },
    '/extends'(environ) {
      const deadline = environ['tsgi_threads.worker'].extendDeadline(environ, 600);
      if (deadline !== environ['tsgi.deadline']) return 'two deadlines';
      const end = Date.now() + 400;
      while (Date.now() < end);
      return 'extended';
    },
  };
  export default async (environ, startResponse) => {
    const body = await paths[environ.PATH_INFO]?.(environ);
    startResponse(200, []);
    return body ?? String(threadId);
  };
`);

const LIMITS = { handlerTimeout: 200, killGrace: 100 };
const get = async ({ port }: TestServer, path = '/') => {
  const response = await fetch(`http://127.0.0.1:${port}${path}`);
  return `${response.status} ${await response.text()}`;
};

describe('at the deadline', () => {
  test.each(['/loop', '/regex', '/native', '/hash', '/then-loop'])(
    '%s: 504 within 50 ms on a kept connection, and another worker takes over',
    async (path) => {
      const { port, server, log } = await serveFile(app(), 1, LIMITS);
      const exited = new Promise<WorkerExit>((resolve) => server.once('workerExit', resolve));
      const client = await Client.connect(port);
      const before = performance.now();
      await client.write(`GET ${path} HTTP/1.1\r\nHost: a\r\n\r\n`);
      expect((await client.answer())?.status).toBe(504);
      const elapsed = performance.now() - before;
      expect(elapsed).toBeGreaterThanOrEqual(200);
      // One tick until the deadline is seen and one until the worker has ended. The rest is for a busy machine.
      expect(elapsed).toBeLessThan(350);
      await client.write('GET / HTTP/1.1\r\nHost: a\r\n\r\n');
      expect((await client.answer())?.status).toBe(200);
      client.close();
      expect(server.stats()).toMatchObject({ workers: 1 });
      expect(await exited).toMatchObject({ planned: true });
      expect(server.stats()).toMatchObject({ workers: 1, zombies: 0, inFlight: 0 });
      expect(log.at(-1)).toMatch(/^Worker 1 is replaced: its event loop no longer turns/);
    },
  );

  test('the log line names request, id, worker, times, the limit and the last output', async () => {
    const served = await serveFile(app(), 1, LIMITS);
    expect(await get(served, '/loop?a=1')).toMatch(/^504 /);
    await until(() => served.log.length >= 1);
    expect(served.log[0]).toMatch(
      /^Answered GET \/loop\?a=1 \(request \w+-\w+\) with 504: worker 1 had it for \d{3,} ms, after (?:less than 50|\d+) ms in the queue; handlerTimeout 200ms \(--handler-timeout\); its event loop has not turned since\n/,
    );
    expect(served.log[0]).toMatch(/\n {2}its last output was\n {4}\| about to loop$/);
    const burns = / {2}it burns CPU in or below \S+ \(.*app\.mjs:\d+\) \d+ %/;
    if ('startCpuProfile' in Worker.prototype) expect(served.log[0]).toMatch(burns);
  });

  test.runIf('startCpuProfile' in Worker.prototype)(
    'the log names the function that uses the time, and not its caller',
    async () => {
      const served = await serve(
        `if (environ.PATH_INFO === '/loop') for (;;); startResponse(200, []);`,
        1,
        LIMITS,
      );
      expect(await get(served, '/loop')).toMatch(/^504 /);
      await until(() => served.log.length >= 1);
      expect(served.log[0]).toMatch(/\n {2}it burns CPU in or below the handler itself \d+ %/);
    },
  );

  test('a worker whose loop turns is kept, and its other exchanges continue', async () => {
    const served = await serveFile(app(), 1, LIMITS);
    const thread = await get(served);
    const others = get(served, '/extends');
    expect(await get(served, '/await')).toMatch(/^504 /);
    expect(await others).toBe('200 extended');
    // A kill would follow the 504 within the grace; the handler itself ends later.
    await wait(500);
    expect(await get(served)).toBe(thread);
    expect(served.log[0]).toMatch(/^Answered GET \/await \S+ \S+ with 504: /);
    expect(served.log).toHaveLength(1);
    expect(served.server.stats()).toMatchObject({ inFlight: 0, connections: expect.any(Number) });
  });

  test('synchronous code can check the signal, and has the grace period to end', async () => {
    const served = await serveFile(app(), 1, { handlerTimeout: 200, killGrace: 2000 });
    const thread = await get(served);
    expect(await get(served, '/listens')).toMatch(/^504 /);
    expect(await get(served)).toBe(thread);
  });

  test('the signal gives the reason', async () => {
    const served = await serveFile(app(), 1, LIMITS);
    expect(await get(served, '/reason')).toMatch(/^504 /);
    // The handler continues after the turn in which the signal fires.
    expect(await get(served)).toMatch(/^200 /);
    expect(await get(served, '/loop')).toMatch(/^504 /);
    await until(() => served.log.length >= 2);
    expect(served.log[1]).toContain('| reason TSGI_ERR_DEADLINE');
  });

  test('a handler may extend its deadline, also without a turn of the loop', async () => {
    const served = await serveFile(app(), 1, LIMITS);
    expect(await get(served, '/extends')).toBe('200 extended');
    expect(served.log).toEqual([]);
  });

  test('a worker with too many endless handlers is recycled', async () => {
    const served = await serveFile(app(), 1, { handlerTimeout: 60, concurrency: 4 });
    const thread = await get(served);
    const exited = new Promise<WorkerExit>((resolve) => served.server.once('workerExit', resolve));
    for (let i = 0; i < 5; i++) expect(await get(served, '/never')).toMatch(/^504 /);
    expect(await exited).toMatchObject({ planned: true });
    expect(await get(served)).not.toBe(thread);
    expect(served.log.at(-1)).toBe('Worker 1 is recycled: 5 handlers go on beyond their deadline');
  });

  test('endless handlers do not delay a close', async () => {
    const served = await serveFile(app(), 1, LIMITS);
    expect(await get(served, '/never')).toMatch(/^504 /);
    const before = performance.now();
    await served.server.close();
    expect(performance.now() - before).toBeLessThan(5000);
  });
});

describe('a loop that does not turn while no client waits for a head', () => {
  const streaming = () =>
    appFile(`
    import { threadId } from 'node:worker_threads';
    export default async (environ, startResponse) => {
      if (environ.PATH_INFO === '/leave') for (;;);
      startResponse(200, []);
      if (environ.PATH_INFO !== '/stream') return String(threadId);
      return (async function* () {
        yield 'first';
        await new Promise((resolve) => setTimeout(resolve, 50));
        for (;;);
      })();
    };
  `);

  test('in the middle of a stream truncates the response visibly, and the worker is replaced', async () => {
    const served = await serveFile(streaming(), 1, LIMITS);
    const thread = await get(served);
    await expect(get(served, '/stream')).rejects.toThrow('terminated');
    expect(await get(served)).not.toBe(thread);
    expect(served.log.join()).toContain('Worker 1 is replaced');
  });

  test('after its client has left: the worker is replaced', async () => {
    const served = await serveFile(streaming(), 1, LIMITS);
    const client = await Client.connect(served.port);
    await client.write('GET /leave HTTP/1.1\r\nHost: a\r\n\r\n');
    await client.until(() => served.server.stats().inFlight === 1 && served.server.stats().pending === 0);
    client.socket.resetAndDestroy();
    expect(await get(served)).toMatch(/^200 /);
    await until(() => served.server.stats().inFlight === 0);
  });
});

describe('requests of an application to its worker', () => {
  test('recycle replaces the worker when the replacement is ready, with the reason in the log', async () => {
    const served = await serveFile(
      appFile(`
        import { threadId } from 'node:worker_threads';
        let worker;
        export const init = (handle) => { worker = handle; };
        export default (environ, startResponse) => {
          startResponse(200, []);
          if (worker !== environ['tsgi_threads.worker']) return 'two handles';
          if (environ.PATH_INFO === '/recycle') worker.recycle('its cache is old');
          return threadId + ' ' + worker.index + ' ' + worker.threads;
        };
      `),
      1,
    );
    const first = await get(served, '/recycle');
    expect(first).toMatch(/^200 \d+ 0 1$/);
    await new Promise((resolve) => served.server.once('workerExit', resolve));
    expect(await get(served)).not.toBe(first);
    expect(served.log).toEqual(['Worker 1 is recycled: its cache is old']);
  });

  test.each([
    ['a fraction', '1.5', 'Cannot extend the deadline by 1.5: pass a whole number of milliseconds'],
    ['a negative number', '-1', 'by -1: pass a whole number'],
    ['a text', "'1s'", 'by 1s: pass a whole number'],
  ])('extendDeadline with %s is an error', async (_, value, message) => {
    const served = await serveFile(
      appFile(`
        export default (environ, startResponse) => {
          startResponse(200, []);
          try { environ['tsgi_threads.worker'].extendDeadline(environ, ${value}); } catch (error) { return error.code + error.message; }
        };
      `),
    );
    const answer = await get(served);
    expect(answer).toContain('TSGI_ERR_OPTION');
    expect(answer).toContain(message);
  });

  test('extendDeadline after the end causes an error, which also names missing deadlines', async () => {
    const source = appFile(`
      let last;
      export default (environ, startResponse) => {
        startResponse(200, []);
        const { extendDeadline } = environ['tsgi_threads.worker'];
        try { return String(extendDeadline(last ?? environ, 10)); }
        catch (error) { return error.message; }
        finally { last = environ; }
      };
    `);
    const served = await serveFile(source);
    expect(await get(served)).toMatch(/^200 \d{13}$/);
    expect(await get(served)).toBe('200 Cannot extend the deadline: the request is over');
    expect(await get(await serveFile(source, 1, { handlerTimeout: 0 }))).toBe('200 undefined');
  });
});

test('a program that blocks the thread shared with the acceptor does not shorten the time of a handler', async () => {
  const served = await serveFile(
    appFile(`
      export default async (environ, startResponse) => {
        await new Promise((resolve) => setTimeout(resolve, Number(environ.QUERY_STRING)));
        startResponse(200, []);
        return 'in time';
      };
    `),
    1,
    { handlerTimeout: 400, killGrace: 100 },
  );
  const url = `http://127.0.0.1:${served.port}/`;
  const quick = fetch(`${url}?150`);
  const slower = fetch(`${url}?900`);
  await until(() => served.server.stats().inFlight >= 2 && served.server.stats().pending === 0);
  await wait(50);
  const end = performance.now() + 700;
  while (performance.now() < end);
  expect(await (await quick).text()).toBe('in time');
  expect((await slower).status).toBe(200);
  expect(served.log).toEqual([]);
});

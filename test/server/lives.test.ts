/**
 * The lives of workers: recycling, reloads and ends that no request notices, and the hooks that they call.
 */
import { existsSync, readFileSync, writeFileSync } from 'node:fs';
import { createServer, type WorkerExit } from 'tsgi-threads';
import { describe, expect, test } from 'vitest';
import { Client } from '../support/client.ts';
import { appFile, serve, serveFile } from '../support/server.ts';
import { until } from '../support/until.ts';

const answering = (text: string) => `
  import { threadId } from 'node:worker_threads';
  export default (environ, startResponse) => {
    startResponse(200, []);
    return '${text} ' + threadId;
  };
`;

/** Sends requests on eight connections until it is stopped. Returns the responses and the failures. */
function load(port: number): { stop(): Promise<string[]>; readonly answers: string[] } {
  const answers: string[] = [];
  let stopped = false;
  const one = async () => {
    while (!stopped) {
      const response = await fetch(`http://127.0.0.1:${port}/`);
      answers.push(`${response.status} ${await response.text()}`);
    }
  };
  const all = Array.from({ length: 8 }, one);
  return {
    answers,
    async stop() {
      stopped = true;
      await Promise.all(all);
      return answers;
    },
  };
}

describe('recycle', () => {
  test('maxRequests: workers are replaced one after the other, and no request is lost', async () => {
    const app = appFile(answering('ok'));
    const { port, server } = await serveFile(app, 2, { maxRequests: 50 });
    const exits: WorkerExit[] = [];
    server.on('workerExit', (exit) => exits.push(exit));
    const { stop } = load(port);
    await until(() => exits.length >= 6);
    const answers = await stop();
    expect(answers.filter((answer) => !answer.startsWith('200 ok '))).toEqual([]);
    expect(exits.every((exit) => exit.planned)).toBe(true);
    expect(new Set(answers).size).toBeGreaterThanOrEqual(6);
    // A thread serves one incarnation of a worker, never two.
    expect(new Set(exits.map((exit) => exit.threadId)).size).toBe(exits.length);
    expect(server.stats().inFlight).toBe(0);
  });

  test('maxLifetime: a worker is replaced at the end of its time', async () => {
    const { port, server, log } = await serveFile(appFile(answering('ok')), 1, { maxLifetime: 200 });
    const first = await (await fetch(`http://127.0.0.1:${port}/`)).text();
    await new Promise((resolve) => server.once('workerExit', resolve));
    expect(await (await fetch(`http://127.0.0.1:${port}/`)).text()).not.toBe(first);
    expect(log.join()).toContain('is recycled: maxLifetime is over');
  });

  test('maxWorkerMemory: a worker above the limit is replaced', async () => {
    const app = appFile(`
      const kept = [];
      export default (environ, startResponse) => {
        kept.push(Buffer.alloc(4 * 1024 * 1024, 1));
        startResponse(200, []);
        return String(kept.length);
      };
    `);
    const { port, server, log } = await serveFile(app, 1, { maxWorkerMemory: '100MiB' });
    const exited = new Promise((resolve) => server.once('workerExit', resolve));
    const get = async () => Number(await (await fetch(`http://127.0.0.1:${port}/`)).text());
    let most = 0;
    for (let count = await get(); count !== 1 || most === 0; count = await get()) {
      expect(count).toBe(most + 1);
      most = count;
    }
    // 24 of its buffers and its heap together are 100 MB.
    expect(most).toBeGreaterThanOrEqual(20);
    await exited;
    expect(log[0]).toMatch(/^Worker 1 is recycled: its \d+ MB are above maxWorkerMemory$/);
  });

  test('a replacement that does not start leaves the old worker serving, and the next try is delayed', async () => {
    const mark = `${appFile('')}.stop`;
    const app = appFile(`
      import { existsSync } from 'node:fs';
      if (existsSync(${JSON.stringify(mark)})) throw new Error('no database');
      export default (environ, startResponse) => { startResponse(200, []); return 'ok'; };
    `);
    const { port, log } = await serveFile(app, 1, { maxRequests: 3 });
    writeFileSync(mark, '');
    const get = async () => (await fetch(`http://127.0.0.1:${port}/`)).status;
    while (log.length === 0) expect(await get()).toBe(200);
    for (let i = 0; i < 50; i++) expect(await get()).toBe(200);
    expect(log).toEqual([
      expect.stringMatching(
        /^Worker 1 is not recycled, because its replacement did not start: .*no database/,
      ),
    ]);
  });
});

describe('reload', () => {
  test('the new code serves, and no request or connection is lost', async () => {
    const app = appFile(answering('old'));
    const { port, server } = await serveFile(app, 2);
    const { stop, answers } = load(port);
    await until(() => answers.length >= 50);
    writeFileSync(app, answering('new'));
    await server.reload();
    const from = answers.length;
    await until(() => answers.length >= from + 50);
    await stop();
    expect(answers.filter((answer) => !/^200 (?:old|new) /.test(answer))).toEqual([]);
    expect(answers[0]).toContain('old');
    expect(answers.at(-1)).toContain('new');
    await until(() => server.stats().zombies === 0 && server.stats().workers === 2);
  });

  test.each<[string, string, RegExp]>([
    ['that does not compile', 'export default (', /Cannot compile the application/],
    ['that throws while it loads', "throw new Error('no database');", /no database/],
    ['that exports nothing', 'export const a = 1;', /needs an application/],
    [
      'whose init hangs',
      "export const init = () => new Promise((resolve) => setTimeout(resolve, 60_000)); export default (environ, startResponse) => '';",
      /did not load within 2 s\. Raise --boot-timeout/,
    ],
    [
      'whose init fails',
      "export const init = () => { throw new Error('not ready'); }; export default (environ, startResponse) => '';",
      /not ready/,
    ],
  ])('code %s is rejected, and the old code continues', async (_, source, message) => {
    const app = appFile(answering('old'));
    const { port, server } = await serveFile(app, 2, { bootTimeout: '2s' });
    writeFileSync(app, source);
    await expect(server.reload()).rejects.toThrow(message);
    for (let i = 0; i < 4; i++) {
      expect(await (await fetch(`http://127.0.0.1:${port}/`)).text()).toContain('old');
    }
    expect(server.stats().workers).toBe(2);
    writeFileSync(app, answering('mended'));
    await server.reload();
    expect(await (await fetch(`http://127.0.0.1:${port}/`)).text()).toContain('mended');
  });

  test('workers that die during a reload leave the right number of workers, and no old code', async () => {
    const source = (text: string) => `
      import { threadId } from 'node:worker_threads';
      export default async (environ, startResponse) => {
        if (environ.PATH_INFO === '/exit') process.exit(9);
        startResponse(200, []);
        return '${text} ' + threadId;
      };
    `;
    const app = appFile(source('old'));
    const { port, server } = await serveFile(app, 2);
    const url = `http://127.0.0.1:${port}`;
    for (let round = 1; round <= 5; round++) {
      writeFileSync(app, source(`new${round}`));
      const reloaded = server.reload();
      const killed = Array.from({ length: round }, async () => {
        expect((await fetch(`${url}/exit`)).status).toBe(502);
      });
      await Promise.all([reloaded, ...killed]);
      await until(() => server.stats().workers >= 2);
      const answers = await Promise.all(Array.from({ length: 20 }, async () => (await fetch(url)).text()));
      expect(answers.filter((answer) => !answer.startsWith(`new${round} `))).toEqual([]);
    }
    const threads = new Set<string>();
    for (let i = 0; i < 100; i++) threads.add(await (await fetch(url)).text());
    expect(threads.size).toBeLessThanOrEqual(2);
    expect(server.stats()).toMatchObject({ workers: 2, zombies: 0, inFlight: 0 });
  });

  test('a reload during another follows it, and waiting reloads are combined', async () => {
    const loads = `${appFile('')}.loads`;
    const source = (text: string) => `
      import { appendFileSync } from 'node:fs';
      appendFileSync(${JSON.stringify(loads)}, '${text} ');
      ${answering(text)}
    `;
    const app = appFile(source('first'));
    const { port, server } = await serveFile(app, 1);
    writeFileSync(app, source('second'));
    const second = server.reload();
    // The file has been compiled when its worker loads it.
    await until(() => readFileSync(loads, 'utf8').includes('second'));
    writeFileSync(app, source('third'));
    await Promise.all([second, server.reload(), server.reload(), server.reload()]);
    expect(await (await fetch(`http://127.0.0.1:${port}/`)).text()).toContain('third');
    expect(readFileSync(loads, 'utf8')).toBe('first second third ');
    expect(server.stats()).toMatchObject({ workers: 1, inFlight: 0 });
  });

  test('a reload during the start follows the start', async () => {
    const loads = `${appFile('')}.loads`;
    const app = appFile(`
      import { writeFileSync } from 'node:fs';
      writeFileSync(${JSON.stringify(loads)}, '');
      ${answering('old')}
    `);
    const server = createServer(1, { app });
    const started = server.listen({ port: 0 });
    const reloaded = server.reload();
    // The file has been compiled when its worker loads it.
    await until(() => existsSync(loads));
    writeFileSync(app, answering('new'));
    await Promise.all([started, reloaded]);
    expect(await (await fetch(server.url)).text()).toContain('new');
    await server.close();
  });

  test('a close during a reload ends the server, and the reload rejects with the reason', async () => {
    const { server } = await serveFile(appFile(answering('ok')), 2);
    const reloads = Array.from({ length: 3 }, () => server.reload());
    const closed = server.close();
    const results = await Promise.allSettled(reloads);
    await closed;
    expect(server.stats().workers).toBe(0);
    for (const result of results)
      if (result.status === 'rejected') expect(String(result.reason)).toContain('the server is closing');
  });

  test('a thread that is in a native call at its end is counted, and too many are reported', async () => {
    const app = appFile(`
      import { execFileSync } from 'node:child_process';
      export default (environ, startResponse) => {
        startResponse(200, []);
        return (async function* () {
          yield 'head';
          await new Promise((resolve) => setTimeout(resolve, 10));
          execFileSync('sleep', ['3']);
        })();
      };
    `);
    const { port, server } = await serveFile(app, 1, { shutdownTimeout: 200, maxZombies: 0 });
    const fatal = new Promise<Error>((resolve) => server.once('error', resolve));
    const client = await Client.connect(port);
    await client.write('GET / HTTP/1.1\r\nHost: a\r\n\r\n');
    await client.until(() => client.received.length > 0);
    await server.reload();
    expect(await fatal).toMatchObject({ code: 'TSGI_ERR_ZOMBIES' });
    expect(server.stats()).toMatchObject({ workers: 1, zombies: 1 });
    client.close();
  });

  test('a reload with threads 0, and after close, rejects with the reason', async () => {
    const inThread = await serve(`startResponse(200, []); return '';`, 0);
    await expect(inThread.server.reload()).rejects.toThrow('Cannot reload: with threads 0');
    const { server } = await serve(`startResponse(200, []); return '';`);
    await server.close();
    await expect(server.reload()).rejects.toThrow('Cannot reload: the server does not serve');
  });
});

describe('hooks', () => {
  const hooked = `
    let ready = 'no';
    export const init = async ({ index, threads }) => {
      await new Promise((resolve) => setTimeout(resolve, 50));
      ready = index + ' of ' + threads;
    };
    export const shutdown = (reason) => { errors.write('bye ' + reason + '\\n'); errors.flush(); };
    let errors;
    export default (environ, startResponse) => {
      errors = environ['tsgi.errors'];
      startResponse(200, []);
      return ready;
    };
  `;

  test('init is awaited before the first request, and shutdown is called after the last, with the reason', async () => {
    const { port, server, log } = await serveFile(appFile(hooked), 1);
    expect(await (await fetch(`http://127.0.0.1:${port}/`)).text()).toBe('0 of 1');
    await server.reload();
    await until(() => log.includes('bye reload'));
    expect(await (await fetch(`http://127.0.0.1:${port}/`)).text()).toBe('0 of 1');
    await server.close();
    expect(log.at(-1)).toBe('bye close');
  });

  test('an init that throws fails the start', async () => {
    const app = appFile(
      "export const init = () => { throw new Error('no licence'); }; export default (environ, startResponse) => '';",
    );
    await expect(serveFile(app)).rejects.toThrow('no licence');
  });

  test('a shutdown that throws is logged, and one that hangs is cut at the shutdown timeout', async () => {
    const throws = appFile(`
      export const shutdown = () => { throw new Error('left open'); };
      export default (environ, startResponse) => '';
    `);
    const first = await serveFile(throws);
    await first.server.close();
    expect(first.log.join()).toContain('The hook shutdown failed: Error: left open');
    const hangs = appFile(`
      export const shutdown = () => new Promise(() => {});
      export default (environ, startResponse) => '';
    `);
    const second = await serveFile(hangs, 1, { shutdownTimeout: 200 });
    const started = performance.now();
    await second.server.close();
    expect(performance.now() - started).toBeLessThan(5000);
  });
});

/**
 * How a server ends, and what it answers while it has nobody to answer.
 */
import { rmSync, writeFileSync } from 'node:fs';
import { setTimeout as wait } from 'node:timers/promises';
import { describe, expect, test } from 'vitest';
import { Client } from '../support/client.ts';
import { appFile, serve, serveFile } from '../support/server.ts';

const REQUEST = 'GET / HTTP/1.1\r\nHost: a\r\n\r\n';

describe('close', () => {
  test('answers what is in flight and queued, says so, and refuses what comes later', async () => {
    const { port, server } = await serve(
      `await new Promise((resolve) => setTimeout(resolve, 100)); startResponse(200, []); return 'done';`,
      1,
      { concurrency: 1 },
    );
    const clients = await Promise.all(Array.from({ length: 3 }, () => Client.connect(port)));
    for (const client of clients) await client.write(REQUEST);
    while (server.stats().inFlight < 3) await wait(1);
    const closed = server.close();
    for (const client of clients) {
      expect(await client.answer()).toMatchObject({
        status: 200,
        headers: { connection: 'close' },
        body: 'done',
      });
    }
    await closed;
    await expect(Client.connect(port)).rejects.toThrow('ECONNREFUSED');
  });

  test('a connection that was accepted and has not asked yet is answered, an idle one ends at once', async () => {
    const { port, server } = await serve(`startResponse(200, []); return 'served';`);
    const idle = await Client.connect(port);
    await idle.write(REQUEST);
    expect((await idle.answer())?.body).toBe('served');
    const fresh = await Client.connect(port);
    const silent = await Client.connect(port);
    while (server.stats().connections < 3) await wait(1);
    const closed = server.close();
    await idle.until(() => false);
    expect(idle.ended).toBe(true);
    await fresh.write(REQUEST);
    expect(await fresh.answer()).toMatchObject({ body: 'served', headers: { connection: 'close' } });
    await silent.until(() => false);
    silent.close();
    await closed;
  });

  test('shutdownDelay: accepts a while longer, and says that the connection closes', async () => {
    const { port, server } = await serve(`startResponse(200, []); return 'late';`, 1, { shutdownDelay: 300 });
    const before = performance.now();
    const closed = server.close();
    const client = await Client.connect(port);
    await client.write(REQUEST);
    expect(await client.answer()).toMatchObject({ status: 200, headers: { connection: 'close' } });
    await closed;
    expect(performance.now() - before).toBeGreaterThanOrEqual(295);
  });

  test('shutdownTimeout cuts what goes on, the delay included', async () => {
    const { port, server } = await serve(`await new Promise(() => {});`, 1, {
      shutdownDelay: '1h',
      shutdownTimeout: 300,
    });
    const client = await Client.connect(port);
    await client.write(REQUEST);
    while (server.stats().inFlight < 1) await wait(1);
    const before = performance.now();
    await server.close();
    expect(performance.now() - before).toBeLessThan(3000);
    expect(await client.answer()).toBeUndefined();
  });

  test('a thread that cannot be ended does not hold it up', async () => {
    const mark = `${appFile('')}.over`;
    const app = appFile(`
      import { execFileSync } from 'node:child_process';
      export default (environ, startResponse) => {
        execFileSync('sh', ['-c', 'while [ ! -e ${mark} ]; do sleep 0.05; done']);
      };
    `);
    const { port, server } = await serveFile(app, 1, { handlerTimeout: 100, killGrace: 50 });
    const client = await Client.connect(port);
    await client.write(REQUEST);
    expect((await client.answer())?.status).toBe(504);
    client.close();
    const before = performance.now();
    await server.close();
    expect(performance.now() - before).toBeLessThan(5000);
    expect(server.stats().zombies).toBe(1);
    const exited = new Promise((resolve) => server.once('workerExit', resolve));
    writeFileSync(mark, '');
    await exited;
    rmSync(mark);
  });
});

describe('when no worker can be had', () => {
  test('a crash loop answers 503 with Retry-After at once, and serves again when it is over', async () => {
    const mark = `${appFile('')}.broken`;
    const app = appFile(`
      import { existsSync } from 'node:fs';
      if (existsSync(${JSON.stringify(mark)})) process.exit(7);
      export default (environ, startResponse) => {
        if (environ.PATH_INFO === '/exit') process.exit(7);
        startResponse(200, []);
        return 'ok';
      };
    `);
    const { port, server, log } = await serveFile(app, 1);
    const url = `http://127.0.0.1:${port}`;
    writeFileSync(mark, '');
    expect((await fetch(`${url}/exit`)).status).toBe(502);
    // The first that waits is told as soon as a second start has failed.
    const refused = await fetch(url);
    expect(refused.status).toBe(503);
    expect(refused.headers.get('retry-after')).toBe('1');
    const before = performance.now();
    expect((await fetch(url)).status).toBe(503);
    expect(performance.now() - before).toBeLessThan(100);
    rmSync(mark);
    while (server.stats().workers === 0) await wait(1);
    expect(await (await fetch(url)).text()).toBe('ok');
    expect(log.join('\n')).toMatch(/A replacement worker did not start/);
  });
});

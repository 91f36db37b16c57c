/**
 * The end of a server, and its responses while no worker can serve.
 */
import { once } from 'node:events';
import { existsSync, rmSync, writeFileSync } from 'node:fs';
import net from 'node:net';
import { createServer } from 'tsgi-threads';
import { describe, expect, test } from 'vitest';
import { Client } from '../support/client.ts';
import { appFile, serve, serveFile } from '../support/server.ts';
import { until } from '../support/until.ts';

const REQUEST = 'GET / HTTP/1.1\r\nHost: a\r\n\r\n';

describe('close', () => {
  test('answers requests in flight and in the queue, announces the close, and refuses later connections', async () => {
    const { port, server } = await serve(
      `await new Promise((resolve) => setTimeout(resolve, 100)); startResponse(200, []); return 'done';`,
      1,
      { concurrency: 1 },
    );
    const clients = await Promise.all(Array.from({ length: 3 }, () => Client.connect(port)));
    for (const client of clients) await client.write(REQUEST);
    await until(() => server.stats().inFlight >= 3);
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

  test('an accepted connection without a request yet is answered, an idle one ends at once', async () => {
    const { port, server } = await serve(`startResponse(200, []); return 'served';`);
    const idle = await Client.connect(port);
    await idle.write(REQUEST);
    expect((await idle.answer())?.body).toBe('served');
    const fresh = await Client.connect(port);
    const silent = await Client.connect(port);
    await until(() => server.stats().connections >= 3);
    const closed = server.close();
    await idle.until(() => false);
    expect(idle.ended).toBe(true);
    await fresh.write(REQUEST);
    expect(await fresh.answer()).toMatchObject({ body: 'served', headers: { connection: 'close' } });
    await silent.until(() => false);
    silent.close();
    await closed;
  });

  test('shutdownDelay accepts for a while longer, and announces that the connection closes', async () => {
    const { port, server } = await serve(`startResponse(200, []); return 'late';`, 1, { shutdownDelay: 300 });
    const before = performance.now();
    const closed = server.close();
    const client = await Client.connect(port);
    await client.write(REQUEST);
    expect(await client.answer()).toMatchObject({ status: 200, headers: { connection: 'close' } });
    await closed;
    expect(performance.now() - before).toBeGreaterThanOrEqual(295);
  });

  test('shutdownTimeout cuts the remaining requests, the delay included', async () => {
    const { port, server } = await serve(`await new Promise(() => {});`, 1, {
      shutdownDelay: '1h',
      shutdownTimeout: 300,
    });
    const client = await Client.connect(port);
    await client.write(REQUEST);
    await until(() => server.stats().inFlight >= 1);
    const before = performance.now();
    await server.close();
    expect(performance.now() - before).toBeLessThan(3000);
    expect(await client.answer()).toBeUndefined();
  });

  test('a thread that cannot be ended does not delay the close', async () => {
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

describe('a close during the start', () => {
  test.each(['it compiles', 'its application loads'])(
    'while %s rejects the start with the reason and leaves nothing behind',
    async (when) => {
      const mark = `${appFile('')}.loads`;
      const app = appFile(`
      import { writeFileSync } from 'node:fs';
      writeFileSync(${JSON.stringify(mark)}, '');
      await new Promise((resolve) => setTimeout(resolve, 300));
      export default (environ, startResponse) => '';
    `);
      const taken = net.createServer().listen(0, '127.0.0.1');
      await once(taken, 'listening');
      const { port } = taken.address() as net.AddressInfo;
      taken.close();
      const server = createServer(2, { app });
      const started = server.listen({ port }).then(
        () => 'it listens',
        (error) => `${error.code}: ${error.message}`,
      );
      if (when !== 'it compiles') await until(() => existsSync(mark));
      await server.close();
      expect(await started).toBe('TSGI_ERR_STATE: Cannot listen: the server was closed while it started');
      await expect(Client.connect(port)).rejects.toThrow('ECONNREFUSED');
    },
  );
});

describe('a server without a worker', () => {
  test.each([
    ['exits', 'process.exit(7);'],
    ['has an error that nobody catches', "throw new Error('its own');"],
  ])(
    'a worker that %s before it has worked is replaced ever later, and 503 is answered meanwhile',
    async (_, end) => {
      const { port, server } = await serveFile(
        appFile(
          `export const init = () => void setTimeout(() => { ${end} }, 10); export default (environ, startResponse) => '';`,
        ),
        1,
      );
      const exits: number[] = [];
      server.on('workerExit', () => exits.push(performance.now()));
      await until(() => exits.length >= 5);
      for (let i = 0; i < 4; i++) expect(exits[i + 1]! - exits[i]!).toBeGreaterThanOrEqual(99 * 2 ** i);
      const refused = await fetch(`http://127.0.0.1:${port}/`);
      expect([refused.status, refused.headers.get('retry-after')]).toEqual([503, '2']);
    },
  );

  test('a crash loop causes 503 with Retry-After at once, and the server recovers afterwards', async () => {
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
    // The first waiting request gets its response as soon as a second start has failed.
    const refused = await fetch(url);
    expect(refused.status).toBe(503);
    expect(refused.headers.get('retry-after')).toBe('1');
    const before = performance.now();
    expect((await fetch(url)).status).toBe(503);
    expect(performance.now() - before).toBeLessThan(100);
    rmSync(mark);
    await until(() => server.stats().workers !== 0);
    expect(await (await fetch(url)).text()).toBe('ok');
    expect(log.join('\n')).toMatch(/A replacement worker did not start/);
  });
});

test('a client that still sends the body of an answered request does not delay the close', async () => {
  const { port, server } = await serve(`startResponse(200, []); return 'early';`);
  const client = await Client.connect(port);
  await client.write('POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 70000\r\n\r\n' + 'b'.repeat(40_000));
  expect((await client.answer())?.body).toBe('early');
  const start = performance.now();
  const closed = server.close();
  await client.write('b'.repeat(30_000));
  expect(await client.rest()).toBe('');
  client.close();
  await closed;
  expect(performance.now() - start).toBeLessThan(5000);
});

/**
 * The limit of connections: idle connections that are closed for new ones, refused connections with a 503, and
 * descriptors.
 */
import { setTimeout as wait } from 'node:timers/promises';
import { describe, expect, test } from 'vitest';
import { Cli } from '../support/cli.ts';
import { Client } from '../support/client.ts';
import { appFile, serve } from '../support/server.ts';
import { until } from '../support/until.ts';

const GET = 'GET / HTTP/1.1\r\nHost: a\r\n\r\n';
const HELLO = `startResponse(200, []); return 'hello';`;
const WAITS = `
  if (environ.PATH_INFO === '/wait')
    await new Promise((resolve) => environ['tsgi.signal'].addEventListener('abort', resolve));
  ${HELLO}
`;

async function connected(port: number, count: number, request = GET): Promise<Client[]> {
  const clients = [];
  for (let i = 0; i < count; i++) {
    const client = await Client.connect(port);
    await client.write(request);
    if (request === GET) expect((await client.answer())?.body).toBe('hello');
    clients.push(client);
  }
  return clients;
}

/** Leaves with a reset: a server that answers half-closed clients would take a FIN only for a half-close. */
const closeAll = (clients: readonly Client[]) => clients.forEach(({ socket }) => socket.resetAndDestroy());

describe('maxConnections', () => {
  test('a connection above the limit gets 503 and is closed, and later connections succeed', async () => {
    const { port, server } = await serve(WAITS, 1, { maxConnections: 2 });
    const busy = await connected(port, 2, GET.replace('/', '/wait'));
    await until(() => server.stats().inFlight === 2);
    const third = await Client.connect(port);
    expect(await third.rest()).toMatch(/^HTTP\/1\.1 503 Service Unavailable\r\n/);
    third.close();
    closeAll([busy[0]!]);
    await until(() => server.stats().connections === 1);
    closeAll([...(await connected(port, 1)), ...busy]);
  });

  test.each([1, 0])(
    'idle connections are closed for new ones, the longest idle first, with %i threads (A10)',
    async (threads) => {
      const { port, server } = await serve(HELLO, threads, { maxConnections: 10 });
      const idle = await connected(port, 9);
      // The first client sends another request, so that the second has been idle longest. Below the limit, only
      // connections that were idle for 100 ms are closed.
      await wait(150);
      await idle[0]!.write(GET);
      expect((await idle[0]!.answer())?.body).toBe('hello');
      const more = await connected(port, 4);
      await idle[4]!.until(() => false);
      expect(idle.map(({ ended }) => ended)).toEqual([
        false,
        ...[true, true, true, true],
        ...[false, false, false, false],
      ]);
      expect(server.stats()).toMatchObject({ connections: 9, refused: 0 });
      closeAll([...idle, ...more]);
    },
  );

  test('connections without a request are also closed for new ones (A10)', async () => {
    const { port, server } = await serve(HELLO, 1, { maxConnections: 10 });
    const silent = await connected(port, 10, '');
    // A connection accepted just now may have its request on the way. The acceptor's clock ticks every 20 ms.
    await wait(150);
    closeAll([...(await connected(port, 20)), ...silent]);
    expect(server.stats().refused).toBe(0);
  });

  test('a connection that waits for its response, sends its request or reads its response is kept (A10)', async () => {
    const { port, server } = await serve(
      `
      if (environ.PATH_INFO === '/long') { startResponse(200, []); return 'x'.repeat(10_000_000); }
      ${WAITS}
    `,
      1,
      { maxConnections: 4 },
    );
    const [waits] = await connected(port, 1, GET.replace('/', '/wait'));
    const [sends] = await connected(port, 1, 'GET / HTTP/1.1\r\nHo');
    const [reads] = await connected(port, 1, '');
    reads!.socket.pause();
    await reads!.write(GET.replace('/', '/long'));
    await until(() => server.stats().inFlight === 2);
    // One more connection fits beside them, and each new one replaces the one before.
    const last = (await connected(port, 5)).at(-1)!;
    await sends!.write('st: a\r\n\r\n');
    expect((await sends!.answer())?.body).toBe('hello');
    reads!.socket.resume();
    expect((await reads!.answer())?.body.length).toBe(10_000_000);
    expect([waits!.ended, last.ended]).toEqual([false, false]);
    closeAll([waits!, sends!, reads!, last]);
  });

  test('a 503 above maxConnections reaches a client that still sends (A23)', async () => {
    const { port, server } = await serve(WAITS, 1, { maxConnections: 1 });
    const busy = await connected(port, 1, GET.replace('/', '/wait'));
    await until(() => server.stats().inFlight === 1);
    for (let i = 0; i < 20; i++) {
      const client = await Client.connect(port);
      const head = 'POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 1000000\r\n\r\n';
      for (const piece of [head, ...Array.from({ length: 20 }, () => 'x'.repeat(50_000))]) {
        await client.write(piece);
        await new Promise((resolve) => setImmediate(resolve));
      }
      expect(await client.rest()).toMatch(/^HTTP\/1\.1 503 Service Unavailable\r\n/);
      expect(client.error).toBeUndefined();
      client.close();
    }
    closeAll(busy);
  });

  test('refused clients that linger are bounded in number, and do not count (A23)', async () => {
    const { port, server } = await serve(WAITS, 1, { maxConnections: 1 });
    const busy = await connected(port, 1, GET.replace('/', '/wait'));
    await until(() => server.stats().inFlight === 1);
    const refused = await connected(port, 100, '');
    await Promise.all(refused.map((client) => client.rest()));
    expect(refused.every(({ received }) => received.includes('HTTP/1.1 503'))).toBe(true);
    // Each keeps its side open. All except the last 32 are cut, so that their bytes cause a reset.
    const isCut = async (client: Client) => {
      for (let i = 0; i < 3; i++) await client.write('x').then(() => wait(5));
      return client.error !== undefined;
    };
    const cut = await Promise.all(refused.map(isCut));
    expect(cut.filter(Boolean).length).toBe(68);
    expect(server.stats().connections).toBe(1);
    closeAll([...refused, ...busy]);
  });
});

/** The command line under a limit of open files. */
function limited(files: number, app: string, ...args: string[]): Cli {
  return new Cli([app, '--port', '0', '--threads', '2', ...args], { openFiles: files });
}

describe('with a limit of 256 open files', () => {
  const APP = `
    import { readFileSync } from 'node:fs';
    export default async (environ, startResponse) => {
      if (environ.PATH_INFO === '/wait')
        await new Promise((resolve) => environ['tsgi.signal'].addEventListener('abort', resolve));
      startResponse(200, []);
      return environ.PATH_INFO === '/file' ? environ['tsgi.file_wrapper'](process.execPath) : readFileSync('/etc/passwd').length > 0 ? 'hello' : '';
    };
  `;

  test.each([[[]], [['--no-supervise']]])(
    'idle clients are closed, the application can open files, and the log names the remedy (A15) %j',
    async (args) => {
      const cli = limited(256, appFile(APP), ...args);
      const port = Number(new URL(await cli.url()).port);
      expect(cli.stderr + cli.stdout).toMatch(
        /The limit of open files is 256, which is enough for \d+ connections; maxConnections 10000 \(--max-connections\)\. Raise it/,
      );
      const clients = await connected(port, 400);
      closeAll(clients);
      expect(clients.filter(({ error }) => error !== undefined)).toEqual([]);
    },
  );

  test('busy clients above the limit get 503, none is reset, and the application can open files (A15)', async () => {
    const cli = limited(256, appFile(APP), '--concurrency', '500');
    const port = Number(new URL(await cli.url()).port);
    const clients = await connected(port, 400, GET.replace('/', '/wait'));
    const refused = clients.slice(-200);
    await Promise.all(refused.map((client) => client.until(() => client.received.length > 0)));
    for (const { received, error } of refused)
      expect([received.toString().slice(0, 12), error]).toEqual(['HTTP/1.1 503', undefined]);
    closeAll(clients.splice(0, 5));
    await until(async () => {
      const [another] = await connected(port, 1, `${GET}\r\n`);
      const status = (await another!.answer())?.status;
      closeAll([another!]);
      return status === 200;
    });
    closeAll(clients);
  });

  test('files being sent count like connections: one too many causes 503 (A15)', async () => {
    const cli = limited(256, appFile(APP));
    const port = Number(new URL(await cli.url()).port);
    const clients = [];
    for (let i = 0; i < 100; i++) {
      const client = await Client.connect(port);
      client.socket.pause();
      await client.write(GET.replace('/', '/file'));
      clients.push(client);
    }
    const statuses = new Set<string>();
    for (const client of clients) {
      client.socket.resume();
      await client.until(() => client.received.length > 12);
      statuses.add(client.received.toString('latin1', 9, 12));
      client.socket.pause();
    }
    expect([...statuses].sort()).toEqual(['200', '503']);
    closeAll(clients);
  });
});

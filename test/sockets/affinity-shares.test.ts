/**
 * `--affinity`: the shares of the queue for one key and one worker, and keys of path segments and addresses.
 */
import { once } from 'node:events';
import http from 'node:http';
import { createServer } from 'tsgi-threads';
import { describe, expect, onTestFinished, test } from 'vitest';
import { addressKey, segmentOf } from '../../src/http/affinity-key.ts';
import { appFile, serveFile } from '../support/server.ts';

/** `/hold` answers after a `/release` to any worker. All responses name their worker. */
const APP = `import { BroadcastChannel } from 'node:worker_threads';
  const worker = process.env.TSGI_WORKER_INDEX;
  const bus = new BroadcastChannel('release');
  bus.unref();
  let held = [];
  const release = () => { for (const response of held) response.end(worker); held = []; };
  bus.onmessage = release;
  export default (request, response) => {
    if (request.url.startsWith('/hold')) return void held.push(response);
    if (request.url.startsWith('/release')) { bus.postMessage(''); release(); }
    response.end(worker);
  };`;

type Options = Parameters<typeof serveFile>[2];

async function start(affinity: string, threads: number, options: Options = {}) {
  const { server, port } = await serveFile(appFile(APP), threads, {
    interface: 'node',
    affinity,
    ...options,
  });
  const ask = async (path: string) => {
    const response = await fetch(server.url + path);
    return { status: response.status, worker: await response.text() };
  };
  const workerOf = async (path: string) => (await ask(path)).worker;
  /** A key that belongs to that worker. */
  const keyOn = async (worker: string, from = 0) => {
    for (let i = from; ; i++) if ((await workerOf(`/?k=key${i}`)) === worker) return `key${i}`;
  };
  return { server, port, ask, workerOf, keyOn };
}

describe('the queue of one key', () => {
  const FEW = { maxPending: 40, concurrency: 1, pendingTimeout: 20_000 };

  test('rejects only its own requests: other keys and requests without a key are served (A17)', async () => {
    const { ask, keyOn, server } = await start('query:k', 2, FEW);
    const own = await keyOn('0');
    const neighbour = await keyOn('0', indexOf(own) + 1);
    const other = await keyOn('1');
    const answered: number[] = [];
    const flood = Array.from({ length: 100 }, () => ask(`/hold?k=${own}`).then(noteIn(answered)));
    // One request runs. The key's share of 20 waits, less the quarter reserved for other keys of its worker.
    await expect.poll(() => answered, { timeout: 10_000 }).toHaveLength(84);
    expect(server.stats().pending).toBe(15);
    for (let i = 0; i < 10; i++) {
      expect(await ask(`/?k=${other}`)).toEqual({ status: 200, worker: '1' });
      expect(await ask('/')).toEqual({ status: 200, worker: '1' });
    }
    const beside = ask(`/?k=${neighbour}`);
    expect(new Set(answered)).toEqual(new Set([503]));
    await release(ask, flood);
    expect((await beside).status).toBe(200);
    expect(answered.slice(84)).toEqual(Array.from({ length: 16 }, () => 200));
  });

  test('of many keys of one worker leaves the other workers their shares (A17)', async () => {
    const { ask, keyOn, server } = await start('query:k', 2, FEW);
    const keys: string[] = [];
    while (keys.length < 10) keys.push(await keyOn('0', keys.length === 0 ? 0 : indexOf(keys.at(-1)!) + 1));
    const answered: number[] = [];
    const flood = keys.flatMap((key) =>
      Array.from({ length: 10 }, () => ask(`/hold?k=${key}`).then(noteIn(answered))),
    );
    await expect.poll(() => answered, { timeout: 10_000 }).toHaveLength(79);
    expect(server.stats().pending).toBe(20);
    for (let i = 0; i < 10; i++) expect((await ask('/')).status).toBe(200);
    await release(ask, flood);
    expect(answered.slice(79)).toEqual(Array.from({ length: 21 }, () => 200));
  });

  test('counts only waiting requests: requests served one after the other are never rejected (A17)', async () => {
    const { ask, keyOn } = await start('query:k', 2, { maxPending: 4 });
    const key = await keyOn('0');
    for (let i = 0; i < 60; i++) expect((await ask(`/?k=${key}`)).status).toBe(200);
  });
});

function noteIn(statuses: number[]): (answer: { status: number }) => void {
  return ({ status }) => void statuses.push(status);
}

function indexOf(key: string): number {
  return Number(key.slice(3));
}

/** Releases until all requests have responses. */
async function release(ask: (path: string) => Promise<unknown>, waiting: Promise<unknown>[]): Promise<void> {
  let over = false;
  const all = Promise.all(waiting).then(() => (over = true));
  while (!over) await Promise.race([all, ask('/release')]);
}

describe('path:N', () => {
  test('sends equal segments to the same worker, and paths without the segment to any worker (C29)', async () => {
    const { workerOf } = await start('path:3', 3);
    const sessions = Array.from({ length: 40 }, (_, i) => `session${i}`);
    const homes = await Promise.all(sessions.map((session) => workerOf(`/echo/000/${session}/xhr`)));
    const sent = await Promise.all(sessions.map((session) => workerOf(`/echo/123/${session}/xhr_send?t=1`)));
    expect(sent).toEqual(homes);
    expect(new Set(homes).size).toBe(3);
    expect(await workerOf('/echo/info')).toMatch(/^[012]$/);
  });

  test.each([
    ['/a/b/c', 1, 'a'],
    ['/a/b/c', 3, 'c'],
    ['/a/b/c', 4, undefined],
    ['/a/b/c?x=/y/z', 3, 'c'],
    ['/a//c', 2, ''],
    ['/', 1, ''],
    ['http://host:1/a/b', 2, 'b'],
    ['http://host?x=/a', 1, undefined],
    ['*', 1, undefined],
    ['host:443', 1, undefined],
    ['/a%2Fb/c', 1, 'a%2Fb'],
  ])('of %s, segment %i is %j', (target, segment, found) => {
    expect(segmentOf(target, segment)).toBe(found);
  });
});

describe('address', () => {
  const HOSTS = ['127.0.0.1', '::1'];

  /** The worker of a connection from that address to that address. */
  async function from(localAddress: string, host: string, port: number): Promise<string> {
    const request = http.get({ host, port, localAddress, agent: false });
    const [response] = (await once(request, 'response')) as [http.IncomingMessage];
    let text = '';
    for await (const part of response) text += String(part);
    return text;
  }

  test.each(HOSTS)('keeps a client of %s with one worker, on every connection (C29)', async (host) => {
    const { port } = await start('address', 3, { host: '::' });
    const found = await Promise.all(Array.from({ length: 30 }, () => from(host, host, port)));
    expect(new Set(found).size).toBe(1);
  });

  test('spreads clients of different addresses over the workers (C29)', async () => {
    const { port } = await start('address', 3);
    const addresses = Array.from({ length: 40 }, (_, i) => `127.0.0.${i + 2}`);
    const homes = await Promise.all(addresses.map((address) => from(address, '127.0.0.1', port)));
    const again = await Promise.all(addresses.map((address) => from(address, '127.0.0.1', port)));
    expect(again).toEqual(homes);
    expect(new Set(homes).size).toBe(3);
  });

  test('is equal for an IPv4 client on an IPv4 and on an IPv6 socket (C29)', () => {
    expect(addressKey('::ffff:192.0.2.1')).toBe('192.0.2.1');
    expect(addressKey('192.0.2.1')).toBe('192.0.2.1');
    expect(addressKey('2001:db8::1')).toBe('2001:db8::1');
    expect(addressKey('fe80::1%eth0')).toBe('fe80::1%eth0');
    expect(addressKey('::ffff:0:1')).toBe('::ffff:0:1');
  });
});

describe('the option', () => {
  test.each(['path', 'path:', 'path:0', 'path:-1', 'path:x', 'path:100', 'path:1.5', 'address:x', 'ip'])(
    '%s is rejected with the valid forms (C29)',
    (affinity) => {
      expect(() => createServer(2, { app: 'a.ts', affinity })).toThrow(
        `Option affinity (--affinity) is invalid: "${affinity}"; it takes query:NAME, cookie:NAME or header:NAME; path:N, a segment of the path (1 to 99); or address, the address of the client`,
      );
    },
  );

  test.each(['path:1', 'path:99', 'address'])('%s is accepted (C29)', (affinity) => {
    const server = createServer(2, { app: 'a.ts', affinity });
    onTestFinished(() => server.close());
  });
});

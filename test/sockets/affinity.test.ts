/**
 * `--affinity`: requests with the same key go to the same worker.
 */
import { describe, expect, test } from 'vitest';
import { createServer } from 'tsgi-threads';
import { Affinity } from '../../src/acceptor/workers/affinity.ts';
import { appFile, serveFile } from '../support/server.ts';

/** Answers with the number of its worker, and performs the action in the path. */
const APP = `const index = process.env.TSGI_WORKER_INDEX;
  const spin = (milliseconds) => { for (const end = Date.now() + milliseconds; Date.now() < end; ); };
  export default async (request, response) => {
    if (request.url.startsWith('/burn')) spin(300);
    if (request.url.startsWith('/die')) process.exit(1);
    if (request.url.startsWith('/login')) response.setHeader('set-cookie', ['a=b', 'sid=' + request.url.slice(7) + '; Path=/']);
    if (request.url.startsWith('/header')) response.setHeader('Session-Id', request.url.slice(8));
    if (request.url.startsWith('/open')) return response.end('0{"sid":"' + request.url.slice(6) + '","upgrades":[]}' + index);
    response.end(index);
  };`;

async function start(affinity: string, threads = 3, options = {}) {
  const { server, log } = await serveFile(appFile(APP), threads, { interface: 'node', affinity, ...options });
  const ask = async (path: string, headers: Record<string, string> = {}) =>
    (await (await fetch(server.url + path, { headers })).text()).at(-1)!;
  return { server, ask, log };
}

const KEYS = Array.from({ length: 60 }, (_, i) => `key${i}`);

type Asks = (key: string) => [path: string, headers: Record<string, string>];

describe('a key', () => {
  test.each<[string, Asks]>([
    ['query:sid', (key) => [`/a?x=1&sid=${key}&y`, {}]],
    ['cookie:sid', (key) => ['/a', { cookie: `other=1; sid=${key}; last=2` }]],
    ['header:X-Session', (key) => ['/a', { 'x-session': key }]],
  ])('%s always selects the same worker', async (affinity, asks) => {
    const { ask } = await start(affinity);
    const found = await Promise.all(KEYS.map((key) => ask(...asks(key))));
    const again = await Promise.all(KEYS.map((key) => ask(...asks(key))));
    expect(again).toEqual(found);
    expect(new Set(found)).toEqual(new Set(['0', '1', '2']));
  });

  test('waits for its busy worker although others are free; a request without a key does not wait', async () => {
    const { ask } = await start('query:sid', 2);
    const own = await ask('/a?sid=mine');
    const burning = ask('/burn?sid=mine');
    const order: string[] = [];
    const pinned = ask('/a?sid=mine').then((index) => order.push(`pinned ${index}`));
    const free = ask('/a').then(() => order.push('free'));
    await Promise.all([burning, pinned, free]);
    expect(order).toEqual(['free', `pinned ${own}`]);
  });

  test('moves if its worker is gone, and no other key moves', async () => {
    const { server, ask } = await start('query:sid', 3);
    const before = await Promise.all(KEYS.map((key) => ask(`/a?sid=${key}`)));
    const exited = new Promise((resolve) => server.once('workerExit', resolve));
    await ask(`/die?sid=${KEYS[0]}`);
    await exited;
    const after = await Promise.all(KEYS.map((key) => ask(`/a?sid=${key}`)));
    const moved = KEYS.filter((_, i) => after[i] !== before[i]);
    expect(moved.every((key) => before[KEYS.indexOf(key)] === before[0])).toBe(true);
  });

  test('stays with the place of its worker at a reload', async () => {
    const { server, ask } = await start('query:sid', 3);
    const before = await Promise.all(KEYS.map((key) => ask(`/a?sid=${key}`)));
    await server.reload();
    expect(await Promise.all(KEYS.map((key) => ask(`/a?sid=${key}`)))).toEqual(before);
  });

  test('moves to another worker if its worker dies while it waits', async () => {
    const { ask } = await start('query:sid', 2);
    await ask('/a?sid=k');
    const dying = fetchStatus(ask, '/die?sid=k');
    const waiting = Array.from({ length: 5 }, () => ask('/a?sid=k'));
    expect(await Promise.all(waiting)).toHaveLength(5);
    await dying;
  });

  test('counts as pending, and is rejected like any other request', async () => {
    const { server } = await start('query:sid', 2, { maxPending: 3, concurrency: 1 });
    const asked = Array.from({ length: 12 }, () => fetch(`${server.url}/burn?sid=k`));
    const statuses = (await Promise.all(asked)).map(({ status }) => status);
    expect(statuses.filter((status) => status === 200).length).toBeGreaterThanOrEqual(3);
    expect(statuses.filter((status) => status === 503).length).toBeGreaterThan(0);
  });
});

describe('a key set by a worker belongs to that worker', () => {
  test.each<[string, string, Asks]>([
    ['cookie:sid', '/login/', (key) => ['/a', { cookie: `sid=${key}` }]],
    ['header:session-id', '/header/', (key) => ['/a', { 'session-id': key }]],
    ['query:sid', '/open/', (key) => [`/a?sid=${key}`, {}]],
  ])('%s', async (affinity, gives, asks) => {
    const { ask } = await start(affinity, 2);
    for (const key of KEYS.slice(0, 20)) {
      const giver = await ask(gives + key);
      expect(await ask(...asks(key)), key).toBe(giver);
    }
  });
});

describe('the option', () => {
  test.each(['sid', 'query:', 'body:sid', 'cookie:a b'])('%s is rejected', (affinity) => {
    expect(() => createServer(2, { app: 'a.ts', affinity })).toThrow(
      `Option affinity (--affinity) is invalid: "${affinity}"; it takes query:NAME, cookie:NAME or header:NAME`,
    );
  });
});

describe('rendezvous', () => {
  const workers = (indices: number[]) => indices.map((index) => ({ index }));

  test('spreads keys evenly, and moves only the keys of a worker that leaves', () => {
    const affinity = new Affinity('query:sid');
    const keys = Array.from({ length: 4000 }, (_, i) => `session-${i}`);
    const where = (all: number[]) => keys.map((key) => affinity.workerFor(key, workers(all)).index);
    const four = where([0, 1, 2, 3]);
    for (const index of [0, 1, 2, 3]) {
      const share = four.filter((found) => found === index).length;
      expect(share).toBeGreaterThan(850);
      expect(share).toBeLessThan(1150);
    }
    const three = where([0, 1, 3]);
    four.forEach((index, i) => index !== 2 && expect(three[i]).toBe(index));
  });
});

/** The worker of the key dies, so the response is a 502 or missing. */
async function fetchStatus(ask: (path: string) => Promise<string>, path: string): Promise<void> {
  await ask(path).catch(() => {});
}

/**
 * `--affinity` against hostile clients and applications.
 *
 * A body teaches the server nothing, no client moves the session of another, and the memory for keys is bounded.
 */
import v8 from 'node:v8';
import vm from 'node:vm';
import { describe, expect, test } from 'vitest';
import { Affinity } from '../../src/acceptor/workers/affinity.ts';
import { KnownKeys } from '../../src/acceptor/workers/known-keys.ts';
import { keyGivenBy, placeOf, sessionOpenedBy, shortKey } from '../../src/http/affinity-key.ts';
import { appFile, serveFile } from '../support/server.ts';

v8.setFlagsFromString('--expose-gc');
const collect = vm.runInNewContext('gc') as () => void;

/**
 * `/give?status=&name=&value=` answers with that field, `/echo` with the posted body. Both name their worker in a
 * field.
 */
const NODE = `const worker = process.env.TSGI_WORKER_INDEX;
  export default (request, response) => {
    const { pathname, searchParams } = new URL(request.url, 'http://h');
    response.setHeader('worker', worker);
    if (pathname === '/give') {
      response.statusCode = Number(searchParams.get('status') ?? 200);
      response.setHeader(searchParams.get('name'), searchParams.getAll('value'));
      return response.end();
    }
    const parts = [];
    request.on('data', (part) => parts.push(part));
    request.on('end', () => response.end(Buffer.concat(parts)));
  };`;
const TSGI = `const worker = process.env.TSGI_WORKER_INDEX;
  export default async (environ, startResponse) => {
    const query = new URLSearchParams(environ.QUERY_STRING);
    if (environ.PATH_INFO === '/give') {
      const fields = query.getAll('value').map((value) => [query.get('name'), value]);
      startResponse(Number(query.get('status') ?? 200), [['worker', worker], ...fields]);
      return '';
    }
    startResponse(200, [['worker', worker]]);
    return environ['tsgi.input'].read();
  };`;
const FETCH = `const worker = process.env.TSGI_WORKER_INDEX;
  export default { async fetch(request) {
    const { pathname, searchParams } = new URL(request.url);
    const headers = new Headers({ worker });
    if (pathname !== '/give') return new Response(await request.arrayBuffer(), { headers });
    for (const value of searchParams.getAll('value')) headers.append(searchParams.get('name'), value);
    return new Response(null, { status: Number(searchParams.get('status') ?? 200), headers });
  } };`;
const APPS = { node: NODE, tsgi: TSGI, fetch: FETCH };
type Interface = keyof typeof APPS;
const INTERFACES = Object.keys(APPS) as Interface[];

type Fields = Record<string, string>;

async function start(name: Interface, affinity: string, threads = 2) {
  const { server } = await serveFile(appFile(APPS[name]), threads, { interface: name, affinity });
  const ask = async (path: string, headers: Fields = {}, body?: string) => {
    const method = body === undefined ? 'GET' : 'POST';
    const response = await fetch(server.url + path, {
      method,
      headers,
      body: body ?? null,
      redirect: 'manual',
    });
    await response.arrayBuffer();
    return response.headers.get('worker')!;
  };
  const give = (value: string, headers: Fields, { name = 'set-cookie', status = 200 } = {}) =>
    ask(`/give?name=${name}&status=${status}&value=${encodeURIComponent(value)}`, headers);
  /** A key of a client that is bound to that worker. */
  const keyOn = async (worker: string, fields: (key: string) => Fields) => {
    for (let i = 0; ; i++) if ((await ask('/', fields(`probe${i}`))) === worker) return `probe${i}`;
  };
  return { server, ask, give, keyOn };
}

const cookie = (key: string): Fields => ({ cookie: `sid=${key}` });
const field = (key: string): Fields => ({ 'session-id': key });

describe.each(INTERFACES)('an application of the %s interface', (name) => {
  test('of this kind that answers with a posted body of blanks delays no other client (A3)', async () => {
    const { ask } = await start(name, 'header:session-id');
    const body = `session-id:${' '.repeat(3200)}\n`.repeat(2);
    const began = performance.now();
    await Promise.all([ask('/', {}, body), ask('/', {}, body)]);
    await ask('/');
    expect(performance.now() - began).toBeLessThan(5000);
  });

  test('of this kind that answers with a posted body moves no session and forgets none (A7)', async () => {
    const { ask, give, keyOn } = await start(name, 'cookie:sid');
    const attackers = [await keyOn('0', cookie), await keyOn('1', cookie)].map(cookie);
    const users = Array.from({ length: 10 }, (_, i) => `user${i}`);
    const homes = await Promise.all(users.map((user) => give(`sid=${user}`, {})));
    const own = users.map((user) => `\r\nset-cookie: sid=${user}\r\n`).join('');
    const many = Array.from({ length: 500 }, (_, i) => `\r\nset-cookie: sid=x${i}`).join('');
    for (const attacker of attackers) {
      await ask('/', attacker, `HTTP/1.1 200 OK${own}\r\n`);
      for (let i = 0; i < 5; i++) await ask('/', attacker, many);
    }
    expect(await Promise.all(users.map((user) => ask('/', cookie(user))))).toEqual(homes);
  });

  test('whose own field names the session of another worker does not move that session (A7)', async () => {
    const { ask, give, keyOn } = await start(name, 'cookie:sid');
    const home = await give('sid=victim', {});
    const attacker = cookie(await keyOn(home === '0' ? '1' : '0', cookie));
    expect(await give('sid=victim', attacker)).not.toBe(home);
    expect(await ask('/', cookie('victim'))).toBe(home);
    expect(await give('sid=victim', attacker)).not.toBe(home);
    expect(await ask('/', cookie('victim'))).toBe(home);
  });

  test('does not move a session that no worker set, and that a client has used (A7)', async () => {
    const { ask, give, keyOn } = await start(name, 'header:session-id');
    const home = await ask('/', field('chosen-by-client'));
    const attacker = field(await keyOn(home === '0' ? '1' : '0', field));
    await give('chosen-by-client', attacker, { name: 'session-id' });
    expect(await ask('/', field('chosen-by-client'))).toBe(home);
  });

  test('teaches by responses of 2xx and 3xx only (A7)', async () => {
    const { ask, give } = await start(name, 'cookie:sid');
    const moved: string[] = [];
    for (const status of [200, 201, 302, 303, 400, 404, 500]) {
      for (let i = 0; i < 20; i++) {
        const key = `key${status}-${i}`;
        const giver = await give(`sid=${key}; HttpOnly`, {}, { status });
        if ((await ask('/', cookie(key))) !== giver) moved.push(String(status));
      }
    }
    const learned = (status: number) => !moved.includes(String(status));
    expect([200, 201, 302, 303].map(learned)).toEqual([true, true, true, true]);
    expect([400, 404, 500].map(learned)).toEqual([false, false, false]);
  });
});

describe('a key in a response', () => {
  const head = (fields: string) => `HTTP/1.1 200 OK\r\nA: b\r\n${fields}\r\n\r\n`;
  const given = (option: string, fields: string) => keyGivenBy(placeOf(option), 200, head(fields));

  test.each([
    ['cookie:sid', 'Set-Cookie: sid=abc; Path=/', 'abc'],
    ['cookie:sid', 'set-cookie:\t sid = abc\t;Path=/', 'abc'],
    ['cookie:sid', 'set-cookie: sid=one\r\nSET-COOKIE: sid=two', 'two'],
    ['cookie:sid', 'set-cookie: a=b; sid=no', undefined],
    ['cookie:sid', 'set-cookie: sid=; Max-Age=0', undefined],
    ['cookie:sid', 'set-cookie: SID=abc', undefined],
    ['cookie:sid', 'x-set-cookie: sid=abc', undefined],
    ['cookie:sid', 'set-cookie: sid', undefined],
    ['header:Session-Id', 'session-ID: abc ', 'abc'],
    ['header:session-id', 'session-id: a  b', 'a  b'],
    ['header:session-id', 'session-id:', undefined],
    ['header:session-id', 'a\r\n\r\nsession-id: body', undefined],
    ['path:2', 'session-id: abc', undefined],
    ['address', 'session-id: abc', undefined],
  ])('%s: %j is %j', (option, fields, key) => {
    expect(given(option, fields)).toBe(key);
  });

  test.each([
    ['0{"sid":"abc","upgrades":[]}', 'abc'],
    ['97:0{"sid":"abc","upgrades":[]}', 'abc'],
    ['___eio[3]("97:0{\\"sid\\":\\"abc\\",\\"upgrades\\":[]}");', 'abc'],
    ['___eio[0]("0{\\"sid\\":\\"abc\\"}");', 'abc'],
    [' 0{"sid":"abc"}', undefined],
    ['x\r\n\r\n0{"sid":"abc"}', undefined],
    ['0{"sid":"a\\"bc"}', undefined],
    ['0{"sid":"abc', undefined],
    [`0{"sid":"${'a'.repeat(300)}"}`, undefined],
    ['___eio[', undefined],
    [':0{"sid":"abc"}', undefined],
  ])('Engine.IO: %j opens %j', (body, key) => {
    expect(sessionOpenedBy(body, 'sid')).toBe(key);
  });

  test('a key of any length is kept in at most 65 characters, and stays distinct', () => {
    const long = 'k'.repeat(5000);
    expect(shortKey(long)).toHaveLength(65);
    expect(shortKey(long)).toBe(shortKey('k'.repeat(5000)));
    expect(shortKey(long)).not.toBe(shortKey(`${long}k`));
    expect(shortKey('k'.repeat(64))).toBe('k'.repeat(64));
  });
});

describe('the memory for keys', () => {
  const everybody = () => true;

  test('stays below 32 MiB, for any number of keys from workers and clients (A6)', () => {
    const known = new KnownKeys();
    collect();
    const before = process.memoryUsage().heapUsed;
    for (let i = 0; i < 160_000; i++) {
      // The key is a slice of a head of 16 KiB, as in the server.
      const key = shortKey(`${'x'.repeat(64)}${i}`.slice(-64))!;
      known.givenBy(i & 3, key, everybody);
      known.carriedBack(key, i);
      known.carriedTo(`other${key}`, 1);
    }
    collect();
    expect(known.size).toBe(170_000);
    expect(process.memoryUsage().heapUsed - before).toBeLessThan(32 * 1024 * 1024);
    expect(known.size).toBeGreaterThan(0);
  });

  test('a flood of keys does not evict a key in use (A7)', () => {
    const known = new KnownKeys();
    for (let i = 0; i < 1000; i++) known.givenBy(1, `user${i}`, everybody);
    for (let i = 0; i < 1000; i++) known.carriedBack(`user${i}`, 0);
    for (let i = 0; i < 250_000; i++) {
      known.givenBy(2, `flood${i}`, everybody);
      known.carriedBack(`flood${i}`, 1000 + i / 1000);
    }
    expect(known.indexOf('user0')).toBe(1);
    expect(known.indexOf('user999')).toBe(1);
  });

  test('a key unused for half an hour can be evicted', () => {
    const known = new KnownKeys();
    for (let i = 0; i < 100_000; i++) {
      known.givenBy(0, `old${i}`, everybody);
      known.carriedBack(`old${i}`, 0);
    }
    known.givenBy(1, 'new', everybody);
    known.carriedBack('new', 31 * 60_000);
    expect(known.indexOf('old0')).toBeUndefined();
    expect(known.indexOf('new')).toBe(1);
  });

  test('a key moves after its worker is gone, and not before', () => {
    const known = new KnownKeys();
    known.givenBy(0, 'key', everybody);
    known.givenBy(1, 'key', everybody);
    expect(known.indexOf('key')).toBe(0);
    known.givenBy(1, 'key', (index) => index !== 0);
    expect(known.indexOf('key')).toBe(1);
  });

  test('keys of path segments and addresses are hashed, not remembered', () => {
    const workers = [{ index: 0 }, { index: 1 }];
    for (const option of ['path:2', 'address']) {
      const affinity = new Affinity(option);
      for (let i = 0; i < 100; i++) affinity.workerFor(`key${i}`, workers);
      expect(affinity.size).toBe(0);
    }
  });

  test('a visitor costs a server less than 4 KiB, even if a large response set the key (A6)', async () => {
    const APP = `export default (request, response) => {
      response.setHeader('set-cookie', 'sid=visitor' + String(process.hrtime.bigint()).padStart(40, '0'));
      response.end('x'.repeat(30_000));
    };`;
    const { server } = await serveFile(appFile(APP), 2, { interface: 'node', affinity: 'cookie:sid' });
    const visit = async () => void (await (await fetch(server.url)).arrayBuffer());
    const visitMany = async (count: number) => {
      for (let left = count; left > 0; left -= 50) await Promise.all(Array.from({ length: 50 }, visit));
    };
    await visitMany(100);
    collect();
    const before = process.memoryUsage().heapUsed;
    await visitMany(1000);
    collect();
    expect(process.memoryUsage().heapUsed - before).toBeLessThan(1000 * 4096);
  });
});

test('a long URL that looks like Engine.IO delays no other request (A19)', async () => {
  const app = appFile('export default (request, response) => response.end();');
  const { server } = await serveFile(app, 2, { interface: 'node', maxRequestLine: '512KiB' });
  const urls = ['EIO=4&', 'transport=polling&', 'EIO=4&transport=pollin&', '?EIO=4'].map((part) =>
    part.repeat(250_000 / part.length),
  );
  const began = performance.now();
  for (const url of urls) expect((await fetch(`${server.url}/?${url}`)).status).toBe(200);
  expect(performance.now() - began).toBeLessThan(3000);
});

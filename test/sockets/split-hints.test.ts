/**
 * State that is split between workers: the server logs one hint for each kind, once, and none if no state is split.
 */
import { once } from 'node:events';
import { fileURLToPath } from 'node:url';
import { describe, expect, onTestFinished, test } from 'vitest';
import { WebSocket } from 'ws';
import { Hints } from '../../src/pool/hints.ts';
import { appFile, serveFile, type TestServer } from '../support/server.ts';

type Options = Parameters<typeof serveFile>[2];

function fixture(name: string): string {
  return fileURLToPath(new URL(`fixtures/${name}`, import.meta.url));
}

function hints({ log }: TestServer, part: string): string[] {
  return log.filter((line) => line.includes(part));
}

/** Sends requests until the server has logged such a hint, then as many again. Returns the hints. */
async function hintsOf(server: TestServer, part: string, ask: () => Promise<unknown>): Promise<string[]> {
  let asked = 0;
  while (hints(server, part).length === 0 && asked < 800) {
    await Promise.all(Array.from({ length: 8 }, ask));
    asked += 8;
  }
  for (let i = 0; i < Math.min(asked, 200); i++) await ask();
  return hints(server, part);
}

/** The number of requests if no hint is expected. */
const MANY = 60;

async function hintsAfterMany(server: TestServer, part: string, ask: () => Promise<unknown>) {
  for (let i = 0; i < MANY; i += 10) await Promise.all(Array.from({ length: 10 }, ask));
  // Earlier reports of workers arrive before later ones.
  await server.server.reload();
  return hints(server, part);
}

/** A browser: it sends the cookies that it received. */
function visitor({ server }: TestServer): (path?: string) => Promise<string> {
  const cookies = new Map<string, string>();
  return async (path = '/') => {
    const cookie = [...cookies].map(([name, value]) => `${name}=${value}`).join('; ');
    const response = await fetch(server.url + path, { headers: cookie === '' ? {} : { cookie } });
    for (const set of response.headers.getSetCookie()) {
      const [name, value] = set.split(';')[0]!.split('=') as [string, string];
      cookies.set(name, value);
    }
    return response.text();
  };
}

/** Works for a moment, so that two concurrent requests reach two workers. */
const BUSY = `const spin = () => { for (const end = Date.now() + 2; Date.now() < end; ); };`;

describe('sessions in the memory of one worker', () => {
  const PART = '--affinity cookie:';

  test('of express-session cause one hint with the name of the cookie (C28)', async () => {
    const server = await serveFile(fixture('memory-sessions.mjs'), 2);
    const visitors = Array.from({ length: 8 }, () => visitor(server));
    const found = await hintsOf(server, PART, () => Promise.all(visitors.map((visit) => visit())));
    expect(found).toHaveLength(1);
    expect(found[0]).toContain('cookie:connect.sid');
  });

  const OWN = (value: string) => `${BUSY}
    import { randomUUID } from 'node:crypto';
    const known = new Set();
    export default (request, response) => {
      spin();
      const carried = /(?:^|; )sid=([^;]+)/.exec(request.headers.cookie ?? '')?.[1];
      if (!known.has(carried)) { const sid = ${value}; known.add(sid); response.setHeader('set-cookie', 'sid=' + sid + '; HttpOnly'); }
      response.end();
    };`;
  const TSGI = `${BUSY}
    import { randomUUID } from 'node:crypto';
    const known = new Set();
    export default (environ, startResponse) => {
      spin();
      const carried = /sid=([^;]+)/.exec(environ.HTTP_COOKIE ?? '')?.[1];
      const fields = [];
      if (!known.has(carried)) { const sid = randomUUID(); known.add(sid); fields.push(['Set-Cookie', 'sid=' + sid]); }
      startResponse(200, fields);
      return '';
    };`;
  const FETCH = `${BUSY}
    import { randomUUID } from 'node:crypto';
    const known = new Set();
    export default { fetch(request) {
      spin();
      const carried = /sid=([^;]+)/.exec(request.headers.get('cookie') ?? '')?.[1];
      const headers = new Headers();
      if (!known.has(carried)) { const sid = randomUUID(); known.add(sid); headers.set('set-cookie', 'sid=' + sid); }
      return new Response(null, { headers });
    } };`;

  async function visits(source: string, threads: number, options: Options, many: boolean): Promise<string[]> {
    const server = await serveFile(appFile(source), threads, options);
    const visitors = Array.from({ length: 8 }, () => visitor(server));
    const visit = () => Promise.all(visitors.map((each) => each()));
    return many ? hintsAfterMany(server, PART, visit) : hintsOf(server, PART, visit);
  }

  test.each<[string, string, Options]>([
    ['node', OWN('randomUUID()'), { interface: 'node' }],
    ['tsgi', TSGI, { interface: 'tsgi' }],
    ['fetch', FETCH, { interface: 'fetch' }],
  ])('in an application of the %s interface cause one hint (C28)', async (_, source, options) => {
    expect(await visits(source, 2, options, false)).toHaveLength(1);
  });

  test.each<[string, string, number, Options]>([
    ['with one worker', OWN('randomUUID()'), 1, {}],
    ['with affinity', OWN('randomUUID()'), 2, { affinity: 'cookie:sid' }],
    ['if the cookie holds the session itself', OWN(`randomUUID() + 'x'.repeat(200)`), 2, {}],
  ])('cause no hint %s', async (_, source, threads, options) => {
    expect(await visits(source, threads, { interface: 'node', ...options }, true)).toEqual([]);
  });
});

describe('reports of workers', () => {
  const heard = () => {
    const log: string[] = [];
    return { log, hints: new Hints((text) => log.push(text)) };
  };
  const session = (name: string, given: string, carried: string) =>
    ({ sign: 'session', name, given, carried }) as const;

  test('a cookie that changes although its worker set it indicates no session in memory', () => {
    const { log, hints: all } = heard();
    all.hear(0, session('sid', 'a', ''));
    all.hear(0, session('sid', 'b', 'a'));
    all.hear(1, session('sid', 'c', 'b'));
    expect(log).toEqual([]);
  });

  test('cookie names invented by an application fill neither the log nor the memory', () => {
    const { log, hints: all } = heard();
    for (let i = 0; i < 20_000; i++) {
      all.hear(0, session(`sid${i}`, 'a', ''));
      all.hear(1, session(`sid${i}`, 'b', 'a'));
    }
    expect(log.length).toBeLessThanOrEqual(20);
  });
});

describe('Prometheus metrics of several workers', () => {
  const app = (type: string, more = '') => `${BUSY} ${more}
    export default (request, response) => {
      spin();
      if (request.url === '/metrics') response.setHeader('content-type', '${type}');
      response.end('x 1\\n');
    };`;
  const asks = (server: TestServer) => async () => {
    await (await fetch(`${server.server.url}/metrics`)).text();
  };

  test.each(['text/plain; version=0.0.4; charset=utf-8', 'application/openmetrics-text; version=1.0.0'])(
    'as %s cause one hint (C28)',
    async (type) => {
      const server = await serveFile(appFile(app(type)), 2, { interface: 'node' });
      expect(await hintsOf(server, 'Prometheus', asks(server))).toHaveLength(1);
    },
  );

  test('of one worker, or of workers with a channel, cause no hint', async () => {
    const type = 'text/plain; version=0.0.4';
    const alone = await serveFile(appFile(app(type)), 1, { interface: 'node' });
    expect(await hintsAfterMany(alone, 'Prometheus', asks(alone))).toEqual([]);
    const bus = `import { channel } from '${import.meta.resolve('tsgi-threads/channel')}'; channel('metrics');`;
    const joined = await serveFile(appFile(app(type, bus)), 2, { interface: 'node' });
    expect(await hintsAfterMany(joined, 'Prometheus', asks(joined))).toEqual([]);
  });
});

describe('MCP sessions', () => {
  const APP = `export default (request, response) => {
    response.setHeader('Mcp-Session-Id', 'abc');
    response.end('{}');
  };`;

  test('without affinity cause one hint; with affinity none (C28)', async () => {
    const post = (server: TestServer) => async () =>
      void (await (await fetch(server.server.url, { method: 'POST', body: '{}' })).text());
    const split = await serveFile(appFile(APP), 2, { interface: 'node' });
    expect(await hintsOf(split, 'header:mcp-session-id', post(split))).toHaveLength(1);
    const pinned = await serveFile(appFile(APP), 2, { interface: 'node', affinity: 'header:mcp-session-id' });
    expect(await hintsAfterMany(pinned, 'header:mcp-session-id', post(pinned))).toEqual([]);
  });
});

describe('broadcasts over WebSocket', () => {
  async function crowd({ port }: TestServer, path: string, count: number): Promise<WebSocket[]> {
    const sockets = Array.from({ length: count }, () => new WebSocket(`ws://127.0.0.1:${port}${path}`));
    onTestFinished(() => sockets.forEach((socket) => socket.terminate()));
    const workers = await Promise.all(
      sockets.map(async (socket) => String((await once(socket, 'message'))[0])),
    );
    expect(new Set(workers).size).toBe(2);
    return sockets;
  }

  /** Sends a message on each socket, and waits until it has come back. */
  async function say(sockets: readonly WebSocket[]): Promise<void> {
    for (const [index, socket] of sockets.entries()) {
      const back = new Promise<void>((resolve) => {
        socket.on('message', (data) => String(data) === `text ${index}` && resolve());
      });
      socket.send(`text ${index}`);
      await back;
    }
  }

  test('to the sockets of only one worker cause one hint (C28)', async () => {
    const server = await serveFile(fixture('broadcast.mjs'), 2);
    const sockets = await crowd(server, '/', 8);
    await say(sockets);
    await expect.poll(() => hints(server, 'tsgi-threads/channel'), { timeout: 10_000 }).toHaveLength(1);
    await say(sockets);
    expect(hints(server, 'tsgi-threads/channel')).toHaveLength(1);
  });

  test('an application that answers only the sender causes no hint', async () => {
    const server = await serveFile(fixture('broadcast.mjs'), 2, { drainSockets: 100 });
    await say(await crowd(server, '/echo', 8));
    await server.server.reload();
    expect(hints(server, 'tsgi-threads/channel')).toEqual([]);
  });

  test('an application with a channel causes no hint', async () => {
    process.env.SHARED_CHAT = '1';
    onTestFinished(() => void delete process.env.SHARED_CHAT);
    const server = await serveFile(fixture('broadcast.mjs'), 2, { drainSockets: 100 });
    await say(await crowd(server, '/', 8));
    await server.server.reload();
    expect(hints(server, 'tsgi-threads/channel')).toEqual([]);
  });
});

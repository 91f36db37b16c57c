/**
 * The memory of a connection in each of its states, with the worst client.
 *
 * docs/internals/decisions/0002-memory-per-connection.md has the bounds. The tests add the noise of the process.
 */
import { type ChildProcess, fork } from 'node:child_process';
import { once } from 'node:events';
import net from 'node:net';
import { setTimeout as wait } from 'node:timers/promises';
import type { ServerOptions } from 'tsgi-threads';
import { expect, onTestFinished, test } from 'vitest';
import { LONG } from '../support/long.ts';
import { appFile } from '../support/server.ts';

const KIB = 1024;
const MIB = 1024 * KIB;
const MANY = 1000;
/** The number of connections that also fill the kernel's buffers, which are 4 MiB on Linux. */
const SOME = LONG ? 1000 : 50;
/** Clients that come and go before the measurement, so that heaps and the allocator have grown to their size. */
const WARM_UP = 10;
/** Concurrent connects. */
const AT_ONCE = 50;
/** Memory of the process that belongs to no connection: growing heaps, garbage, the allocator. */
const NOISE = 64 * MIB;

interface Figures {
  readonly rss: number;
  /** Bytes of Buffers in the acceptor's thread. Nothing else counts, so this value has no noise. */
  readonly arrayBuffers: number;
  /** CPU milliseconds that the process has used. */
  readonly cpu: number;
  readonly connections: number;
  readonly requests: number;
}

class MemoryServer {
  readonly #child: ChildProcess;
  readonly port: number;
  readonly #sockets: net.Socket[] = [];

  private constructor(child: ChildProcess, port: number) {
    this.#child = child;
    this.port = port;
    onTestFinished(() => {
      for (const socket of this.#sockets) socket.destroy();
      child.kill('SIGKILL');
    });
  }

  static async start(source: string, options: Partial<ServerOptions> = {}): Promise<MemoryServer> {
    const file = new URL('../support/memory-server.mjs', import.meta.url);
    const child = fork(file, [JSON.stringify({ app: appFile(source), options })], {
      execArgv: ['--expose-gc'],
    });
    const [{ port }] = (await once(child, 'message')) as [{ port: number }];
    return new MemoryServer(child, port);
  }

  /** Connects `count` clients that do not read. Each sends `bytes`. */
  async connect(count: number, bytes: string): Promise<void> {
    for (let left = count; left > 0; left -= AT_ONCE) {
      const clients = Array.from({ length: Math.min(left, AT_ONCE) }, async () => {
        const socket = net.connect({ port: this.port, host: '127.0.0.1', allowHalfOpen: true });
        socket.on('error', () => {}).pause();
        this.#sockets.push(socket);
        await once(socket, 'connect');
        socket.write(bytes);
      });
      await Promise.all(clients);
    }
  }

  async figures(collect: boolean): Promise<Figures> {
    this.#child.send(collect);
    const [figures] = (await once(this.#child, 'message')) as [Figures];
    return figures;
  }

  /** Resolves when the server has been almost idle for a while, because it waits for its clients. */
  async steady(): Promise<Figures> {
    let last = await this.figures(false);
    for (let same = 0; same < 5;) {
      await wait(30);
      const now = await this.figures(false);
      const isSame = now.requests === last.requests && now.connections === last.connections;
      same = isSame && now.cpu - last.cpu < 5 ? same + 1 : 0;
      last = now;
    }
    return this.figures(true);
  }

  /** Bytes by which `count` clients that each send `bytes` enlarge the process. */
  async growth(count: number, bytes: string): Promise<Pick<Figures, 'rss' | 'arrayBuffers'>> {
    await this.connect(WARM_UP, bytes);
    await this.steady();
    for (const socket of this.#sockets.splice(0)) socket.resetAndDestroy();
    const before = await this.steady();
    await this.connect(count, bytes);
    const { rss, arrayBuffers } = await this.steady();
    return { rss: rss - before.rss, arrayBuffers: arrayBuffers - before.arrayBuffers };
  }
}

const get = (path: string, fields = '') => `GET ${path} HTTP/1.1\r\nHost: a\r\n${fields}\r\n`;

const TSGI = `
  const wait = (signal) => new Promise((resolve) => signal.addEventListener('abort', resolve));
  export default async (environ, startResponse) => {
    const path = environ.PATH_INFO;
    if (path === '/wait') await wait(environ['tsgi.signal']);
    startResponse(200, []);
    if (path === '/file') return environ['tsgi.file_wrapper'](process.execPath);
    if (path === '/stream') return (async function* () { for (;;) yield new Uint8Array(65536); })();
    return 'x'.repeat(60_000);
  };
`;

const NODE = `
  import http from 'node:http';
  const hint = { link: '</' + 'x'.repeat(8000) + '>' };
  const server = http.createServer((request, response) => {
    let left = 1500;
    const more = () => {
      for (let i = 0; i < 10; i++) response.writeEarlyHints(hint);
      if ((left -= 10) > 0 && !response.destroyed) setImmediate(more);
    };
    more();
  });
  server.on('upgrade', (request, socket) => {
    socket.on('error', () => {});
    socket.write('HTTP/1.1 101 Switching Protocols\\r\\nConnection: upgrade\\r\\nUpgrade: echo\\r\\n\\r\\n');
    socket.pipe(socket);
  });
  server.listen(0);
`;

const UPGRADE = get('/', 'Connection: upgrade\r\nUpgrade: echo\r\n');

interface Case {
  readonly what: string;
  readonly app: string;
  readonly count: number;
  /** The bytes that each client sends. */
  readonly bytes: string;
  /** The bytes that a client may cost. */
  readonly bound: number;
  readonly options?: Partial<ServerOptions>;
}

const MANY_PLACES = { concurrency: 2000 };
const CASES: Case[] = [
  {
    what: 'pipelines and reads no answer',
    app: TSGI,
    count: SOME,
    bytes: get('/60000').repeat(150),
    bound: 192 * KIB,
  },
  {
    what: 'reads nothing of a file',
    app: TSGI,
    count: SOME,
    bytes: get('/file').repeat(4),
    bound: 128 * KIB,
  },
  { what: 'reads nothing of a stream', app: TSGI, count: SOME, bytes: get('/stream'), bound: 384 * KIB },
  { what: 'reads no early hints', app: NODE, count: SOME, bytes: get('/'), bound: 192 * KIB },
  {
    what: 'sends to an echo and reads nothing',
    app: NODE,
    count: SOME,
    bytes: UPGRADE + 'x'.repeat(10 * MIB),
    bound: MIB,
  },
  {
    what: 'pipelines behind a request that waits',
    app: TSGI,
    count: MANY,
    bytes: get('/wait') + get('/').repeat(5000),
    bound: 112 * KIB,
    options: MANY_PLACES,
  },
  {
    what: 'sends half a head',
    app: TSGI,
    count: MANY,
    bytes: `GET / HTTP/1.1\r\nX: ${'x'.repeat(30 * KIB)}`,
    bound: 64 * KIB,
  },
  {
    what: 'is refused and goes on sending',
    app: TSGI,
    count: MANY,
    bytes: `x\r\n\r\n${'x'.repeat(100 * KIB)}`,
    bound: 32 * KIB,
  },
  {
    what: 'is one too many',
    app: TSGI,
    count: MANY,
    bytes: get('/wait'),
    bound: 32 * KIB,
    options: { ...MANY_PLACES, maxConnections: 5 },
  },
];

test.each(CASES)(
  'a client that $what costs no more than its bound (A1)',
  async ({ app, count, bytes, bound, options }) => {
    const server = await MemoryServer.start(app, { writeTimeout: 0, ...options });
    const growth = await server.growth(count, bytes);
    expect(growth.arrayBuffers).toBeLessThan(count * bound);
    expect(growth.rss).toBeLessThan(count * bound + NOISE);
  },
  LONG ? 300_000 : 30_000,
);

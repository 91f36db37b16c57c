/**
 * The object that `http.createServer` returns: its state, its properties and its methods.
 */
import { describe, expect } from 'vitest';
import type { SubjectName } from './behaviours.ts';
import { behaviour, GET, get, type Program } from './behaviours.ts';
import { until } from '../support/until.ts';

/** Without a thread the object decides. For a worker, the options of the acceptor decide. */
const OWN: readonly SubjectName[] = ['node:http', 'tsgi-threads/node'];

/** Shorter than each default of a time limit. */
const SHORT_MS = 4000;

describe('a server that listens', () => {
  behaviour(
    'has a _handle while it listens, and null else (C31)',
    ({ http, note, on }) => {
      const server = http.createServer((_, response) => response.end());
      const handle = () => (server as unknown as { _handle: unknown })._handle;
      note(`before ${handle() === null} ${server.listening}`);
      server.on('listening', () =>
        note(`listening ${typeof handle()} ${handle() !== null} ${server.listening}`),
      );
      on('close', () => {
        server.close(() => note('closed'));
        note(`after ${handle() === null} ${server.listening} ${server.address() === null}`);
      });
      return server;
    },
    async ({ noted, notes, send }) => {
      await noted('listening object true true');
      send('close');
      await noted('closed');
      expect(notes).toEqual([
        'before true false',
        'listening object true true',
        'after true false true',
        'closed',
      ]);
    },
  );

  behaviour(
    'calls methods of a subclass and of the instance (C34)',
    ({ http, note, on }) => {
      class Own extends http.Server {
        override close(done?: (error?: Error) => void): this {
          note('own close');
          return super.close(done);
        }
        override address(): ReturnType<InstanceType<typeof http.Server>['address']> {
          const address = super.address();
          note('own address');
          return address;
        }
      }
      const server = new Own((_, response) => void response.end());
      server.getConnections = () => {
        note('own getConnections');
        return server;
      };
      on('use', () => {
        server.address();
        server.getConnections(() => {});
        server.close(() => note('closed'));
      });
      return server;
    },
    async ({ noted, notes, send }) => {
      (notes as string[]).length = 0;
      send('use');
      await noted('closed');
      expect(notes).toEqual(['own address', 'own getConnections', 'own close', 'closed']);
    },
  );

  behaviour(
    'closes by a method that was taken before it listened (C34)',
    ({ http, note, on }) => {
      const server = http.createServer((_, response) => response.end());
      const { close } = server;
      on('close', () => void close.call(server, (error?: Error) => note(`closed ${error?.message}`)));
      return server;
    },
    async ({ noted, send }) => {
      send('close');
      await noted('closed undefined');
    },
  );

  behaviour(
    'keeps the listeners that it had (C34)',
    ({ http, note, on }) => {
      const server = http.createServer();
      const before = server.listenerCount('listening');
      on('count', () => note(`${server.listenerCount('listening') - before} more`));
      return server;
    },
    async ({ noted, send }) => {
      send('count');
      await noted('0 more');
    },
  );

  behaviour(
    'closed twice, the second callback has an error (C34)',
    ({ http, note, on }) => {
      const server = http.createServer();
      on('close', () => {
        server.close(() => {
          note('closed');
          server.close((error) => note((error as NodeJS.ErrnoException).code ?? ''));
        });
      });
      return server;
    },
    async ({ noted, send }) => {
      send('close');
      await noted('ERR_SERVER_NOT_RUNNING');
    },
  );

  behaviour(
    'counts its connections (C34)',
    ({ http, note, on }) => {
      const server = http.createServer(() => note('called'));
      on('count', () => void server.getConnections((error, count) => note(`${error} ${count}`)));
      return server;
    },
    async ({ noted, notes, send, connect }) => {
      for (let i = 0; i < 2; i++) await (await connect()).write(GET);
      await until(
        () => notes.length === 2,
        () => 'two calls are missing',
      );
      send('count');
      await noted('null 2');
    },
    OWN,
  );

  behaviour(
    'throws an error of the callback of close outside of promises (C38)',
    ({ http, note, on }) => {
      const server = http.createServer();
      on('close', () => {
        process.removeAllListeners('uncaughtException');
        process.once('uncaughtException', (error, origin) => note(`${origin} ${error.message}`));
        server.close(() => {
          throw new Error('of close');
        });
      });
      return server;
    },
    async ({ noted, send }) => {
      send('close');
      await noted('uncaughtException of close');
    },
  );

  behaviour(
    'closes when the signal of listen aborts (C44)',
    ({ http, note, on }) => {
      const controller = new AbortController();
      const server = http.createServer();
      server.on('close', () => note('closed'));
      on('abort', () => controller.abort());
      return server.listen({ port: 0, host: '127.0.0.1', signal: controller.signal });
    },
    async ({ noted, send }) => {
      send('abort');
      await noted('closed');
    },
  );

  behaviour(
    'gives its sockets the highWaterMark (C44)',
    ({ http }) =>
      http.createServer({ highWaterMark: 1000 }, ({ socket }, response) => {
        const marks = [socket.writableHighWaterMark, response.writableHighWaterMark];
        response.end(JSON.stringify([...marks, response.write('x'.repeat(2000))]));
      }),
    async ({ connect }) => {
      const client = await connect();
      await client.write(GET);
      expect((await client.answer())?.body).toMatch(/\[1000,1000,false\]$/);
    },
  );
});

describe('limits that are set after listen', () => {
  const program: Program = ({ http, note, on }) => {
    const server = http.createServer({ connectionsCheckingInterval: 20 }, (request, response) => {
      request.resume().on('end', () => response.end('answer'));
    });
    on('keepAliveTimeout', () => {
      server.keepAliveTimeout = 100;
      Object.assign(server, { keepAliveTimeoutBuffer: 0 });
      note('set');
    });
    on('headersTimeout', () => {
      server.headersTimeout = 100;
      note('set');
    });
    on('requestTimeout', () => {
      server.requestTimeout = 100;
      note('set');
    });
    on('both', () => {
      server.headersTimeout = 50;
      server.requestTimeout = 100;
      note('set');
    });
    on('maxConnections', () => {
      server.maxConnections = 1;
      server.on('drop', (data) => note(`drop ${data?.remoteFamily} ${typeof data?.remotePort}`));
      note('set');
    });
    on('closeIdleConnections', () => {
      server.closeIdleConnections();
      note('set');
    });
    on('maxHeadersCount', () => {
      server.maxHeadersCount = 3;
      note('set');
    });
    on('no maxHeadersCount', () => {
      server.maxHeadersCount = 0;
      note('set');
    });
    return server;
  };

  behaviour('keepAliveTimeout ends an idle connection (C35)', program, async ({ connect, send, noted }) => {
    send('keepAliveTimeout');
    await noted('set');
    const client = await connect();
    await client.write(GET);
    expect(await client.answer()).toMatchObject({ body: 'answer' });
    expect([await client.rest(), client.ended]).toEqual(['', true]);
  });

  for (const name of ['headersTimeout', 'requestTimeout'])
    behaviour(
      `${name} ends a head that does not come (C35) (C40)`,
      program,
      async ({ connect, send, noted }) => {
        send(name);
        await noted('set');
        const start = performance.now();
        const client = await connect();
        await client.write('GET / HTTP/1.1\r\n');
        expect(await client.rest()).toMatch(/^HTTP\/1\.1 408 Request Timeout\r\n/);
        expect(performance.now() - start).toBeLessThan(SHORT_MS);
      },
    );

  behaviour(
    'requestTimeout ends a body that does not come (C35)',
    program,
    async ({ connect, send, noted }) => {
      send('both');
      await noted('set');
      const start = performance.now();
      const client = await connect();
      await client.write('POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 5\r\n\r\nab');
      expect(await client.rest()).toMatch(/^HTTP\/1\.1 408 Request Timeout\r\n/);
      expect(performance.now() - start).toBeLessThan(SHORT_MS);
    },
  );

  behaviour(
    "maxConnections drops a connection, and emits 'drop' (C44)",
    program,
    async ({ connect, send, noted }) => {
      send('maxConnections');
      await noted('set');
      const first = await connect();
      await first.write(GET);
      expect(await first.answer()).toMatchObject({ body: 'answer' });
      const second = await connect();
      expect(await second.rest()).toBe('');
      await noted('drop IPv4 number');
      await first.write(GET);
      expect(await first.answer()).toMatchObject({ body: 'answer' });
    },
    OWN,
  );

  behaviour(
    'closeIdleConnections ends those that have been answered (C37)',
    program,
    async ({ connect, send, noted }) => {
      const [idle, busy] = [await connect(), await connect()];
      await busy.write('GET / HTTP/1.1\r\nHo');
      await idle.write(GET);
      expect(await idle.answer()).toMatchObject({ body: 'answer' });
      send('closeIdleConnections');
      await noted('set');
      expect(await idle.rest()).toBe('');
      await busy.write('st: a\r\n\r\n');
      expect(await busy.answer()).toMatchObject({ body: 'answer' });
    },
  );

  behaviour(
    'maxHeadersCount bounds the fields of later requests (C35)',
    program,
    async ({ connect, send, noted }) => {
      const fields = (count: number) => Array.from({ length: count }, (_, index) => `x-${index}: a`);
      const client = await connect();
      await client.write(get('/', ...fields(90)));
      expect(await client.answer()).toMatchObject({ body: 'answer' });
      send('maxHeadersCount');
      await noted('set');
      await client.write(get('/', ...fields(2)));
      expect(await client.answer()).toMatchObject({ body: 'answer' });
      await client.write(get('/', ...fields(3)));
      expect(await client.answer()).toMatchObject({ status: 431 });
    },
    ['tsgi-threads/node', 'a worker'],
  );

  behaviour(
    'maxHeadersCount of 0 is as many fields as there is room for (C35)',
    program,
    async ({ connect, send, noted }) => {
      send('no maxHeadersCount');
      await noted('set');
      const client = await connect();
      const fields = Array.from({ length: 1000 }, (_, index) => `x-${index}: a`);
      await client.write(get('/', ...fields));
      expect(await client.answer()).toMatchObject({ body: 'answer' });
    },
  );
});

behaviour(
  'closeAllConnections leaves upgraded sockets, and the server goes on (C37)',
  ({ http, note, on }) => {
    const server = http.createServer((request, response) => {
      if (request.url === '/answer') return void response.end('answer');
      note('called');
      request.on('close', () => note('request close'));
      response.on('close', () => note(`response close ${response.writableFinished}`));
    });
    server.on('upgrade', (_, socket) => {
      socket.write('HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: own\r\n\r\n');
      socket.on('data', (bytes) => socket.write(bytes));
    });
    on('closeAllConnections', () => {
      server.closeAllConnections();
      note('set');
    });
    return server;
  },
  async ({ connect, send, noted }) => {
    const upgraded = await connect();
    await upgraded.write(get('/', 'Connection: Upgrade', 'Upgrade: own'));
    await upgraded.until(() => upgraded.received.includes('\r\n\r\n'));
    const idle = await connect();
    await idle.write(get('/answer'));
    await idle.answer();
    const [silent, half, busy] = [await connect(), await connect(), await connect()];
    await half.write('GET / HTTP/1.1\r\nHo');
    await busy.write(GET);
    await noted('called');
    send('closeAllConnections');
    await noted('set');
    for (const client of [idle, silent, half, busy]) expect(await client.rest()).toBe('');
    await noted('response close false');
    await noted('request close');
    await upgraded.write('still here');
    await upgraded.until(() => upgraded.received.includes('still here'));
    expect(upgraded.ended).toBe(false);
    const next = await connect();
    await next.write(get('/answer'));
    expect(await next.answer()).toMatchObject({ body: 'answer' });
  },
);

describe('server.close() with a busy connection', () => {
  const program: Program = ({ http, note, on }) => {
    const server = http.createServer((request, response) => {
      if (request.url === '/next') return void response.end('next');
      if (request.url === '/begun') response.write('be');
      on('end', () => response.end('gun'));
      note('called');
    });
    on('close', () => {
      server.close();
      note('closes');
    });
    return server;
  };

  behaviour('a request behind an answer that has begun is answered (C47)', program, async (tried) => {
    const client = await tried.connect();
    await client.write(get('/begun') + get('/next'));
    await tried.noted('called');
    await client.until(() => client.received.includes('be'));
    tried.send('close');
    await tried.noted('closes');
    tried.send('end');
    expect(await client.answer()).toMatchObject({ body: 'begun' });
    expect(await client.answer()).toMatchObject({ body: 'next' });
  });

  behaviour(
    'an answer that begins later says that the connection closes (C47)',
    program,
    async (tried) => {
      const client = await tried.connect();
      await client.write(get('/') + get('/next'));
      await tried.noted('called');
      tried.send('close');
      await tried.noted('closes');
      tried.send('end');
      expect(await client.answer()).toMatchObject({ body: 'gun', headers: { connection: 'close' } });
      expect([await client.rest(), client.ended]).toEqual(['', true]);
    },
    ['tsgi-threads/node'],
  );
});

describe('maxRequestsPerSocket', () => {
  behaviour(
    'the last answer says that the connection closes (C44)',
    ({ http }) => {
      const server = http.createServer((_, response) => response.end('answer'));
      server.maxRequestsPerSocket = 2;
      server.keepAliveTimeout = 1;
      return server;
    },
    async ({ connect }) => {
      const client = await connect();
      await client.write(get('/'));
      expect((await client.answer())?.headers.connection).toBe('keep-alive');
      await client.write(get('/'));
      expect((await client.answer())?.headers.connection).toBe('close');
      expect([await client.rest(), client.ended]).toEqual(['', true]);
    },
  );
});

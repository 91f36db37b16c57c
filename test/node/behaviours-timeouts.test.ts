/**
 * Timeouts of sockets: of the server, of a request, of a response, and of a socket.
 */
import { setTimeout as wait } from 'node:timers/promises';
import { describe, expect } from 'vitest';
import type { SubjectName } from './behaviours.ts';
import { behaviour, GET, get, type Program } from './behaviours.ts';
import { until } from '../support/until.ts';

/**
 * Servers whose object emits events of connections without a request. For a worker, the acceptor has these connections.
 */
const OWN: readonly SubjectName[] = ['node:http', 'tsgi-threads/node'];

describe('server.timeout without a listener', () => {
  const program: Program = ({ http, note, on }) => {
    const server = http.createServer((request, response) => {
      request.on('close', () => note('request close'));
      response.on('close', () => note(`response close ${response.writableFinished}`));
      if (request.url === '/answer') return void response.end('answer');
      if (request.url === '/begun') response.write('begun');
      note('called');
    });
    server.timeout = 150;
    on('setTimeout', () => void note(`set ${server.setTimeout(100) === server} ${server.timeout}`));
    on('off', () => void note(`set ${server.setTimeout(0).timeout}`));
    on('noKeepAlive', () => {
      server.keepAliveTimeout = 0;
      note('set');
    });
    return server;
  };

  behaviour('ends a connection that asks nothing (C39)', program, async ({ connect }) => {
    const start = performance.now();
    const client = await connect();
    expect([await client.rest(), client.ended]).toEqual(['', true]);
    const time = performance.now() - start;
    // Shorter than every time limit of the acceptor.
    expect([time > 140, time < 5000, time]).toEqual([true, true, time]);
  });

  behaviour('ends a connection with half a head, without an answer (C39)', program, async ({ connect }) => {
    const client = await connect();
    await client.write('GET / HTTP/1.1\r\nHo');
    expect([await client.rest(), client.ended]).toEqual(['', true]);
  });

  behaviour('counts from the last byte that came (C39)', program, async ({ connect }) => {
    const client = await connect();
    for (const byte of 'GET /answer ') {
      await client.write(byte);
      await wait(40);
    }
    await client.write('HTTP/1.1\r\nHost: a\r\n\r\n');
    expect(await client.answer()).toMatchObject({ body: 'answer' });
  });

  for (const target of ['/', '/begun'])
    behaviour(`breaks off an answer: ${target} (C39)`, program, async ({ connect, noted, notes }) => {
      const client = await connect();
      await client.write(get(target));
      await noted('called');
      const text = await client.rest();
      expect([text.includes('begun'), text.endsWith('0\r\n\r\n')]).toEqual([target === '/begun', false]);
      await noted('response close false');
      await noted('request close');
      expect(notes).not.toContain('response close true');
    });

  behaviour('counts from the last byte that was written (C39)', program, async ({ connect }) => {
    const times: number[] = [];
    for (let i = 0; i < 3; i++) {
      const client = await connect();
      await client.write(get('/begun'));
      const start = performance.now();
      await client.rest();
      times.push(performance.now() - start);
    }
    // Repeats, because other load on the machine may disturb one attempt.
    expect(Math.min(...times)).toBeLessThan(280);
  });

  behaviour('does not end a connection that was answered (C39)', program, async ({ connect }) => {
    const client = await connect();
    await client.write(get('/answer'));
    expect(await client.answer()).toMatchObject({ body: 'answer' });
    await wait(400);
    await client.write(get('/answer'));
    expect(await client.answer()).toMatchObject({ body: 'answer' });
  });

  behaviour(
    'ends a connection that was answered if keepAliveTimeout is 0 (C39)',
    program,
    async ({ connect, send, noted }) => {
      send('noKeepAlive');
      await noted('set');
      const client = await connect();
      await client.write(get('/answer'));
      expect(await client.answer()).toMatchObject({ body: 'answer' });
      expect([await client.rest(), client.ended]).toEqual(['', true]);
    },
  );

  behaviour('changes by setTimeout behind listen (C39)', program, async ({ connect, send, noted }) => {
    send('off');
    await noted('set 0');
    const client = await connect();
    await client.write('GET /answer HTTP/1.1\r\nHo');
    await wait(400);
    send('setTimeout');
    await noted('set true 100');
    const second = await connect();
    expect([await second.rest(), second.ended]).toEqual(['', true]);
    await client.write('st: a\r\n\r\n');
    expect(await client.answer()).toMatchObject({ body: 'answer' });
  });
});

describe("the listener of server.setTimeout, and 'timeout'", () => {
  const program: Program = ({ http, note, on }) => {
    const server = http.createServer((request, response) => {
      note('called');
      request.on('timeout', () => note('request'));
      response.on('timeout', () => note('response'));
      request.socket.on('timeout', () => note('socket'));
      if (request.url === '/answer') response.end('answer');
      on('end', () => response.end('late'));
    });
    server.on('timeout', (socket) => {
      note(`server ${typeof socket.destroy} ${socket.remoteAddress} ${socket.destroyed}`);
      on('destroy', () => socket.destroy());
    });
    server.timeout = 100;
    on('keepAlive', () => {
      server.keepAliveTimeout = 50;
      Object.assign(server, { keepAliveTimeoutBuffer: 50 });
      note('set');
    });
    on('callback', () => {
      server.setTimeout(50, (socket) => note(`callback ${socket.remoteAddress}`));
      note('set');
    });
    return server;
  };

  for (const bytes of ['', 'GET / HT'])
    behaviour(
      `keeps a connection that has sent ${bytes.length} bytes, until it destroys the socket (C39)`,
      program,
      async ({ connect, send, noted, notes }) => {
        const client = await connect();
        await client.write(bytes);
        await noted('server function 127.0.0.1 false');
        await wait(300);
        expect([notes, client.ended]).toEqual([['server function 127.0.0.1 false'], false]);
        send('destroy');
        expect([await client.rest(), client.ended]).toEqual(['', true]);
      },
      OWN,
    );

  behaviour(
    'a connection that it kept is served, and timed anew (C39)',
    program,
    async ({ connect, send, noted, notes }) => {
      const client = await connect();
      await noted('server function 127.0.0.1 false');
      (notes as string[]).length = 0;
      await client.write(GET);
      await noted('server function 127.0.0.1 false');
      expect(notes).toEqual(['called', 'response', 'server function 127.0.0.1 false', 'socket']);
      send('end');
      expect(await client.answer()).toMatchObject({ body: 'late' });
    },
    OWN,
  );

  behaviour(
    'is called for a connection that was answered, by keepAliveTimeout (C39)',
    program,
    async ({ connect, send, noted }) => {
      send('keepAlive');
      await noted('set');
      const client = await connect();
      await client.write(get('/answer'));
      expect(await client.answer()).toMatchObject({ body: 'answer' });
      await noted('server function 127.0.0.1 false');
      await client.write(get('/answer'));
      expect(await client.answer()).toMatchObject({ body: 'answer' });
    },
    OWN,
  );

  behaviour(
    'may come behind listen (C39)',
    program,
    async ({ connect, send, noted, notes }) => {
      send('callback');
      await noted('set');
      await connect();
      await noted('callback 127.0.0.1');
      expect(notes).toEqual(['set', 'server function 127.0.0.1 false', 'callback 127.0.0.1']);
    },
    OWN,
  );

  behaviour(
    'request, response, server and socket hear in this order (C39)',
    program,
    async ({ connect, send, noted, notes }) => {
      const client = await connect();
      await client.write('POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 3\r\n\r\na');
      await noted('socket');
      expect(notes).toEqual(['called', 'request', 'response', 'server function 127.0.0.1 false', 'socket']);
      (notes as string[]).length = 0;
      const second = await connect();
      await second.write(GET);
      await noted('socket');
      expect(notes).toEqual(['called', 'response', 'server function 127.0.0.1 false', 'socket']);
      send('end');
      expect(await second.answer()).toMatchObject({ body: 'late' });
    },
  );
});

describe('setTimeout of request, response and socket', () => {
  /** `/of`, or `/of/listen`, where a listener of the response keeps the connection. */
  const program: Program = ({ http, note, on }) =>
    http.createServer((request, response) => {
      const [, of, listen] = request.url!.split('/');
      if (of === 'next') return void response.end('next');
      const target = { request, response, socket: request.socket }[of!]!;
      if (listen !== undefined) response.on('timeout', () => note('response listener'));
      const result = target.setTimeout(50, (socket?: unknown) => {
        note(`timeout of ${of} ${socket === (of === 'socket' ? undefined : request.socket)}`);
      });
      note(`${result === target} ${request.socket.timeout}`);
      on('end', () => response.end('late'));
    });
  const post = (target: string) => `POST ${target} HTTP/1.1\r\nHost: a\r\nContent-Length: 3\r\n\r\na`;

  for (const of of ['request', 'response'])
    behaviour(
      `${of}: the callback keeps the connection (C39)`,
      program,
      async ({ connect, send, noted, notes }) => {
        const client = await connect();
        await client.write(post(`/${of}`));
        await noted(`timeout of ${of} true`);
        expect(notes).toEqual(['true 50', `timeout of ${of} true`]);
        send('end');
        expect(await client.answer()).toMatchObject({ body: 'late' });
      },
    );

  behaviour('socket: the callback does not keep the connection (C39)', program, async (tried) => {
    const client = await tried.connect();
    await client.write(get('/socket'));
    await tried.noted('timeout of socket true');
    expect(await client.rest()).toBe('');
  });

  behaviour('socket: a listener of the response keeps the connection (C39)', program, async (tried) => {
    const client = await tried.connect();
    await client.write(get('/socket/listen'));
    await tried.noted('timeout of socket true');
    expect(tried.notes).toEqual(['true 50', 'response listener', 'timeout of socket true']);
    tried.send('end');
    expect(await client.answer()).toMatchObject({ body: 'late' });
    await client.write(get('/next'));
    expect(await client.answer()).toMatchObject({ body: 'next' });
  });

  behaviour('request: a complete request does not hear (C39)', program, async (tried) => {
    const client = await tried.connect();
    await client.write(get('/request/listen'));
    await tried.noted('response listener');
    expect(tried.notes).toEqual(['true 50', 'response listener']);
  });

  behaviour(
    'socket: takes no text, no negative number and no infinity (C39)',
    ({ http, note }) =>
      http.createServer(({ socket }, response) => {
        for (const value of ['100', -1, Number.POSITIVE_INFINITY, Number.NaN, undefined])
          try {
            socket.setTimeout(value as number);
            note('no error');
          } catch (error) {
            note(`${(error as Error).name} ${(error as NodeJS.ErrnoException).code}`);
          }
        response.end(`answer ${socket.setTimeout(0).timeout}`);
      }),
    async ({ connect, notes }) => {
      const client = await connect();
      await client.write(GET);
      expect(await client.answer()).toMatchObject({ body: 'answer 0' });
      await until(
        () => notes.length === 5,
        () => `${notes.length} notes`,
      );
      expect(notes).toEqual([
        'TypeError ERR_INVALID_ARG_TYPE',
        'RangeError ERR_OUT_OF_RANGE',
        'RangeError ERR_OUT_OF_RANGE',
        'RangeError ERR_OUT_OF_RANGE',
        'TypeError ERR_INVALID_ARG_TYPE',
      ]);
    },
  );
});

describe('a slow client that is not silent', () => {
  const program: Program = ({ http, note }) => {
    const server = http.createServer((request, response) => {
      note('called');
      response.on('timeout', () => note('timeout'));
      if (request.url === '/unread') {
        // The server does not read the body before the response.
        setTimeout(() => response.end('answer'), 1200);
        return;
      }
      response.write(Buffer.alloc(16 * 1024 * 1024, 'x'));
      response.on('drain', () => response.end());
    });
    server.timeout = 500;
    return server;
  };

  behaviour('may read for longer than server.timeout (C39)', program, async ({ connect, notes }) => {
    const { socket } = await connect();
    let [bytes, allowed] = [0, 0];
    socket.removeAllListeners('data');
    socket.on('data', ({ length }) => {
      bytes += length;
      if (bytes > allowed) socket.pause();
    });
    // 10 MB a second.
    const slow = setInterval(() => {
      allowed += 400_000;
      socket.resume();
    }, 40);
    socket.write(GET);
    await until(
      () => bytes > 16 * 1024 * 1024,
      () => `${bytes} bytes, ${notes.join()}`,
    );
    clearInterval(slow);
    expect(notes).toEqual(['called']);
  });

  behaviour('may send a body that nobody reads (C39)', program, async ({ connect, notes }) => {
    const client = await connect();
    await client.write('POST /unread HTTP/1.1\r\nHost: a\r\nContent-Length: 10\r\n\r\n');
    for (let i = 0; i < 10; i++) {
      await client.write('a');
      await wait(100);
    }
    expect(await client.answer()).toMatchObject({ body: 'answer' });
    expect(notes).toEqual(['called']);
  });
});

describe('an upgraded socket', () => {
  behaviour(
    "has the server's timeout, and only its own listeners (C39)",
    ({ http, note }) => {
      const server = http.createServer();
      server.timeout = 100;
      server.on('timeout', () => note('server'));
      server.on('upgrade', (_, socket) => {
        socket.write('HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: own\r\n\r\n');
        note(String((socket as unknown as { timeout: number }).timeout));
        socket.on('timeout', () => {
          note('timeout');
          socket.end('bye');
        });
      });
      return server;
    },
    async ({ connect, notes }) => {
      const client = await connect();
      await client.write(get('/', 'Connection: Upgrade', 'Upgrade: own'));
      expect(await client.rest()).toMatch(/\r\n\r\nbye$/);
      expect(notes).toEqual(['100', 'timeout']);
    },
  );
});

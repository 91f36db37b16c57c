/**
 * The end of a connection, caused by the application or by the client.
 */
import { describe, expect } from 'vitest';
import { behaviour, get, type Program } from './behaviours.ts';

const post = (target: string) => `POST ${target} HTTP/1.1\r\nHost: a\r\nContent-Length: 3\r\n\r\nabc`;

describe('a socket that is ended in the middle of a response', () => {
  /** `/how/size` */
  const program: Program = ({ http }) =>
    http.createServer((request, response) => {
      const [, how, size] = request.url!.split('/');
      if (how === 'next') return void response.end('next');
      response.write(Buffer.alloc(Number(size), 'x'));
      (request.socket as unknown as Record<string, () => void>)[how!]!();
      response.write('behind');
    });

  for (const how of ['end', 'destroySoon'])
    behaviour(
      `${how}: the client receives what was written, then the end (C2)`,
      program,
      async ({ connect }) => {
        for (const size of [1000, 300_000, 8 * 1024 * 1024]) {
          for (const readsLate of [false, true]) {
            const client = await connect();
            if (readsLate) client.socket.pause();
            await client.write(get(`/${how}/${size}`) + get('/next'));
            if (readsLate) {
              // After a response on another connection, the response above is written as far as possible.
              const other = await connect();
              await other.write(get('/next'));
              await other.answer();
              client.socket.resume();
            }
            const text = await client.rest();
            const body = text.slice(text.indexOf('\r\n\r\n') + 4);
            const expected = `${size.toString(16)}\r\n\r\n`.length + size;
            expect([client.ended, client.error, body.length, text.includes('next')]).toEqual([
              true,
              undefined,
              expected,
              false,
            ]);
          }
        }
      },
    );
});

describe('a socket that is closed after a finished response', () => {
  /** `/how/when`, and `?chunked` */
  const program: Program = ({ http }) =>
    http.createServer((request, response) => {
      const [, how, when] = request.url!.split(/[/?]/);
      if (how === 'next') return void setTimeout(() => response.end('next'), 50);
      const { socket } = request;
      const close = () => void (socket as unknown as Record<string, () => void>)[how!]!();
      if (when === 'finish') response.on('finish', close);
      if (when === 'close') response.on('close', close);
      if (request.url!.endsWith('?chunked')) response.write('an ');
      response.end('answer');
      if (when === 'now') close();
      if (when === 'later') setTimeout(close, 10);
    });

  for (const how of ['end', 'destroy', 'destroySoon'])
    behaviour(
      `${how}: the client receives the answer, then the end (C2) (C41)`,
      program,
      async ({ connect }) => {
        for (const when of ['now', 'finish', 'close', 'later']) {
          for (const request of [get, post]) {
            const client = await connect();
            await client.write(request(`/${how}/${when}`));
            expect(await client.answer()).toMatchObject({ status: 200, body: 'answer' });
            expect([await client.rest(), client.ended]).toEqual(['', true]);
          }
        }
      },
    );

  for (const how of ['end', 'destroy'])
    behaviour(`${how}: HEAD, chunks and HTTP/1.0 end the same way (C41)`, program, async ({ connect }) => {
      const chunked = await connect();
      await chunked.write(get(`/${how}/finish?chunked`));
      expect(await chunked.answer()).toMatchObject({ body: 'an answer' });
      expect([await chunked.rest(), chunked.ended]).toEqual(['', true]);
      const head = await connect();
      await head.write(get(`/${how}/finish`).replace('GET', 'HEAD'));
      expect(await head.answer(true)).toMatchObject({ status: 200 });
      expect([await head.rest(), head.ended]).toEqual(['', true]);
      const old = await connect();
      await old.write(get(`/${how}/finish`, 'Connection: keep-alive').replace('1.1', '1.0'));
      expect(await old.answer()).toMatchObject({ body: 'answer' });
      expect([await old.rest(), old.ended]).toEqual(['', true]);
    });

  for (const how of ['end', 'destroy'])
    behaviour(`${how}: a request that runs on the connection is lost (C41)`, program, async ({ connect }) => {
      const client = await connect();
      await client.write(get(`/${how}/later`) + get('/next'));
      expect(await client.answer()).toMatchObject({ body: 'answer' });
      expect([await client.rest(), client.ended || client.error !== undefined]).toEqual(['', true]);
    });

  behaviour('other connections are not affected (C41)', program, async ({ connect }) => {
    const [first, second] = [await connect(), await connect()];
    await second.write(get('/next'));
    await first.write(get('/destroy/finish'));
    expect(await first.answer()).toMatchObject({ body: 'answer' });
    expect(await second.answer()).toMatchObject({ body: 'next' });
  });
});

describe('a half-closed client', () => {
  const program: Program = ({ http, note }) =>
    http.createServer((request, response) => {
      if (request.url === '/sync') return void response.end('answer');
      for (const name of ['aborted', 'close', 'error']) request.on(name, () => note(`request ${name}`));
      response.on('close', () => note(`response close ${response.writableFinished}`));
      if (request.url === '/stream') response.write('begun');
      note('called');
    });

  for (const target of ['/wait', '/stream'])
    behaviour(
      `the application is called back within milliseconds: ${target} (C43)`,
      program,
      async ({ connect, noted, notes }) => {
        const times: number[] = [];
        for (let i = 0; i < 5; i++) {
          (notes as string[]).length = 0;
          const client = await connect();
          await client.write(get(target));
          await noted('called');
          const start = performance.now();
          client.socket.end();
          await noted('response close false');
          times.push(performance.now() - start);
          await noted('request close');
          await client.rest();
          expect([client.ended, notes]).toEqual([
            true,
            ['called', 'request aborted', 'response close false', 'request error', 'request close'],
          ]);
        }
        // Repeats, because other load on the machine may disturb one attempt.
        expect(Math.min(...times)).toBeLessThan(30);
      },
    );

  behaviour(
    'still receives what listeners answer in their first call (C43)',
    program,
    async ({ connect }) => {
      const client = await connect();
      client.socket.end(get('/sync') + get('/sync') + get('/sync'));
      const text = await client.rest();
      expect([client.ended, text.match(/\r\n\r\nanswer/g)?.length]).toEqual([true, 3]);
    },
  );

  behaviour(
    'a client that destroys its socket is noticed as well (C43)',
    program,
    async ({ connect, noted, notes }) => {
      const times: number[] = [];
      for (let i = 0; i < 5; i++) {
        (notes as string[]).length = 0;
        const client = await connect();
        await client.write(get('/wait'));
        await noted('called');
        const start = performance.now();
        client.socket.destroy();
        await noted('response close false');
        times.push(performance.now() - start);
      }
      expect(Math.min(...times)).toBeLessThan(30);
    },
  );
});

describe('a source that fails in pipeline(source, response, done)', () => {
  const program: Program = ({ http, stream, note }) =>
    http.createServer((request, response) => {
      request.on('close', () => note('request close'));
      response.on('close', () => note('response close'));
      request.socket.on('close', (hadError) => note(`socket close ${hadError}`));
      request.socket.on('error', ({ message }) => note(`socket error ${message}`));
      const source = new stream.Readable({ read() {} });
      stream.pipeline(source, response, (error) => {
        note(`done ${error?.message}`);
      });
      if (request.url === '/begun') source.push('begun');
      setTimeout(() => {
        source.destroy(new Error('oops'));
        setImmediate(() => note('immediate'));
      }, 5);
    });

  for (const target of ['/', '/begun'])
    behaviour(
      `the events come in the order of Node: ${target} (C42)`,
      program,
      async ({ connect, noted, notes }) => {
        const client = await connect();
        await client.write(get(target));
        await client.rest();
        await noted('socket close true');
        await noted('request close');
        await noted('immediate');
        expect(notes).toEqual([
          'socket error oops',
          'done oops',
          'immediate',
          'response close',
          'socket close true',
          'request close',
        ]);
      },
    );
});

describe('a connection that the application destroys', () => {
  /** The target names the object to destroy. */
  const program: Program = ({ http }) =>
    http.createServer((request, response) => {
      if (request.url === '/next') return void response.end('next');
      const { socket } = request;
      ({ request, response, socket })[request.url!.slice(1) as 'request' | 'response' | 'socket'].destroy();
    });

  for (const what of ['request', 'response', 'socket'])
    behaviour(
      `${what}.destroy() before the head ends the connection without a reset`,
      program,
      async ({ connect }) => {
        const client = await connect();
        await client.write(get(`/${what}`));
        expect([await client.rest(), client.ended, client.error]).toEqual(['', true, undefined]);
      },
    );

  behaviour(
    "ends when the application emits 'error' on its socket, and others are served",
    ({ http }) =>
      http.createServer((request, response) => {
        if (request.url === '/next') return void response.end('next');
        response.write('part', () => request.socket.emit('error', new Error('own')));
      }),
    async ({ connect }) => {
      const client = await connect();
      await client.write(get('/'));
      await client.rest();
      const other = await connect();
      await other.write(get('/next'));
      expect(await other.answer()).toMatchObject({ status: 200, body: 'next' });
    },
  );
});

describe('the messages of a request', () => {
  behaviour(
    'are short enough for the message of a failed assertion',
    ({ http, note }) =>
      http.createServer((request, response) => {
        const { inspect } = process.getBuiltinModule('node:util');
        // As node:assert prints the values that it compares.
        const all = { customInspect: false, depth: 1000, maxArrayLength: Infinity };
        note(`printed ${inspect({ request, response }, all).length < 2 ** 20}`);
        response.end();
      }),
    async ({ connect, noted }) => {
      const client = await connect();
      await client.write(get('/'));
      await noted('printed true');
    },
  );
});

/**
 * `request.socket` at the end of a request, and a client that leaves before its body was read.
 */
import { describe, expect } from 'vitest';
import { behaviour, get, type Program } from './behaviours.ts';

describe('a socket with a listener of close', () => {
  /** `/how` */
  const program: Program = ({ http, note }) =>
    http.createServer((request, response) => {
      const { socket } = request;
      socket.on('close', () => {});
      socket.on('error', () => {});
      if (request.url === '/next') return void response.end('next');
      response.on('finish', () => {
        note(`destroyed ${socket.destroyed}`);
        if (request.url === '/request') request.destroy();
        else if (!socket.destroyed) socket.end();
      });
      response.end('answer');
    });

  for (const how of ['request', 'guarded'])
    behaviour(
      `${how}: the connection is closed behind a finished response (C41)`,
      program,
      async ({ connect, notes }) => {
        const client = await connect();
        await client.write(get(`/${how}`));
        expect(await client.answer()).toMatchObject({ body: 'answer' });
        expect([await client.rest(), client.ended, notes]).toEqual(['', true, ['destroyed false']]);
      },
    );
});

describe('a socket that is destroyed after `end`', () => {
  const program: Program = ({ http, note }) =>
    http.createServer((request, response) => {
      for (const name of ['end', 'close']) request.on(name, () => note(`request ${name}`));
      for (const name of ['finish', 'close']) response.on(name, () => note(`response ${name}`));
      request.socket.on('close', () => note('socket close'));
      response.end('answer');
      request.socket.destroy();
    });

  for (const body of ['', 'abc'])
    behaviour(
      `request and response emit all their events, with a body of ${body.length} bytes`,
      program,
      async ({ connect, noted, notes }) => {
        const client = await connect();
        await client.write(`POST / HTTP/1.1\r\nHost: a\r\nContent-Length: ${body.length}\r\n\r\n${body}`);
        expect(await client.rest()).toContain('answer');
        await noted('socket close');
        expect(notes).toEqual([
          'response finish',
          'response close',
          'request end',
          'request close',
          'socket close',
        ]);
      },
    );
});

describe('bytes that were written before the socket is destroyed', () => {
  /** `/how/when` */
  const program: Program = ({ http }) =>
    http.createServer((request, response) => {
      const [, how, when] = request.url!.split('/');
      request.socket.on('error', () => {});
      const destroy = () => void (request.socket as unknown as Record<string, () => void>)[how!]!();
      if (when === 'flushed') response.flushHeaders();
      else response.write('part');
      if (when === 'tick') process.nextTick(destroy);
      else destroy();
    });

  for (const how of ['destroy', 'resetAndDestroy'])
    behaviour(`${how}: the client receives them`, program, async ({ connect }) => {
      for (const [when, expected] of [
        ['flushed', 'HTTP/1.1 200 OK'],
        ['tick', 'part'],
      ]) {
        const client = await connect();
        await client.write(get(`/${how}/${when}`));
        expect(await client.rest()).toContain(expected);
      }
    });

  behaviour(
    'resetAndDestroy: the connection ends, and nothing more is sent',
    program,
    async ({ connect }) => {
      const client = await connect();
      await client.write(get('/resetAndDestroy/now') + get('/destroy/flushed'));
      expect([await client.rest(), client.ended || client.error !== undefined]).toEqual(['', true]);
    },
  );
});

describe('a client that sends its complete body and half-closes', () => {
  /** `/how` */
  const program: Program = ({ http, note, on }) => {
    const waiting: (() => void)[] = [];
    on('read', () => waiting.splice(0).forEach((read) => read()));
    return http.createServer((request, response) => {
      request.socket.on('end', () => note('socket end'));
      response.on('close', () => note(`response close ${response.writableFinished}`));
      request.on('error', ({ message }) => note(message));
      let bytes = 0;
      const read = () =>
        request
          .on('data', (chunk: Buffer) => {
            bytes += chunk.length;
          })
          .on('end', () => {
            note(`read ${bytes}`);
            response.end(`${bytes}`);
          });
      if (request.url === '/late') waiting.push(read);
      else read();
      note('called');
    });
  };
  const post = (target: string, bytes: number, framing: string) => {
    const body = 'x'.repeat(bytes);
    const head = `POST ${target} HTTP/1.1\r\nHost: a\r\n`;
    return framing === 'length'
      ? `${head}Content-Length: ${bytes}\r\n\r\n${body}`
      : `${head}Transfer-Encoding: chunked\r\n\r\n${bytes.toString(16)}\r\n${body}\r\n0\r\n\r\n`;
  };

  for (const framing of ['length', 'chunked'])
    behaviour(
      `a listener that reads late receives all of it, framed by ${framing} (C8)`,
      program,
      async ({ connect, noted, notes, send }) => {
        for (const bytes of [100_000, 300_000, 1_000_000]) {
          (notes as string[]).length = 0;
          const client = await connect();
          client.socket.end(post('/late', bytes, framing));
          await noted('called');
          // Another request is answered after it, so the client's end has arrived as far as possible.
          const other = await connect();
          await other.write(post('/now', 3, 'length'));
          expect(await other.answer()).toMatchObject({ body: '3' });
          send('read');
          await noted(`read ${bytes}`);
          expect(await client.rest()).toContain(`\r\n\r\n${bytes}`);
        }
      },
    );

  behaviour('the socket emits end (C43)', program, async ({ connect, noted }) => {
    const client = await connect();
    await client.write(post('/late', 3, 'length'));
    await noted('called');
    client.socket.end();
    await noted('socket end');
    await noted('response close false');
  });
});

describe('a client that leaves after a body that no code reads', () => {
  const program: Program = ({ http, note }) => {
    const server = http.createServer((request) => {
      request.on('error', ({ message }) => note(message));
      note('called');
    });
    server.keepAliveTimeout = 100;
    return server;
  };

  behaviour(
    'holds its request no longer than an idle connection is held',
    program,
    async ({ connect, noted, notes }) => {
      const client = await connect();
      await client.write(`POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 66000\r\n\r\n${'x'.repeat(66_000)}`);
      await noted('called');
      client.socket.destroy();
      await noted('aborted');
      expect(notes).toEqual(['called', 'aborted']);
    },
    ['tsgi-threads/node', 'a worker'],
  );
});

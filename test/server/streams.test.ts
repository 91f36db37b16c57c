/**
 * Streaming in both directions: order, backpressure, and the effect of one slow client on the others.
 */
import { setTimeout as wait } from 'node:timers/promises';
import type { ServerOptions } from 'tsgi-threads';
import { describe, expect, test } from 'vitest';
import { Client } from '../support/client.ts';
import { LONG } from '../support/long.ts';
import { serve, type TestServer } from '../support/server.ts';
import { until } from '../support/until.ts';

const MIB = 1024 * 1024;

/** The peak of resident memory while `work` runs, above the value before, in bytes. */
async function growth(work: () => Promise<void>): Promise<number> {
  const before = process.memoryUsage.rss();
  let highest = before;
  const timer = setInterval(() => {
    highest = Math.max(highest, process.memoryUsage.rss());
  }, 5);
  await work();
  clearInterval(timer);
  return highest - before;
}

describe('responses', () => {
  test('the first byte of an event stream arrives before the second event is produced', async () => {
    const { port } = await serve(`
      startResponse(200, [['content-type', 'text/event-stream']]);
      return (async function* () {
        yield 'data: first\\n\\n';
        // The application is busy, not waiting: the yielded bytes must already be on their way.
        const end = Date.now() + 1500;
        while (Date.now() < end);
        yield 'data: second\\n\\n';
      })();
    `);
    const client = await Client.connect(port);
    const start = performance.now();
    await client.write('GET / HTTP/1.1\r\nHost: a\r\n\r\n');
    await client.until(() => client.received.includes('first'));
    expect(performance.now() - start).toBeLessThan(1000);
    expect(client.received.includes('second')).toBe(false);
    await client.until(() => client.received.includes('second'));
    client.close();
  });

  test('a stalled reader stops its own application, and 63 others on its worker keep their p99', async () => {
    const { port, server } = await serve(`
      if (environ.PATH_INFO === '/endless') {
        startResponse(200, []);
        const chunk = new Uint8Array(64 * 1024);
        return (async function* () { for (;;) { globalThis.produced = (globalThis.produced ?? 0) + 1; yield chunk; } })();
      }
      startResponse(200, []);
      return String(globalThis.produced);
    `);
    const others = await Promise.all(Array.from({ length: 63 }, () => Client.connect(port)));
    const ask = async (client: Client) => {
      const start = performance.now();
      await client.write('GET / HTTP/1.1\r\nHost: a\r\n\r\n');
      const produced = Number((await client.answer())?.body);
      return { produced, time: performance.now() - start };
    };
    const p99 = async () => {
      const times: number[] = [];
      const one = async (client: Client) => {
        for (let i = 0; i < 30; i++) times.push((await ask(client)).time);
      };
      await Promise.all(others.map(one));
      return times.sort((x, y) => x - y)[Math.floor(times.length * 0.99)]!;
    };
    await p99();
    const normal = await p99();
    const stalled = await Client.connect(port);
    stalled.socket.pause();
    await stalled.write('GET /endless HTTP/1.1\r\nHost: a\r\n\r\n');
    // The application produces until kernel buffers and the window are full. Then the count stays.
    let produced = -1;
    for (let next = await ask(others[0]!); next.produced !== produced; next = await ask(others[0]!)) {
      produced = next.produced;
      await wait(50);
    }
    expect(produced * 64 * 1024).toBeLessThan(32 * MIB);
    // On a quiet machine both are equal. A busy machine gets several measurements.
    let beside = await p99();
    for (let look = 0; look < 3 && beside > normal * 2; look++) beside = await p99();
    expect(beside).toBeLessThan(normal * 2);
    stalled.close();
    for (const client of others) client.close();
    await until(() => server.stats().inFlight === 0);
  });

  test(`a response of ${LONG ? '1 GiB' : '128 MiB'} to a reader that pauses adds at most 128 MiB`, async () => {
    const chunks = LONG ? 16_384 : 2048;
    const { port } = await serve(`
      startResponse(200, [['content-length', '${chunks * 65_536}']]);
      const chunk = new Uint8Array(65536).fill(7);
      return (function* () { for (let i = 0; i < ${chunks}; i++) yield chunk; })();
    `);
    let bytes = 0;
    const more = await growth(async () => {
      const client = await Client.connect(port);
      client.socket.removeAllListeners('data');
      client.socket.on('data', (chunk: Buffer) => {
        bytes += chunk.length;
        if (bytes % 97 !== 0) return;
        client.socket.pause();
        setTimeout(() => client.socket.resume(), 5);
      });
      await client.write('GET / HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n');
      await client.until(() => false);
    });
    expect(bytes).toBeGreaterThan(chunks * 65_536);
    expect(more).toBeLessThan(128 * MIB);
  }, 120_000);
});

test('bytes that a paused reader has not taken yet are not overwritten', async () => {
  const words = 8 << 20;
  const { port } = await serve(`
    startResponse(200, [['content-length', '${words * 4}']]);
    return (function* () {
      for (let at = 0; at < ${words}; at += 16_384)
        yield new Uint8Array(Int32Array.from({ length: 16_384 }, (_, i) => at + i).buffer);
    })();
  `);
  const response = await fetch(`http://127.0.0.1:${port}/`);
  // The reader pauses for so long.
  await wait(500);
  const body = new Int32Array(await response.arrayBuffer());
  expect(body.length).toBe(words);
  expect(body.findIndex((word, at) => word !== at)).toBe(-1);
});

test('bytes whose memory is detached while they wait truncate the response visibly, and delay no other request', async () => {
  const { port, server } = await serve(`
    startResponse(200, []);
    if (environ.PATH_INFO === '/take') {
      const { buffer } = globalThis.bytes;
      structuredClone(buffer, { transfer: [buffer] });
      return '';
    }
    return (globalThis.bytes = new Uint8Array(8_000_000));
  `);
  const client = await Client.connect(port);
  client.socket.once('data', () => client.socket.pause());
  await client.write('GET / HTTP/1.1\r\nHost: a\r\n\r\n');
  await client.until(() => client.received.length > 0);
  await fetch(`http://127.0.0.1:${port}/take`);
  client.socket.resume();
  await client.rest().catch(() => {});
  expect(client.received.length).toBeLessThan(8_000_000);
  await until(() => server.stats().inFlight === 0);
});

test.each([
  ['whole', 200_000, 'return text;'],
  [
    'in pieces, of more than a window',
    1_000_000,
    'return (function* () { for (let at = 0; at < 10; at++) yield text.slice(at * 100000, (at + 1) * 100000); })();',
  ],
])(
  'texts that wait for their readers stay as they are while others are encoded: %s',
  async (_, units, body) => {
    const textOf = (name: string) => `\u00e9 ${name}\n`.repeat(units).slice(0, units);
    const { port } = await serve(`
    const text = ('\\u00e9 ' + environ.PATH_INFO.slice(1) + '\\n').repeat(${units}).slice(0, ${units});
    startResponse(200, []);
    ${body}
  `);
    const names = Array.from({ length: 40 }, (_each, index) => `reader ${index}`.replace(' ', '-'));
    const clients = await Promise.all(
      names.map(async (name) => {
        const client = await Client.connect(port);
        client.socket.pause();
        await client.write(`GET /${name} HTTP/1.1\r\nHost: a\r\n\r\n`);
        return client;
      }),
    );
    // All have been called by the time another request is answered.
    expect(await (await fetch(`http://127.0.0.1:${port}/last`)).text()).toBe(textOf('last'));
    for (const [index, client] of clients.entries()) {
      client.socket.resume();
      const { body: received } = (await client.answer())!;
      expect(Buffer.from(received, 'latin1').toString() === textOf(names[index]!)).toBe(true);
    }
  },
);

describe('a finished response whose reader is slow', () => {
  const LARGE = `startResponse(200, []); return 'x'.repeat(8_000_000);`;

  test('is dropped when the reader leaves', async () => {
    const { port, server } = await serve(LARGE);
    for (let i = 0; i < 10; i++) {
      const client = await Client.connect(port);
      client.socket.pause();
      await client.write('GET / HTTP/1.1\r\nHost: a\r\n\r\n');
      await until(() => server.stats().inFlight !== 0);
      client.socket.resetAndDestroy();
      await until(() => server.stats().inFlight === 0);
    }
  });

  test('arrives complete although the server closes meanwhile', async () => {
    const { port, server } = await serve(LARGE);
    const client = await Client.connect(port);
    client.socket.pause();
    await client.write('GET / HTTP/1.1\r\nHost: a\r\n\r\n');
    await until(() => server.stats().inFlight !== 0);
    const closed = server.close();
    client.socket.resume();
    expect((await client.answer())?.body.length).toBe(8_000_000);
    await closed;
  });

  test('is cut at its Content-Length and not earlier', async () => {
    const { port, log } = await serve(
      `startResponse(200, [['content-length', '4000000']]); return 'x'.repeat(8_000_000);`,
    );
    const client = await Client.connect(port);
    await client.write('GET / HTTP/1.1\r\nHost: a\r\n\r\n');
    expect((await client.answer())?.body.length).toBe(4_000_000);
    expect(log[0]).toContain('must not be longer than its Content-Length');
    client.close();
  });
});

describe('uploads', () => {
  test(`an upload of ${LONG ? '512' : '96'} MiB to a slow application adds at most 128 MiB`, async () => {
    const pieces = LONG ? 8192 : 1536;
    const { port } = await serve(
      `
      let bytes = 0, chunks = 0;
      for await (const chunk of environ['tsgi.input']) {
        bytes += chunk.length;
        if (++chunks % 64 === 0) await new Promise((r) => setTimeout(r, 1));
      }
      startResponse(200, []);
      return String(bytes);
    `,
      1,
      { maxBodySize: '1GiB' },
    );
    const piece = Buffer.alloc(65_536, 1);
    const more = await growth(async () => {
      const client = await Client.connect(port);
      await client.write(`POST / HTTP/1.1\r\nHost: a\r\nContent-Length: ${pieces * piece.length}\r\n\r\n`);
      for (let i = 0; i < pieces; i++) {
        if (!client.socket.write(piece)) await new Promise((resolve) => client.socket.once('drain', resolve));
      }
      expect((await client.answer())?.body).toBe(String(pieces * piece.length));
      client.close();
    });
    expect(more).toBeLessThan(128 * MIB);
  }, 120_000);

  test('requests that wait for bytes of their client do not count towards concurrency (A5)', async () => {
    const { port, server } = await serve(
      `
      if (environ.REQUEST_METHOD === 'POST') await environ['tsgi.input'].read();
      startResponse(200, []);
      return 'served';
    `,
      1,
      { concurrency: 8, bodyBuffer: 0 },
    );
    const uploads = await Promise.all(Array.from({ length: 12 }, () => Client.connect(port)));
    for (const upload of uploads)
      await upload.write('POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 10\r\n\r\n12345');
    await until(() => server.stats().inFlight >= 12);
    const other = await Client.connect(port);
    await other.write('GET / HTTP/1.1\r\nHost: a\r\n\r\n');
    expect((await other.answer())?.body).toBe('served');
    expect(server.stats().inFlight).toBe(12);
    other.close();
    for (const upload of uploads) await upload.write('67890');
    for (const upload of uploads) expect((await upload.answer())?.body).toBe('served');
    for (const upload of uploads) upload.close();
    await until(() => server.stats().inFlight === 0 && server.stats().uploads === 0);
  });

  test('bodies that block their reader never occupy the last free worker', async () => {
    const { port, server } = await serve(
      `
      if (environ.REQUEST_METHOD === 'POST') environ['tsgi.input'].readSync();
      startResponse(200, []);
      return 'served';
    `,
      2,
      { bodyBuffer: 0 },
    );
    const uploads = await Promise.all(Array.from({ length: 6 }, () => Client.connect(port)));
    for (const upload of uploads)
      await upload.write('POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 10\r\n\r\n12345');
    await until(() => server.stats().uploads >= 6);
    const other = await Client.connect(port);
    for (let i = 0; i < 20; i++) {
      await other.write('GET / HTTP/1.1\r\nHost: a\r\n\r\n');
      expect((await other.answer())?.body).toBe('served');
    }
    expect(server.stats().inFlight).toBe(1);
    other.close();
    for (const upload of uploads) await upload.write('67890');
    for (const upload of uploads) expect((await upload.answer())?.body).toBe('served');
    for (const upload of uploads) upload.close();
  });

  test('a body that would block the last worker causes 503, also if the application was known to await bodies', async () => {
    const { port, server, log } = await serve(
      `
      const input = environ['tsgi.input'];
      if (environ.PATH_INFO === '/await') await input.read();
      if (environ.PATH_INFO === '/block') input.readSync();
      startResponse(200, []);
      return 'served';
    `,
      2,
      { bodyBuffer: 0 },
    );
    const body = 'HTTP/1.1\r\nHost: a\r\nContent-Length: 10\r\n\r\n12345';
    const first = await Client.connect(port);
    await first.write(`POST /await ${body}`);
    await until(() => server.stats().uploads >= 1);
    await first.write('67890');
    expect((await first.answer())?.body).toBe('served');
    const dawdlers = await Promise.all(Array.from({ length: 6 }, () => Client.connect(port)));
    // Accepted all, so that they are read in one go, before any of them blocks.
    await until(() => server.stats().connections >= 7);
    for (const client of dawdlers) await client.write(`POST /block ${body}`);
    // One client has a worker to itself. The acceptor refuses the clients of the other worker.
    await until(() => dawdlers.filter((client) => client.received.length > 0).length >= 5);
    for (let i = 0; i < 20; i++) {
      await first.write('GET / HTTP/1.1\r\nHost: a\r\n\r\n');
      expect((await first.answer())?.body).toBe('served');
    }
    for (const client of dawdlers) await client.write('67890');
    const answers = await Promise.all(dawdlers.map((client) => client.answer()));
    expect(answers.map((answer) => answer?.status).sort()).toEqual([200, 503, 503, 503, 503, 503]);
    expect(log.join()).toContain('with 503');
    for (const client of [first, ...dawdlers]) client.close();
    await until(() => server.stats().inFlight === 0 && server.stats().uploads === 0);
  });

  test('an aborted body ends the read with an error and frees everything', async () => {
    const { port, server, log } = await serve(
      `
      environ['tsgi.errors'].write('begun\\n');
      try { for await (const chunk of environ['tsgi.input']); }
      catch (error) { environ['tsgi.errors'].write(error.code + '\\n'); throw error; }
      startResponse(200, []); return '';
    `,
      1,
      { bodyBuffer: 0 },
    );
    const client = await Client.connect(port);
    await client.write('POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 10\r\n\r\n12345');
    await until(() => log.length !== 0);
    client.close();
    await until(() => log.length !== 1);
    expect(log).toEqual(['begun', 'TSGI_ERR_CLIENT_GONE']);
    await until(() => server.stats().inFlight === 0 && server.stats().uploads === 0);
  });

  test('readSync blocks for bytes still to arrive, in one thread as well as in three reads', async () => {
    const { port } = await serve(
      `
      const input = environ['tsgi.input'];
      const parts = [input.readSync(2), input.readlineSync(), input.readSync()];
      startResponse(200, []);
      return parts.map((part) => Buffer.from(part).toString()).join('|');
    `,
      1,
      { bodyBuffer: 0 },
    );
    const client = await Client.connect(port);
    await client.write(
      'POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 10\r\n\r\n',
      'a',
      'bc',
      '\n',
      'def',
      'ghi',
    );
    expect((await client.answer())?.body).toBe('ab|c\n|defghi');
    client.close();
  });

  describe('a blocking readSync ends', () => {
    const BEGUN = 'POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 10\r\n\r\nabc';

    /** One worker, which reports when it blocks and how that ended. */
    async function serveBlocking(options: Partial<ServerOptions>): Promise<TestServer & { client: Client }> {
      const served = await serve(
        `
        startResponse(200, []);
        if (environ.REQUEST_METHOD === 'GET') return 'free';
        environ['tsgi.errors'].write('blocks\\n');
        try {
          return environ['tsgi.input'].readSync();
        } catch (error) {
          environ['tsgi.errors'].write([error.code, environ['tsgi.signal'].aborted] + '\\n');
          throw error;
        }
      `,
        1,
        { bodyBuffer: 0, minBodyRate: 0, ...options },
      );
      const client = await Client.connect(served.port);
      await client.write(BEGUN);
      await until(() => served.log.length !== 0);
      return { ...served, client };
    }

    const isFree = async (port: number) => (await fetch(`http://127.0.0.1:${port}`)).text();

    test('when the client leaves, and the thread is free again', async () => {
      const { client, log, port } = await serveBlocking({});
      client.close();
      expect(await isFree(port)).toBe('free');
      expect(log).toEqual(['blocks', 'TSGI_ERR_CLIENT_GONE,true']);
    });

    test('when the client sends nothing for the body timeout', async () => {
      const { client, log, port } = await serveBlocking({ bodyTimeout: 200 });
      expect((await client.answer())?.status).toBe(408);
      expect(await isFree(port)).toBe('free');
      expect(log).toContain('TSGI_ERR_CLIENT_GONE,true');
      client.close();
    });

    test('with the bytes, however late, because the handler’s clock stops while it waits for the client', async () => {
      const handlerTimeout = 150;
      const { client } = await serveBlocking({ handlerTimeout, killGrace: 50 });
      await wait(3 * handlerTimeout);
      await client.write('defghij');
      expect(await client.answer()).toMatchObject({ status: 200, body: 'abcdefghij' });
      client.close();
    });
  });

  test('readSync of bytes still to arrive causes an error in the thread that also receives them', async () => {
    const { port, log } = await serve(
      `const bytes = environ['tsgi.input'].readSync(); startResponse(200, []); return bytes;`,
      0,
      { bodyBuffer: 1 },
    );
    const client = await Client.connect(port);
    await client.write('POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 10\r\n\r\nab');
    expect((await client.answer())?.status).toBe(500);
    expect(log[0]).toContain('Cannot block for input on a thread that also brings it');
    client.close();
  });
});

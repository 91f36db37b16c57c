/**
 * TSGI as a fetch handler, with Node's Request and Response.
 */
import { describe, expect, onTestFinished, test, vi } from 'vitest';
import { type FetchHandlerOptions, toFetchHandler } from '../../src/tsgi/fetch.ts';
import type { Application, Body, Environ, HeaderList } from '../../src/tsgi/types.ts';
import { validator } from '../../src/tsgi/validate.ts';
import { until } from '../support/until.ts';

const URL_ = 'http://a.b:81/p%20q?r=s';

function handle(application: Application, init?: RequestInit & { duplex?: 'half' }, more: unknown[] = []) {
  return toFetchHandler(application, { onError() {}, onLine() {} })(new Request(URL_, init), ...more);
}

const responding =
  (body: () => Body | Promise<Body>): Application =>
  (_, startResponse) => {
    startResponse(200, [['x-a', '1']]);
    return body();
  };

async function* generate(): AsyncGenerator<string> {
  yield 'gr';
  yield '';
  yield 'üße';
}

describe('responses', () => {
  test.each<[string, () => Body | Promise<Body>]>([
    ['a string', () => 'grüße'],
    ['bytes', () => new TextEncoder().encode('grüße')],
    ['an array', () => ['gr', 'üße']],
    ['an iterable', () => new Set(['gr', 'üße'])],
    ['a generator', () => generate()],
    ['a stream', () => new Response('grüße').body as unknown as Body],
    ['a promise', () => Promise.resolve('grüße')],
  ])('%s', async (_, body) => {
    const response = await handle(responding(body));
    expect([response.status, response.headers.get('x-a'), await response.text()]).toEqual([
      200,
      '1',
      'grüße',
    ]);
  });

  test('responses to HEAD, 204 and 304 have no body', async () => {
    for (const body of ['a', ['a', 'b'], generate(), '']) {
      expect(
        await (
          await handle(
            responding(() => body),
            { method: 'HEAD' },
          )
        ).text(),
      ).toBe('');
    }
    for (const status of [204, 304]) {
      const response = await handle((_, start) => (start(status, []), []));
      expect([response.status, response.body]).toEqual([status, null]);
    }
  });

  test('HEAD states a known length, and otherwise prevents the runtime from adding one', async () => {
    const head = async (body: Body, headers: HeaderList = []) => {
      const response = await handle((_, start) => (start(200, headers), body), { method: 'HEAD' });
      return [response.headers.get('content-length'), response.body === null];
    };
    expect(await head('ü')).toEqual(['2', true]);
    expect(await head(['a', 'b'])).toEqual(['2', true]);
    expect(await head('', [['content-length', '7']])).toEqual(['7', true]);
    expect(await head('')).toEqual([null, false]);
    expect(await head(generate())).toEqual([null, false]);
  });

  test('205 has no body although its application sends one, and 204 has no length', async () => {
    for (const body of ['', 'a', ['a', 'b'], generate()]) {
      const response = await handle((_, start) => (start(205, []), body));
      expect([response.status, response.body]).toEqual([205, null]);
    }
    const none = await handle((_, start) => (start(204, [['content-length', '0']]), ''));
    expect(none.headers.has('content-length')).toBe(false);
  });

  test('an array gets the length of its chunks, a generator none, and a stated length stays', async () => {
    const lengthOf = async (body: Body, headers: HeaderList = []) =>
      (await handle((_, start) => (start(200, headers), body))).headers.get('content-length');
    expect(await lengthOf(['gr', 'ü'])).toBe('4');
    expect(await lengthOf(generate())).toBe(null);
    expect(await lengthOf(['a', 'b'], [['Content-Length', '2']])).toBe('2');
  });

  test('every waiting write resolves, also if several wait at once', async () => {
    const response = await handle(async (_, start) => {
      const write = start(200, []);
      await Promise.all(['a', 'b', 'c'].map((chunk) => write(chunk)));
      return 'd';
    });
    expect(await response.text()).toBe('abcd');
  });

  test('a chunk is sent before the next is pulled, also from a body that never waits', async () => {
    const taken: string[] = [];
    const made: string[][] = [];
    const response = await handle((_, start) => {
      start(200, []);
      return (function* () {
        for (const chunk of ['a', 'b', 'c']) {
          made.push([...taken]);
          yield chunk;
        }
      })();
    });
    const decoder = new TextDecoder();
    for await (const chunk of response.body!) taken.push(decoder.decode(chunk));
    expect(made).toEqual([[], ['a'], ['a', 'b']]);
  });

  test('repeated headers stay separate', async () => {
    const response = await handle((_, start) => (start(200, [['Set-Cookie', 'a'], ['set-cookie', 'b']]), '')); // prettier-ignore
    expect(response.headers.getSetCookie()).toEqual(['a', 'b']);
  });

  test.each([
    ['a Uint8Array', new Uint8Array(1)],
    ['a Buffer', Buffer.alloc(1)],
  ])('a chunk may be used again by its application once it was taken: %s', async (_, bytes) => {
    async function* body() {
      for (let i = 0; i < 3; i++) {
        bytes[0] = 97 + i;
        yield bytes;
      }
    }
    expect(await (await handle(responding(body))).text()).toBe('abc');
  });

  test('a client that does not read stops the application', async () => {
    let made = 0;
    async function* endless() {
      for (;;) {
        made += 1;
        yield 'x';
      }
    }
    const reader = (await handle(responding(endless))).body!.getReader();
    for (let i = 0; i < 5; i++) await reader.read();
    const then = made;
    await new Promise((resolve) => setImmediate(resolve));
    expect([made <= then + 1, made < 10]).toEqual([true, true]);
    await reader.cancel();
  });
});

describe('errors of the application', () => {
  test('before the head cause 500 and are reported', async () => {
    const told: unknown[] = [];
    const options: FetchHandlerOptions = { onError: (error, environ) => told.push(error, environ.PATH_INFO) };
    const error = new Error('on purpose');
    for (const application of [
      () => {
        throw error;
      },
      () => Promise.reject(error),
    ] as Application[]) {
      // prettier-ignore
      const response = await toFetchHandler(application, options)(new Request(URL_));
      expect([response.status, await response.text()]).toEqual([500, 'Internal Server Error\n']);
    }
    expect(told).toEqual([error, '/p q', error, '/p q']);
  });

  test('after the head, and a body that is too short, abort the body', async () => {
    async function* late() {
      yield 'a';
      throw new Error('late');
    }
    await expect((await handle(responding(late))).text()).rejects.toThrow('late');
    const short = await handle((_, start) => (start(200, [['content-length', '9']]), ['a', 'b']));
    await expect(short.text()).rejects.toThrow('rule A13');
  });

  test('a body that is too long is cut at its length', async () => {
    const long = await handle((_, start) => (start(200, [['content-length', '3']]), ['ab', 'cd']));
    expect(await long.text()).toBe('abc');
  });
});

describe('a client that disconnects', () => {
  function watched(events: string[]): Application {
    return (environ, startResponse) => {
      environ['tsgi.signal'].addEventListener('abort', () => events.push('aborted'));
      startResponse(200, []);
      return {
        close: () => void events.push('close'),
        [Symbol.asyncIterator]: () => ({
          next: async () => (await null, { done: false as const, value: 'x' }),
          return: async () => (events.push('return'), { done: true as const, value: undefined }),
        }),
      };
    };
  }

  test.each<[string, (controller: AbortController, response: Response) => unknown]>([
    ['by the body', (_, response) => response.body!.cancel()],
    ['by the request', (controller) => controller.abort()],
  ])('%s: the signal is aborted, the body returned and closed', async (_, leave) => {
    const events: string[] = [];
    const controller = new AbortController();
    const response = await handle(watched(events), { signal: controller.signal });
    await leave(controller, response);
    await until(() => events.includes('close'));
    expect(events).toEqual(['aborted', 'return', 'close']);
  });
});

test('a reader that cancels during a chunk, as Deno does, ends the body', async () => {
  const stream = ({ start, cancel }: { start(controller: object): void; cancel(): void }) =>
    start({ enqueue: () => cancel(), close() {}, error() {} });
  vi.stubGlobal('ReadableStream', vi.fn(function (this: unknown, source: never) { stream(source); })); // prettier-ignore
  vi.stubGlobal('Response', vi.fn());
  onTestFinished(() => void vi.unstubAllGlobals());
  let close!: () => void;
  const closed = new Promise<void>((resolve) => (close = resolve));
  await handle(responding(() => Object.assign(generate(), { close })));
  await closed;
});

test('a request aborted after the end of its response aborts no signal, as Deno aborts each', async () => {
  for (const body of ['a', ['a', 'b'], generate()]) {
    let signal!: AbortSignal;
    const controller = new AbortController();
    const application: Application = (environ, start) => {
      signal = environ['tsgi.signal'];
      start(200, []);
      return body;
    };
    await (await handle(application, { signal: controller.signal })).text();
    controller.abort();
    expect(signal.aborted).toBe(false);
  }
});

describe('requests', () => {
  const echo: Application = async (environ, startResponse) => {
    const body = await environ['tsgi.input'].read();
    startResponse(200, []);
    return body;
  };

  test('have a body from text and from a stream', async () => {
    expect(await (await handle(echo, { method: 'POST', body: 'grüße' })).text()).toBe('grüße');
    const body = new Response('grüße').body!;
    expect(await (await handle(echo, { method: 'POST', body, duplex: 'half' })).text()).toBe('grüße');
    expect(await (await handle(echo)).text()).toBe('');
  });

  test('reject blocking reads', async () => {
    const application: Application = (environ, startResponse) => {
      startResponse(200, []);
      try {
        return environ['tsgi.input'].readSync();
      } catch (error) {
        return `${String(environ['tsgi.blocking_input'])} ${(error as { code: string }).code}`;
      }
    };
    expect(await (await handle(application, { method: 'POST', body: 'a' })).text()).toBe(
      'false TSGI_ERR_NO_BLOCKING',
    );
  });

  test.each<[string, string, unknown[], Partial<Environ>]>([
    [
      'its port',
      URL_,
      [],
      { SERVER_NAME: 'a.b', SERVER_PORT: '81', HTTP_HOST: 'a.b:81', REQUEST_URI: '/p%20q?r=s' },
    ],
    ['http', 'http://a.b/', [], { SERVER_PORT: '80', 'tsgi.url_scheme': 'http', HTTP_HOST: 'a.b' }],
    ['https', 'https://a.b/', [], { SERVER_PORT: '443', 'tsgi.url_scheme': 'https' }],
    ['no peer', URL_, [], { REMOTE_ADDR: '', REMOTE_PORT: '' }],
    [
      'Deno’s peer',
      URL_,
      [{ remoteAddr: { hostname: '192.0.2.1', port: 5 } }],
      { REMOTE_ADDR: '192.0.2.1', REMOTE_PORT: '5' },
    ],
    [
      'Bun’s peer',
      URL_,
      [{ requestIP: () => ({ address: '192.0.2.1', port: 5 }) }],
      { REMOTE_ADDR: '192.0.2.1', REMOTE_PORT: '5' },
    ],
  ])('tell of %s', async (_, url, more, expected) => {
    // prettier-ignore
    let seen: Environ | undefined;
    const application = validator((environ, startResponse) => {
      seen = environ;
      startResponse(200, []);
      return '';
    });
    await toFetchHandler(application)(new Request(url, { headers: { 'x-a': '1' } }), ...more);
    expect(seen).toMatchObject({ PATH_INFO: url === URL_ ? '/p q' : '/', HTTP_X_A: '1', ...expected });
  });
});

/**
 * The state machine that calls an application, with a sink that records its calls.
 */
import { Readable } from 'node:stream';
import { ReadableStream } from 'node:stream/web';
import { describe, expect, test } from 'vitest';
import { callApplication } from '../../src/tsgi/handler.ts';
import type { Application, Body, Environ, HeaderList, StartResponse, Write } from '../../src/tsgi/types.ts';
import { Recorder, run, text } from './recorder.ts';

describe('bodies', () => {
  test.each<[string, Application, string[]]>([
    ['a string is one chunk, at once', (_, start) => (start(200, []), 'hi'), ['respond 200 0 hi']],
    ['bytes are one chunk', (_, start) => (start(200, []), new Uint8Array([104])), ['respond 200 0 h']],
    ['an array of one is one chunk', (_, start) => (start(200, []), ['hi']), ['respond 200 0 hi']],
    ['an empty array is an empty body', (_, start) => (start(200, []), []), ['respond 200 0 null']],
    [
      'an array is summed',
      (_, start) => (start(200, []), ['a', 'ü']),
      ['start 200 3', 'write a', 'write ü', 'end'],
    ],
    ['a promise is awaited', async (_, start) => (start(201, [['a', 'b']]), 'hi'), ['respond 201 1 hi']],
    [
      'a generator streams, empty chunks are skipped',
      (_, start) => (start(200, []), (function* () { yield ''; yield 'a'; yield 'b'; })()), // prettier-ignore
      ['start 200 -1', 'write a', 'write b', 'end'],
    ],
    [
      'an async generator may call startResponse in its first step',
      (_, start) => (async function* () { start(200, []); yield 'a'; })(), // prettier-ignore
      ['start 200 -1', 'write a', 'end'],
    ],
    [
      'write() goes before the body',
      async (_, start) => {
        const write = start(200, []);
        await write('a');
        return ['b'];
      },
      ['start 200 -1', 'write a', 'write b', 'end'],
    ],
  ])('%s', async (_, application, events) => {
    expect(await run(application)).toEqual(events);
  });

  test.each<[unknown, RegExp]>([
    [undefined, /must return a string, a Uint8Array or an iterable of those: undefined/],
    [null, /must return .*: null/],
    [42, /must return .*: 42/],
    [{}, /must return .*: an object of Object/],
    [() => '', /must return .*factory.*: a function/],
    [[1], /chunk must be a string or a Uint8Array: 1/],
    [[Promise.resolve('a')], /chunk must be .*await it first/],
  ])('%j is refused with the rule', async (body, rule) => {
    const [event] = await run((_, start) => (start(200, []), body as never));
    expect(event).toMatch(rule);
  });
});

describe('startResponse', () => {
  test('is required before the first chunk', async () => {
    expect(await run(() => 'a')).toEqual([
      'error The application must call startResponse before its first chunk (TSGI rule A2)',
    ]);
  });

  test('a second call needs an error, and then replaces data that was not sent', async () => {
    expect(await run((_, start) => (start(200, []), start(200, []), 'a'))).toEqual([
      expect.stringMatching(/^error startResponse must be called once/),
    ]);
    expect(await run((_, start) => (start(200, []), start(500, [], new Error('x')), 'a'))).toEqual([
      'respond 500 0 a',
    ]);
  });

  test('a call with an error after the head rethrows the error', async () => {
    const events = await run(async (_, start) => {
      await start(200, [])('a');
      start(500, [], new Error('the original'));
      return '';
    });
    expect(events).toEqual(['start 200 -1', 'write a', 'error the original']);
  });

  test('the headers are copied: later changes of the list have no effect', async () => {
    const headers: HeaderList = [['a', 'b']];
    const events = await run((_, start) => {
      start(200, headers);
      headers.push(['c', 'd']);
      return 'x';
    });
    expect(events).toEqual(['respond 200 1 x']);
  });

  test.each<[unknown, unknown, RegExp]>([
    [199, [], /status/],
    [600, [], /status/],
    ['200', [], /status.*"200"/],
    [200.5, [], /status/],
    [200, {}, /array of \[name, value\]/],
    [200, ['a'], /\[name, value\] pair/],
    [200, [['a:', 'b']], /must be a token: "a:"/],
    [200, [['a', 'b\n']], /Latin-1 string without CR, LF and NUL/],
    [200, [['a', '\u20ac']], /Latin-1/],
    [200, [['a', 1]], /Latin-1/],
    [200, [['Transfer-Encoding', 'chunked']], /hop-by-hop/],
    [200, [['Status', '200']], /must not be named Status/],
    [200, [['content-length', '1'], ['Content-Length', '1']], /occur once/], // prettier-ignore
    [200, [['content-length', '+1']], /number of bytes/],
  ])('%j %j is refused at the call', async (status, headers, rule) => {
    const [event] = await run((_, start) => (start(status as number, headers as HeaderList), ''));
    expect(event).toMatch(rule);
  });
});

describe('Content-Length of the application', () => {
  const sized = (length: number, body: string[]): Application => {
    return (_, start) => (start(200, [['content-length', String(length)]]), body);
  };

  test('a body that is too long is cut at its length, and the application receives an error', async () => {
    expect(await run(sized(3, ['ab', 'cd']))).toEqual([
      'start 200 3',
      'write ab',
      'write c',
      'end',
      'error The body must not be longer than its Content-Length: 3 (TSGI rule A13)',
    ]);
  });

  test('a body that is too short causes an error after the head', async () => {
    expect((await run(sized(3, ['a', 'b']))).at(-1)).toBe(
      'error The body must have as many bytes as its Content-Length: 2 of 3 came (TSGI rule A13)',
    );
    expect((await run(sized(3, ['ab']))).at(-1)).toMatch(/2 of 3 came/);
  });

  test('an empty body of HEAD sets no length, because GET may have a body', async () => {
    for (const body of ['', [], ['']]) {
      expect(await run((_, start) => (start(200, []), body), 'HEAD')).toEqual(['start 200 -1', 'end']);
    }
    expect(await run((_, start) => (start(200, []), 'abc'), 'HEAD')).toEqual(['respond 200 0 abc']);
    expect(await run((_, start) => (start(200, [['content-length', '0']]), ''), 'HEAD')).toEqual(['respond 200 1 ']); // prettier-ignore
  });

  test('HEAD and 304 may state a length and send nothing', async () => {
    expect(await run(sized(3, []), 'HEAD')).toEqual(['start 200 3', 'end']);
    expect(await run((_, start) => (start(304, [['content-length', '3']]), []))).toEqual([
      'start 304 3',
      'end',
    ]);
  });
});

test('a sink above its high-water mark delays the next chunk', async () => {
  const recorder = new Recorder();
  let room!: () => void;
  recorder.full = new Promise((resolve) => (room = resolve));
  let pulled = 0;
  const pending = callApplication(
    (_, start) => {
      start(200, []);
      return (function* () {
        for (const chunk of ['a', 'b']) {
          pulled += 1;
          yield chunk;
        }
      })();
    },
    { REQUEST_METHOD: 'GET' } as Environ,
    recorder,
  );
  expect([pulled, recorder.events]).toEqual([1, ['start 200 -1', 'write a']]);
  recorder.full = undefined;
  room();
  await pending;
  expect(recorder.events).toEqual(['start 200 -1', 'write a', 'write b', 'end']);
});

test('an error of the application propagates unchanged', async () => {
  const thrown = { not: 'an error' };
  const environ = { REQUEST_METHOD: 'GET' } as Environ;
  const call = (body: () => Body) => async () =>
    callApplication((_, start) => (start(200, []), body()), environ, new Recorder());
  const fails = () => {
    throw thrown;
  };
  const inside = () => (function* () { yield 'a'; fails(); })(); // prettier-ignore
  const later = () => (async function* () { yield 'a'; fails(); })(); // prettier-ignore
  for (const body of [fails, inside, later]) {
    await expect(call(body)()).rejects.toBe(thrown);
  }
});

test('a complete body for a client that has left causes no call of the sink', async () => {
  const recorder = new Recorder();
  recorder.gone = true;
  expect(await run((_, start) => (start(200, []), 'a'), 'GET', recorder)).toEqual([]);
});

test('a second startResponse is rejected even if the first call broke a rule', async () => {
  const events = await run((_, start) => {
    expect(() => start(99, [])).toThrow('status');
    start(200, []);
    return 'a';
  });
  expect(events).toEqual([expect.stringMatching(/^error startResponse must be called once/)]);
});

test('startResponse with an error replaces a head that waits for the first chunk', async () => {
  const body = (start: StartResponse) =>
    (function* () {
      yield '';
      start(500, [], new Error('late'));
      yield 'sorry';
    })();
  const application: Application = (_, start) => (start(200, [['content-length', '1']]), body(start));
  expect(await run(application)).toEqual(['start 500 -1', 'write sorry', 'end']);
});

describe('write()', () => {
  test('an empty write still sends the head', async () => {
    const events = await run(async (_, start) => {
      await start(200, [])('');
      return [];
    });
    expect(events).toEqual(['start 200 -1', 'end']);
  });

  test('write() resolves when the sink has room, and keeps the order of its calls', async () => {
    const recorder = new Recorder();
    let room!: () => void;
    const full = new Promise<void>((resolve) => (room = resolve));
    recorder.full = full;
    const ended = run(
      async (_, start) => {
        const write = start(200, []);
        const writes = ['a', 'b'].map((chunk) =>
          write(chunk).then(() => recorder.events.push(`wrote ${chunk}`)),
        );
        await Promise.all(writes);
        return '';
      },
      'GET',
      recorder,
    );
    expect(recorder.events).toEqual(['start 200 -1', 'write a', 'write b']);
    room();
    expect((await ended).slice(3)).toEqual(['wrote a', 'wrote b', 'end']);
  });

  test.each<[string, () => Body | Promise<Body>]>([
    ['has ended', () => 'a'],
    [
      'was never returned',
      () => {
        throw new Error('x');
      },
    ],
    ['was promised in vain', () => Promise.reject(new Error('x'))],
    ['was none', () => undefined as never],
    [
      'failed',
      () =>
        (function* () {
          yield 'a';
          throw new Error('x');
        })(),
    ],
    [
      'failed when it was closed',
      () =>
        Object.assign(['a'], {
          close() {
            throw new Error('x');
          },
        }),
    ],
    [
      'failed when it was closed in time',
      () => Object.assign(['a'], { close: () => Promise.reject(new Error('x')) }),
    ],
  ])('after a body that %s causes an error and no other effect', async (_, body) => {
    // prettier-ignore
    const recorder = new Recorder();
    let write!: Write;
    await run((_, start) => ((write = start(200, [])), body()), 'GET', recorder);
    const events = [...recorder.events];
    expect(() => write('b')).toThrow('after the body has ended');
    expect(recorder.events).toEqual(events);
  });
});

describe('iterables of the platform', () => {
  test('a ReadableStream is a body, and is cancelled when the client leaves', async () => {
    const stream = () => new ReadableStream<string>({ pull: (to) => to.enqueue('a'), cancel: () => void (cancelled = true) }); // prettier-ignore
    let cancelled = false;
    const recorder = new Recorder();
    recorder.write = (chunk) => {
      recorder.events.push(`write ${text(chunk)}`);
      recorder.gone = recorder.events.length > 2;
      return undefined;
    };
    expect(await run((_, start) => (start(200, []), stream()), 'GET', recorder)).toEqual([
      'start 200 -1',
      'write a',
      'write a',
    ]);
    expect(cancelled).toBe(true);
  });

  test('a Readable is a body', async () => {
    const events = await run((_, start) => (start(200, []), Readable.from(['a', 'b'])));
    expect(events).toEqual(['start 200 -1', 'write a', 'write b', 'end']);
  });

  test('an async iterable produces a chunk only after the previous chunk was sent', async () => {
    const recorder = new Recorder();
    async function* body() {
      for (const chunk of ['a', 'b']) {
        recorder.events.push(`pull ${chunk}`);
        yield chunk;
      }
    }
    await run((_, start) => (start(200, []), body()), 'GET', recorder);
    expect(recorder.events).toEqual(['pull a', 'start 200 -1', 'write a', 'pull b', 'write b', 'end']);
  });
});

test.each([204, 304])('%i reads no chunk of an endless body', async (status) => {
  const endless = (function* () { for (;;) yield 'a'; })(); // prettier-ignore
  expect(await run((_, start) => (start(status, []), endless))).toEqual([`respond ${status} 0 null`]);
});

test('a call that need not wait completes without a promise', () => {
  const environ = { REQUEST_METHOD: 'GET' } as Environ;
  const bodies: Body[] = ['a', ['a'], ['a', 'b'], [], (function* () { yield 'a'; })()]; // prettier-ignore
  for (const body of bodies) {
    const ended = callApplication((_, start) => (start(200, []), body), environ, new Recorder());
    expect(ended).toBeUndefined();
  }
});

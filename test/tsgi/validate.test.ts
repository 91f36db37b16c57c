/**
 * The validator reports nothing for correct applications, and the right rule for each wrong application.
 */
import { describe, expect, test } from 'vitest';
import { callApplication } from '../../src/tsgi/handler.ts';
import { emptyInput } from '../../src/tsgi/input.ts';
import { RULES, type Rule } from '../../src/tsgi/rules.ts';
import type { Application, Body, Environ, HeaderList, StartResponse, Write } from '../../src/tsgi/types.ts';
import { setupTestingDefaults, testRequest, type TestRequest } from '../../src/tsgi/util.ts';
import { validator } from '../../src/tsgi/validate.ts';
import { Recorder } from './recorder.ts';

/** Wrong on purpose, which the types forbid. */
// eslint-disable-next-line @typescript-eslint/no-explicit-any
const any = (value: unknown) => value as any;
const loud = async (work: () => unknown) => {
  await null;
  return work();
};

/** Actions of an application after its end; the tests check them later. */
let late: (() => unknown) | undefined;

const headers: HeaderList = [['content-type', 'text/plain']];

/** Each application breaks one rule. Some rules have several. */
const WRONG: [Rule, string, Application, TestRequest?][] = [
  ['A2', 'returns a chunk without startResponse', () => 'a'],
  ['A2', 'yields before startResponse', (_, start) => (function* () { yield 'a'; start(200, []); })()],
  ['A2', 'yields an empty chunk before startResponse', (_, start) => (function* () { yield ''; start(200, []); yield 'a'; })()],
  ['A2', 'never calls startResponse', () => []],
  ['A3', 'a status as text', (_, start) => (start(any('200 OK'), []), '')],
  ['A3', 'status 100', (_, start) => (start(100, []), '')],
  ['A4', 'headers as an object', (_, start) => (start(200, any({ a: 'b' })), '')],
  ['A4', 'no headers', (_, start) => (any(start)(200), '')],
  ['A4', 'a header of three', (_, start) => (start(200, any([['a', 'b', 'c']])), '')],
  ['A4', 'four arguments', (_, start) => (any(start)(200, [], undefined, 1), '')],
  ['A5', 'a colon in a name', (_, start) => (start(200, [['a:', 'b']]), '')],
  ['A5', 'a header Status', (_, start) => (start(200, [['Status', '200']]), '')],
  ['A6', 'a line break in a value', (_, start) => (start(200, [['a', 'b\nc']]), '')],
  ['A6', 'a number for a value', (_, start) => (start(200, [['a', any(1)]]), '')],
  ['A6', 'a value beyond Latin-1', (_, start) => (start(200, [['a', '€']]), '')],
  ['A7', 'Connection', (_, start) => (start(200, [['Connection', 'close']]), '')],
  ['A7', 'Transfer-Encoding', (_, start) => (start(200, [['transfer-encoding', 'chunked']]), '')],
  ['A8', 'calls startResponse twice', (_, start) => (start(200, []), start(200, []), '')],
  ['A9', 'traps what startResponse rethrows', async (_, start) => {
    await start(200, [])('a');
    try { start(500, [], new Error('x')); } catch {}
    return 'b';
  }],
  ['A9', 'traps it in the last step of its body', async (_, start) => {
    await start(200, [])('a');
    return (function* () { yield 'b'; try { start(500, [], new Error('x')); } catch {} })();
  }],
  ['A9', 'wraps what startResponse rethrows', async (_, start) => {
    await start(200, [])('a');
    try { start(500, [], new Error('x')); } catch (cause) { throw new Error('wrapped', { cause }); }
    return '';
  }],
  ['A9', 'replaces it inside its body', (_, start) => {
    start(200, []);
    return (async function* () { yield 'a'; try { start(500, [], new Error('x')); } catch { throw new Error('another'); } })();
  }],
  ['A10', 'calls startResponse from a timer', async (_, start) => {
    start(200, []);
    return (async function* () { yield 'a'; start(200, []); yield 'b'; })();
  }],
  ['A11', 'returns undefined', (_, start) => any(start(200, []) && undefined)],
  ['A11', 'returns null', (_, start) => any((start(200, []), null))],
  ['A11', 'returns an object', (_, start) => any((start(200, []), { a: 1 }))],
  ['A11', 'returns a function', (_, start) => any((start(200, []), () => 'a'))],
  ['A11', 'returns an iterator whose results are none', (_, start) => any((start(200, []), { [Symbol.iterator]: () => ({ next: () => 'a' }) }))],
  ['A11', 'returns an iterable without an iterator', (_, start) => any((start(200, []), { [Symbol.iterator]: () => undefined }))],
  ['A11', 'returns an asynchronous iterable without an iterator', (_, start) => any((start(200, []), { [Symbol.asyncIterator]: () => ({}) }))],
  ['A11', 'returns a Response', (_, start) => any((start(200, []), new Response('a')))],
  ['A12', 'yields a number', (_, start) => (start(200, []), any([1]))],
  ['A12', 'yields a Promise', (_, start) => (start(200, []), any([Promise.resolve('a')]))],
  ['A12', 'yields a Promise from a generator', (_, start) => (start(200, []), any((function* () { yield Promise.resolve('a'); })()))],
  ['A12', 'yields an ArrayBuffer', (_, start) => (start(200, []), any([new ArrayBuffer(1)]))],
  ['A12', 'writes a number', (_, start) => (void start(200, [])(any(1)), '')],
  ['A12', 'writes a Promise', (_, start) => (void start(200, [])(any(Promise.resolve('a'))), '')],
  ['A12', 'fills the same buffer for each chunk', (_, start) => {
    start(200, []);
    const bytes = new Uint8Array(1);
    return (function* () { for (let i = 97; i < 100; i++) { bytes[0] = i; yield bytes; } })();
  }],
  ['A12', 'fills the same Buffer for each chunk', (_, start) => {
    start(200, []);
    const bytes = Buffer.alloc(1);
    return (function* () { for (let i = 97; i < 100; i++) { bytes[0] = i; yield bytes; } })();
  }],
  ['A12', 'clears its last chunk', (_, start) => {
    start(200, []);
    const bytes = new Uint8Array([97]);
    return (async function* () { yield bytes; bytes.fill(0); })();
  }],
  ['A12', 'changes the bytes that it has written', async (_, start) => {
    const bytes = new Uint8Array([97]);
    await start(200, [])(bytes);
    bytes.fill(0);
    return 'b';
  }],
  ['A13', 'a body that is too short', (_, start) => (start(200, [['content-length', '2']]), 'a')],
  ['A13', 'a body that is too long', (_, start) => (start(200, [['Content-Length', '2']]), ['a', 'bc'])],
  ['A13', 'characters taken for bytes', (_, start) => (start(200, [['content-length', '1']]), 'ü')],
  ['A13', 'a length twice', (_, start) => (start(200, [['content-length', '1'], ['Content-Length', '1']]), 'a')],
  ['A13', 'a length that is no number', (_, start) => (start(200, [['content-length', '1.0']]), 'a')],
  ['A14', 'writes inside its body', (_, start) => { const write = start(200, []); return (function* () { yield 'a'; void write('b'); })(); }],
  ['A14', 'writes in the first step of its body', (_, start) => { const write = start(200, []); return (async function* () { void write('b'); yield 'a'; })(); }],
  ['A15', 'changes its headers before the body', (_, start) => {
    const list: HeaderList = [['a', 'b']];
    start(200, list);
    list.push(['c', 'd']);
    return 'a';
  }],
  ['A15', 'changes a value between chunks', (_, start) => {
    const list: HeaderList = [['a', 'b']];
    start(200, list);
    return (function* () { yield 'a'; list[0]![1] = 'c'; yield 'b'; })();
  }],
  ['A15', 'changes its headers after the last chunk', (_, start) => {
    const list: HeaderList = [['a', 'b']];
    start(200, list);
    return (function* () { yield 'a'; list.length = 0; })();
  }],
  ['A17', 'closes its input', (environ, start) => (any(environ['tsgi.input']).close(), start(200, []), 'a')],
  ['A17', 'destroys its input', (environ, start) => (any(environ['tsgi.input']).destroy(), start(200, []), 'a')],
  ['A17', 'looks for a pipe', (environ, start) => (any(environ['tsgi.input']).pipe, start(200, []), 'a')],
  ['A17', 'ends its errors', (environ, start) => (any(environ['tsgi.errors']).end(), start(200, []), 'a')],
  ['A17', 'writes an object to its errors', (environ, start) => (environ['tsgi.errors'].write(any({})), start(200, []), 'a')],
  ['A17', 'reads a size that is none', async (environ, start) => (await environ['tsgi.input'].read(1.5), start(200, []), 'a'), { body: 'x' }],
  ['A17', 'reads a line of a size that is none', async (environ, start) => (await environ['tsgi.input'].readline(any('5')), start(200, []), 'a'), { body: 'x' }],
  ['A17', 'reads synchronously a size that is none', (environ, start) => (environ['tsgi.input'].readSync(any(null)), start(200, []), 'a')],
  ['A17', 'reads synchronously beside a read that waits', (environ, start) => (void environ['tsgi.input'].read(), environ['tsgi.input'].readlinesSync(), start(200, []), 'a'), { body: 'x' }],
  ['A18', '204 with a body', (_, start) => (start(204, []), 'a')],
  ['A18', '304 with a body', (_, start) => (start(304, []), ['a'])],
  ['A18', '205 with a body', (_, start) => (start(205, []), 'a')],
  ['A19', 'adds a key of TSGI', (environ, start) => (any(environ)['tsgi.session'] = {}, start(200, []), 'a')],
  ['A19', 'takes a key of TSGI away', (environ, start) => (delete any(environ)['tsgi.deadline'], start(200, []), 'a')],
  ['A19', 'adds a key of TSGI in its body', (environ, start) => (start(200, []), (function* () { any(environ)['tsgi.x'] = 1; yield 'a'; })())],
  ['A19', 'adds a key of TSGI when its body is closed', (environ, start) => (start(200, []), any(Object.assign(['a'], { close: () => (any(environ)['tsgi.x'] = 1) })))],
  ['A19', 'puts in the place of the input what is none', (environ, start) => (environ['tsgi.input'] = any({}), start(200, []), 'a')],
]; // prettier-ignore

describe('the validator names the rule', () => {
  test.each(WRONG)('%s: %s', async (rule, _, application, request) => {
    await expect(testRequest(application, request)).rejects.toMatchObject({
      code: 'TSGI_ERR_RULE',
      rule,
      message: expect.stringContaining(`(TSGI rule ${rule})`),
    });
  });

  test('A1: a value that is no function, and a class', () => {
    for (const wrong of [{}, class Application extends Map {}]) {
      expect(() => validator(any(wrong))).toThrow(expect.objectContaining({ rule: 'A1' }));
    }
  });
});

describe('the validator names the rule of an action after the end', () => {
  test.each<[Rule, string, Application]>([
    ['A10', 'startResponse', (_, start) => (start(200, []), (late = () => start(200, [])), 'a')],
    [
      'A10',
      'startResponse with an error',
      (_, start) => (start(200, []), (late = () => start(200, [], new Error('x'))), 'a'),
    ],
    [
      'A14',
      'write',
      (_, start) => {
        const write = start(200, []);
        late = () => write('x');
        return ['a'];
      },
    ],
    [
      'A16',
      'tsgi.input',
      (environ, start) => (start(200, []), (late = () => environ['tsgi.input'].read()), 'a'),
    ],
    [
      'A16',
      'tsgi.input synchronously',
      (environ, start) => (start(200, []), (late = () => environ['tsgi.input'].readSync()), 'a'),
    ],
    [
      'A16',
      'tsgi.errors',
      (environ, start) => (start(200, []), (late = () => environ['tsgi.errors'].write('x')), 'a'),
    ],
    [
      'A10',
      'startResponse, of an application that never called it',
      (_, start) => ((late = () => start(200, [])), 'a'),
    ],
    [
      'A14',
      'write, of a file',
      (environ, start) => {
        const write = start(200, []);
        late = () => write('x');
        return environ['tsgi.file_wrapper']!(import.meta.filename);
      },
    ],
    [
      'A16',
      'tsgi.input, of a file',
      (environ, start) => {
        start(200, []);
        late = () => environ['tsgi.input'].readlines();
        return environ['tsgi.file_wrapper']!(import.meta.filename);
      },
    ],
    [
      'A16',
      'tsgi.errors, of a body that is closed later',
      (environ, start) => {
        start(200, []);
        late = () => environ['tsgi.errors'].write('x');
        return Object.assign(['a'], { close: async () => environ['tsgi.errors'].write('closing') });
      },
    ],
    [
      'A16',
      'tsgi.errors, of a body that failed when it was closed',
      (environ, start) => {
        start(200, []);
        late = () => environ['tsgi.errors'].write('x');
        return Object.assign(['a'], { close: () => Promise.reject(new Error('x')) });
      },
    ],
    [
      'A16',
      'tsgi.errors, of an application that returned nothing',
      (environ, start) => {
        start(200, []);
        late = () => environ['tsgi.errors'].write('x');
        return any(undefined);
      },
    ],
    [
      'A16',
      'tsgi.errors after an application that threw',
      (environ) => {
        late = () => environ['tsgi.errors'].flush();
        throw new Error('x');
      },
    ],
  ])('%s: %s', async (rule, _, application) => {
    // prettier-ignore
    await testRequest(application).catch(() => {});
    await expect(loud(late!)).rejects.toMatchObject({ rule });
  });

  test('A16: an input that is still iterated', async () => {
    let chunks!: AsyncIterator<Uint8Array>;
    await testRequest(
      (environ, start) => {
        chunks = environ['tsgi.input'][Symbol.asyncIterator]();
        start(200, []);
        return 'a';
      },
      { body: 'x' },
    );
    await expect(chunks.next()).rejects.toMatchObject({ rule: 'A16' });
  });
});

test('every visible rule has a wrong application', () => {
  // A20 has no effect that is visible from outside.
  const seen = new Set([...WRONG.map(([rule]) => rule), 'A1', 'A16', 'A20']);
  expect(Object.keys(RULES).filter((rule) => rule.startsWith('A') && !seen.has(rule))).toEqual([]);
});

describe('the validator accepts', () => {
  test.each<[string, Application, TestRequest, string]>([
    ['a string', (_, start) => (start(200, headers), 'aü'), {}, 'aü'],
    ['bytes', (_, start) => (start(200, []), new Uint8Array([97])), {}, 'a'],
    ['an array', (_, start) => (start(200, []), ['a', '', 'b']), {}, 'ab'],
    [
      'a generator that starts late',
      (_, start) =>
        (function* () {
          start(200, []);
          yield 'a';
        })(),
      {},
      'a',
    ],
    [
      'an async generator that starts late',
      (_, start) =>
        (async function* () {
          start(200, []);
          yield 'a';
        })(),
      {},
      'a',
    ],
    [
      'an error handler in a body',
      (_, start) => (
        start(200, []),
        (function* () {
          yield '';
          start(500, [], new Error('x'));
          yield 'sorry';
        })()
      ),
      {},
      'sorry',
    ],
    [
      'a readable stream',
      (_, start) => (start(200, []), new Response('abc').body as unknown as Body),
      {},
      'abc',
    ],
    [
      'write before the body',
      async (_, start) => {
        const write: Write = start(200, []);
        await write('a');
        return ['b'];
      },
      {},
      'ab',
    ],
    ['a right length', (_, start) => (start(200, [['content-length', '2']]), 'ü'), {}, 'ü'],
    ['204', (_, start) => (start(204, []), ''), {}, ''],
    ['HEAD with a length', (_, start) => (start(200, [['content-length', '5']]), []), { method: 'HEAD' }, ''],
    ['reading all ways', readAllWays, { body: 'a\nbc\nd' }, 'a\n|b|c\n|d'],
    ['a key of its own', (environ, start) => ((any(environ)['my.key'] = 1), start(200, []), 'a'), {}, 'a'],
    [
      'another input in the place of the first',
      (environ, start) => {
        environ['tsgi.input'] = emptyInput;
        start(200, []);
        return 'a';
      },
      {},
      'a',
    ],
    [
      'errors in close, which is not the end yet',
      (environ, start) => {
        start(200, []);
        const close = async () => {
          environ['tsgi.errors'].write('closing\n');
          await null;
          environ['tsgi.errors'].write('closed\n');
        };
        return Object.assign((function* () { yield 'a'; })(), { close }); // prettier-ignore
      },
      {},
      'a',
    ],
    [
      'a buffer that is written twice and is the same',
      (_, start) => {
        start(200, []);
        const bytes = new Uint8Array([97]);
        return [bytes, bytes];
      },
      {},
      'aa',
    ],
    [
      'errors',
      (environ, start) => {
        environ['tsgi.errors'].writelines(['a', 'b\n']);
        environ['tsgi.errors'].flush();
        start(200, []);
        return 'a';
      },
      {},
      'a',
    ],
  ])('%s', async (_, application, request, text) => {
    // prettier-ignore
    expect((await testRequest(application, request)).text).toBe(text);
  });

  test('an error of the application and of its body', async () => {
    const error = new Error('its own');
    await expect(testRequest(() => { throw error; })).rejects.toBe(error); // prettier-ignore
    await expect(testRequest((_, start) => (start(200, []), (function* () { yield 'a'; throw error; })()))).rejects.toBe(error); // prettier-ignore
    const rethrown: Application = async (_, start) => {
      await start(200, [])('a');
      start(500, [], error);
      return '';
    };
    await expect(testRequest(rethrown)).rejects.toBe(error);
  });
});

async function readAllWays(environ: Environ, start: StartResponse): Promise<Body> {
  const input = environ['tsgi.input'];
  const text = (bytes: Uint8Array) => new TextDecoder().decode(bytes);
  const parts = [text(input.readlineSync()), text(await input.read(1)), text(await input.readline())];
  for await (const chunk of input) parts.push(text(chunk));
  start(200, []);
  return parts.join('|');
}

test('an array stays an array, so that its length is known, and is closed once', async () => {
  const recorder = new Recorder();
  const body = Object.assign(['a', 'b'], { close: () => void recorder.events.push('close') });
  const application = validator((_, start) => (start(200, []), body));
  await callApplication(application, setupTestingDefaults(), recorder);
  expect(recorder.events).toEqual(['start 200 2', 'write a', 'write b', 'close', 'end']);
});

test('A12: an array that grows while it is sent', async () => {
  const recorder = new Recorder();
  let room!: () => void;
  recorder.full = new Promise((resolve) => (room = resolve));
  const chunks = ['a', 'b'];
  const application = validator((_, start) => (start(200, []), chunks));
  const sent = callApplication(application, setupTestingDefaults(), recorder);
  chunks.push('c');
  recorder.full = undefined;
  room();
  await expect(sent).rejects.toMatchObject({ rule: 'A12' });
  expect(recorder.events).toEqual(['start 200 2', 'write a', 'write b']);
});

test('a rejected body is still closed', async () => {
  let closed = 0;
  const close = () => (closed += 1);
  for (const wrong of [Object.assign(['a', 1], { close }), { close }]) {
    await expect(testRequest((_, start) => (start(200, []), any(wrong)))).rejects.toThrow('TSGI rule A1');
  }
  expect(closed).toBe(2);
});

test('the validator passes chunks, return and close through unchanged', async () => {
  const events: string[] = [];
  const application = validator((_, start) => {
    start(200, []);
    return {
      close: () => void events.push('close'),
      [Symbol.asyncIterator]: () => ({
        next: async () => (events.push('next'), { done: false, value: 'a' }),
        return: async () => (events.push('return'), { done: true as const, value: undefined }),
      }),
    };
  });
  let writes = 0;
  const sink = { respond() {}, start() {}, write: () => void (writes += 1), end() {}, get gone() { return writes === 2; } }; // prettier-ignore
  await callApplication(application, setupTestingDefaults(), sink);
  expect(events).toEqual(['next', 'next', 'return', 'close']);
});

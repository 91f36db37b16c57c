/**
 * The validator: it says nothing of right applications, and names the right rule of each wrong one.
 */
import { describe, expect, test } from 'vitest';
import { callApplication } from '../../src/tsgi/handler.ts';
import { RULES, type Rule } from '../../src/tsgi/rules.ts';
import type {
  Application,
  Body,
  Environ,
  HeaderList,
  InputStream,
  StartResponse,
  Write,
} from '../../src/tsgi/types.ts';
import { setupTestingDefaults, testRequest, type TestRequest } from '../../src/tsgi/util.ts';
import { validator } from '../../src/tsgi/validate.ts';

/** Wrong on purpose, and the types know it. */
// eslint-disable-next-line @typescript-eslint/no-explicit-any
const any = (value: unknown) => value as any;
const loud = async (work: () => unknown) => {
  await null;
  return work();
};

/** What an application did after its end: the tests look at it later. */
let late: (() => unknown) | undefined;

const headers: HeaderList = [['content-type', 'text/plain']];

/** Each breaks one rule; some in several ways. */
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
  ['A10', 'calls startResponse from a timer', async (_, start) => {
    start(200, []);
    return (async function* () { yield 'a'; start(200, []); yield 'b'; })();
  }],
  ['A11', 'returns undefined', (_, start) => any(start(200, []) && undefined)],
  ['A11', 'returns null', (_, start) => any((start(200, []), null))],
  ['A11', 'returns an object', (_, start) => any((start(200, []), { a: 1 }))],
  ['A11', 'returns a function', (_, start) => any((start(200, []), () => 'a'))],
  ['A11', 'returns an iterator whose results are none', (_, start) => any((start(200, []), { [Symbol.iterator]: () => ({ next: () => 'a' }) }))],
  ['A12', 'yields a number', (_, start) => (start(200, []), any([1]))],
  ['A12', 'yields a Promise', (_, start) => (start(200, []), any([Promise.resolve('a')]))],
  ['A12', 'yields a Promise from a generator', (_, start) => (start(200, []), any((function* () { yield Promise.resolve('a'); })()))],
  ['A12', 'yields an ArrayBuffer', (_, start) => (start(200, []), any([new ArrayBuffer(1)]))],
  ['A12', 'writes a number', (_, start) => (void start(200, [])(any(1)), '')],
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
  ['A18', '204 with a body', (_, start) => (start(204, []), 'a')],
  ['A18', '304 with a body', (_, start) => (start(304, []), ['a'])],
  ['A19', 'adds a key of TSGI', (environ, start) => (any(environ)['tsgi.session'] = {}, start(200, []), 'a')],
  ['A19', 'takes a key of TSGI away', (environ, start) => (delete any(environ)['tsgi.deadline'], start(200, []), 'a')],
  ['A19', 'adds a key of TSGI in its body', (environ, start) => (start(200, []), (function* () { any(environ)['tsgi.x'] = 1; yield 'a'; })())],
]; // prettier-ignore

describe('names the rule', () => {
  test.each(WRONG)('%s: %s', async (rule, _, application, request) => {
    await expect(testRequest(application, request)).rejects.toMatchObject({
      code: 'TSGI_ERR_RULE',
      rule,
      message: expect.stringContaining(`(TSGI rule ${rule})`),
    });
  });

  test('A1: what is no function', () => {
    expect(() => validator(any({}))).toThrow(expect.objectContaining({ rule: 'A1' }));
  });
});

describe('names the rule of what comes after the end', () => {
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

  test('A16: input that is still iterated', async () => {
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

test('every rule that can be seen has a wrong application', () => {
  // A20 says what nobody can see from outside.
  const seen = new Set([...WRONG.map(([rule]) => rule), 'A1', 'A16', 'A20']);
  expect(Object.keys(RULES).filter((rule) => rule.startsWith('A') && !seen.has(rule))).toEqual([]);
});

describe('says nothing of', () => {
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
        environ['tsgi.input'] = {} as InputStream;
        start(200, []);
        return 'a';
      },
      {},
      'a',
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

  test('what an application throws, and its body too', async () => {
    const error = new Error('its own');
    await expect(testRequest(() => { throw error; })).rejects.toBe(error); // prettier-ignore
    await expect(testRequest((_, start) => (start(200, []), (function* () { yield 'a'; throw error; })()))).rejects.toBe(error); // prettier-ignore
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

describe('names the rule of a wrong server', () => {
  const right: Application = (_, start) => (start(200, []), 'a');
  const environ = (change: Record<string, unknown>) => Object.assign(setupTestingDefaults(), change);
  const start: StartResponse = () => () => Promise.resolve();

  test.each<[Rule, string, unknown]>([
    ['S1', 'a frozen environ', Object.freeze(environ({}))],
    ['S1', 'an environ of a class', Object.assign(new Map() as object, environ({}))],
    ['S2', 'a number for a port', environ({ SERVER_PORT: 80 })],
    ['S2', 'an empty server name', environ({ SERVER_NAME: '' })],
    ['S2', 'no query', environ({ QUERY_STRING: undefined })],
    ['S4', 'a root that is /', environ({ SCRIPT_NAME: '/' })],
    ['S4', 'a path without a slash', environ({ PATH_INFO: 'a' })],
    ['S5', 'a query with its ?', environ({ QUERY_STRING: '?a' })],
    ['S7', 'a twin of the type', environ({ HTTP_CONTENT_TYPE: 'a/b' })],
    ['S7', 'a length that is none', environ({ CONTENT_LENGTH: '-1' })],
    ['S8', 'a protocol that is none', environ({ SERVER_PROTOCOL: '1.1' })],
    ['S9', 'a field that is a list', environ({ HTTP_ACCEPT: ['a', 'b'] })],
    ['S10', 'Proxy', environ({ HTTP_PROXY: 'a' })],
    ['S10', 'Transfer-Encoding', environ({ HTTP_TRANSFER_ENCODING: 'chunked' })],
    ['S11', 'a version that is text', environ({ 'tsgi.version': '1.0' })],
    ['S11', 'a scheme that is neither', environ({ 'tsgi.url_scheme': 'ws' })],
    ['S11', 'a flag that is none', environ({ 'tsgi.concurrent': 1 })],
    ['S13', 'an input without readline', environ({ 'tsgi.input': { read() {} } })],
    ['S18', 'errors without flush', environ({ 'tsgi.errors': { write() {}, writelines() {} } })],
    ['S36', 'a file wrapper that is none', environ({ 'tsgi.file_wrapper': true })],
  ])('%s: %s', (rule, _, wrong) => {
    expect(() => validator(right)(wrong as Environ, start)).toThrow(expect.objectContaining({ rule }));
  });

  test('S19: no startResponse', () => {
    expect(() => any(validator(right))(environ({}))).toThrow(expect.objectContaining({ rule: 'S19' }));
  });

  test('S20: a startResponse that returns no write', () => {
    const wrong = () => undefined;
    expect(() => validator(right)(setupTestingDefaults(), any(wrong))).toThrow(
      expect.objectContaining({ rule: 'S20' }),
    );
  });

  test('S28: close twice, and a body that is iterated after it', () => {
    const streams = validator((_, startResponse) => {
      startResponse(200, []);
      return (function* () { yield 'a'; })(); // prettier-ignore
    });
    const body = streams(setupTestingDefaults(), start) as Iterable<string> & { close(): void };
    body.close();
    expect(() => [...body]).toThrow(expect.objectContaining({ rule: 'S28' }));
    expect(() => body.close()).toThrow(expect.objectContaining({ rule: 'S28' }));
  });
});

test('what passes is what was there: chunks one by one, return and close as the server calls them', async () => {
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

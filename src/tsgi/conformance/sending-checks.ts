/**
 * Rules S26 to S36: how a server sends what an application returns.
 *
 * Law: one entry a rule, in their order.
 */
import type { Application, Body, BodyChunk, Environ, HeaderList, StartResponse } from '../types.ts';
import { caseOf, type Check, expect, expectEqual, type Kit, note } from './check.ts';
import { field } from './client.ts';

/** Streams, tells what is called on it, and goes wrong on demand. */
function tracedBody(environ: Environ, chunks: readonly (BodyChunk | Error)[]): Body {
  let at = 0;
  return {
    close: () => note(environ, 'close'),
    [Symbol.asyncIterator]() {
      return {
        async next() {
          const value = chunks[Math.min(at, chunks.length)];
          at += 1;
          if (value instanceof Error) throw value;
          note(environ, value === undefined ? 'done' : 'next');
          // Endless bodies take their time.
          if (at > chunks.length) return { done: true as const, value: undefined };
          if (at > 2) await new Promise((resolve) => setTimeout(resolve, 2));
          return { done: false as const, value: value! };
        },
        async return() {
          note(environ, 'return');
          return { done: true as const, value: undefined };
        },
      };
    },
  };
}

const KINDS: Record<string, () => unknown> = {
  string: () => 'aü€',
  bytes: () => new TextEncoder().encode('aü€'),
  array: () => ['a', new TextEncoder().encode('ü'), '€'],
  set: () => new Set(['a', 'ü', '€']),
  generator: () => (function* () { yield 'a'; yield 'ü€'; })(), // prettier-ignore
  asyncGenerator: () => (async function* () { yield 'a'; await null; yield 'ü€'; })(), // prettier-ignore
  readableStream: () => new Response('aü€').body,
  promise: () => Promise.resolve('aü€'),
  promiseOfArray: () => Promise.resolve(['aü', '€']),
};

const sendKind: Application = (environ, startResponse) => {
  startResponse(200, []);
  return KINDS[caseOf(environ)]!() as Body;
};

const WRONG: Record<string, () => unknown> = {
  undefined: () => undefined,
  null: () => null,
  number: () => 42,
  object: () => ({}),
  'a number in an array': () => ['a', 1],
  'a promise in an array': () => [Promise.resolve('a')],
  'a number from a generator': () => (function* () { yield 1; })(), // prettier-ignore
};

const sendWrong: Application = (environ, startResponse) => {
  startResponse(200, []);
  return WRONG[caseOf(environ)]!() as Body;
};

const failure = new Error('conformance: on purpose');

const fail: Application = (environ, startResponse) => {
  const when = caseOf(environ);
  if (when === 'call') throw failure;
  if (when === 'promise') return Promise.reject(failure);
  startResponse(200, []);
  return (async function* () {
    if (when === 'first') throw failure;
    yield 'sent';
    throw failure;
  })();
};

const sendLength: Application = (environ, startResponse) => {
  const [length, ...chunks] = caseOf(environ).split(',');
  startResponse(200, [['Content-Length', length!]]);
  return chunks;
};

const sendStatus: Application = (environ, startResponse) => {
  startResponse(Number(caseOf(environ)), [['x-status', 'yes']]);
  return caseOf(environ) === '200' ? 'hello' : [];
};

const HEADERS: HeaderList = [
  ['Set-Cookie', 'a=1'],
  ['X-Latin', '\xe9'],
  ['set-cookie', 'b=2'],
];
const HEADERS_THEN = JSON.stringify(HEADERS);

const sendHeaders: Application = (environ, startResponse) => {
  const date: HeaderList = caseOf(environ) === 'date' ? [['Date', 'Thu, 01 Jan 1970 00:00:00 GMT']] : [];
  startResponse(200, date.length > 0 ? date : HEADERS);
  return JSON.stringify(HEADERS) === HEADERS_THEN ? 'unchanged' : 'the list was changed';
};

/** The same bytes by each way; the file is this one. */
const sendFile: Application = async (environ, startResponse: StartResponse) => {
  const { fileURLToPath } = await import('node:url');
  const { readFile } = await import('node:fs/promises');
  const file = fileURLToPath(import.meta.url);
  const wrap = environ['tsgi.file_wrapper'];
  startResponse(200, []);
  if (wrap === undefined) return '';
  if (caseOf(environ) === 'wrapped') return wrap(file, 1000, 7);
  if (caseOf(environ) === 'iterated') {
    const body = wrap(file, 1000, 7) as AsyncIterable<Uint8Array>;
    return (async function* () { yield* body; })(); // prettier-ignore
  }
  return (await readFile(file)).subarray(7);
};

/** The request after `first` on the same connection must be answered too. */
async function expectNextAnswered(kit: Kit, method: string, target: string, status: number): Promise<void> {
  const connection = await kit.connect();
  connection.send(kit.head({ method, target }));
  const answer = await connection.answer(false);
  expectEqual(answer.status, status, `the status of ${method}`);
  connection.send(kit.head({ target: '?case=200' }));
  const next = await connection.answer();
  expectEqual([next.status, next.text], [200, 'hello'], `the answer after ${method} ${status}`);
}

export const SENDING_CHECKS: readonly Check[] = [
  {
    rule: 'S26',
    application: sendKind,
    async client(kit) {
      for (const kind of Object.keys(KINDS)) {
        const answer = await kit.request({ target: `?case=${kind}` });
        expectEqual([answer.text, answer.complete], ['aü€', true], `the body of ${kind}`);
      }
    },
  },
  {
    rule: 'S27',
    application: (_environ, startResponse) => {
      startResponse(200, []);
      return (function* () { yield ''; yield 'a'; yield new Uint8Array(0); yield 'b'; yield ''; })(); // prettier-ignore
    },
    async client(kit) {
      const answer = await kit.request();
      expectEqual([answer.text, answer.complete], ['ab', true], 'the body');
    },
  },
  {
    rule: 'S28',
    application: (environ, startResponse) => {
      startResponse(200, []);
      return tracedBody(environ, ['a', 'b']);
    },
    async client(kit) {
      const answer = await kit.request({ target: `?token=${kit.token}` });
      expectEqual(answer.text, 'ab', 'the body');
      await kit.notes((all) => all.includes('close'));
      const notes = await kit.notes((all) => all.length > 3);
      expectEqual(notes, ['next', 'next', 'done', 'close'], 'the calls');
    },
  },
  {
    rule: 'S29',
    application: (environ, startResponse) => {
      startResponse(200, []);
      const left: BodyChunk[] = Array.from({ length: 2000 }, () => 'x');
      return tracedBody(environ, caseOf(environ) === 'error' ? ['x', failure] : left);
    },
    async client(kit) {
      const connection = await kit.connect();
      connection.send(kit.head({ target: `?token=${kit.token}` }));
      await connection.until(
        () => connection.received.includes('x\r\n') || connection.received.endsWith('x'),
      );
      connection.reset();
      const notes = await kit.notes((all) => all.includes('close'));
      expectEqual(notes.slice(-2), ['return', 'close'], 'the last calls after the client left');
      const token = `${kit.token}-error`;
      await kit.request({ target: `?case=error&token=${token}` });
      const after = await kit.notes((all) => all.includes('close'), token);
      expectEqual(after.at(-1), 'close', 'the last call after an error');
    },
  },
  {
    rule: 'S30',
    application: sendWrong,
    async client(kit) {
      for (const kind of Object.keys(WRONG)) {
        const answer = await kit.request({ target: `?case=${encodeURIComponent(kind)}` });
        const sent = kind === 'a number in an array' && !answer.complete;
        expect(answer.status === 500 || sent, `the answer to ${kind} must be 500, and is ${answer.status}`);
      }
    },
  },
  {
    rule: 'S31',
    application: fail,
    async client(kit) {
      for (const when of ['call', 'promise', 'first']) {
        expectEqual(
          (await kit.request({ target: `?case=${when}` })).status,
          500,
          `the status after an error in ${when}`,
        );
      }
      const answer = await kit.request({ target: '?case=second' });
      expectEqual(
        [answer.status, answer.complete],
        [200, false],
        'status and completeness after an error in the second',
      );
    },
  },
  {
    rule: 'S32',
    application: sendLength,
    async client(kit) {
      const short = await kit.request({ target: '?case=10,ab,cd' });
      expectEqual(
        [field(short, 'content-length'), short.complete],
        ['10', false],
        'length and completeness of a short body',
      );
      const long = await kit.request({ target: '?case=3,ab,cd' });
      expectEqual([long.text, field(long, 'content-length')], ['abc', '3'], 'a long body');
      expectEqual((await kit.request({ target: '?case=4,ab,cd' })).text, 'abcd', 'a right body');
    },
  },
  {
    rule: 'S33',
    application: sendKind,
    async client(kit) {
      const connection = await kit.connect();
      for (const kind of ['string', 'array', 'string']) {
        connection.send(kit.head({ target: `?case=${kind}` }));
        const answer = await connection.answer();
        expectEqual(
          [answer.text, field(answer, 'content-length')],
          ['aü€', '6'],
          `text and length of ${kind}`,
        );
      }
      for (const version of ['1.0', '1.1'] as const) {
        const streamed = await kit.request({ target: '?case=generator', version });
        expectEqual([streamed.text, streamed.complete], ['aü€', true], `a stream to HTTP/${version}`);
        const coded = field(streamed, 'transfer-encoding') !== undefined;
        expect(version === '1.1' || !coded, 'a transfer coding must not be sent to HTTP/1.0');
      }
    },
  },
  {
    rule: 'S34',
    application: sendStatus,
    async client(kit) {
      await expectNextAnswered(kit, 'HEAD', '?case=200', 200);
      await expectNextAnswered(kit, 'GET', '?case=204', 204);
      await expectNextAnswered(kit, 'GET', '?case=304', 304);
    },
  },
  {
    rule: 'S35',
    application: sendHeaders,
    async client(kit) {
      for (let i = 0; i < 3; i++) {
        const answer = await kit.request();
        expectEqual(answer.text, 'unchanged', 'the list of headers');
        const cookies = answer.fields.filter(([name]) => name.toLowerCase() === 'set-cookie');
        expectEqual(
          cookies.map(([, value]) => value),
          ['a=1', 'b=2'],
          'the values of Set-Cookie',
        );
        expectEqual(field(answer, 'x-latin'), '\xe9', 'X-Latin');
        expect(!Number.isNaN(Date.parse(field(answer, 'date') ?? '')), 'Date must be there');
      }
      const dated = await kit.request({ target: '?case=date' });
      const dates = dated.fields.filter(([name]) => name.toLowerCase() === 'date').map(([, value]) => value);
      expectEqual(dates, ['Thu, 01 Jan 1970 00:00:00 GMT'], 'Date');
    },
  },
  {
    rule: 'S36',
    application: sendFile,
    async client(kit) {
      const wrapped = await kit.request({ target: '?case=wrapped' });
      if (wrapped.text === '' && wrapped.status === 200) return 'this server has no tsgi.file_wrapper';
      const plain = await kit.request();
      const iterated = await kit.request({ target: '?case=iterated' });
      expect(plain.text.length > 0 && wrapped.text === plain.text, 'a wrapped file must be sent as it is');
      expect(iterated.text === plain.text, 'a wrapped file must be an iterable of its bytes');
    },
  },
];

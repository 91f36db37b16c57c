/**
 * Rules S26 to S31: what a server does with a body, right or wrong.
 *
 * Law: one entry a rule, in their order.
 */
import { Readable } from 'node:stream';
import type { Application, Body, BodyChunk, Environ } from '../types.ts';
import { caseOf, type Check, expect, expectEqual, note } from './checker.ts';

/** A stream that notes the calls on it, and throws at an Error among its chunks. */
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
          // An endless body pauses between chunks.
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

/** Throws if the server reads a property that it may not use. */
function guarded(chunks: readonly string[]): Body {
  const allowed: (string | symbol)[] = [Symbol.iterator, Symbol.asyncIterator, 'close', 'then'];
  const iterable = { [Symbol.iterator]: () => chunks[Symbol.iterator]() };
  return new Proxy(iterable, {
    get(target, key) {
      // Debuggers and instanceof read these keys, which is no use of the body.
      if (allowed.includes(key) || typeof key === 'symbol') return Reflect.get(target, key) as unknown;
      throw new Error(`conformance: the server read body.${key}`);
    },
  });
}

const KINDS: Record<string, () => unknown> = {
  string: () => 'aü€',
  bytes: () => new TextEncoder().encode('aü€'),
  array: () => ['a', new TextEncoder().encode('ü'), '€'],
  set: () => new Set(['a', 'ü', '€']),
  generator: () => (function* () { yield 'a'; yield 'ü€'; })(), // prettier-ignore
  asyncGenerator: () => (async function* () { yield 'a'; await null; yield 'ü€'; })(), // prettier-ignore
  readableStream: () => new Response('aü€').body,
  readable: () => Readable.from(['a', 'ü€']),
  bothIterators: () => ({
    *[Symbol.iterator]() { yield 'the synchronous one'; },
    async *[Symbol.asyncIterator]() { yield 'aü€'; },
  }), // prettier-ignore
  guarded: () => guarded(['a', 'ü€']),
  promise: () => Promise.resolve('aü€'),
  promiseOfArray: () => Promise.resolve(['aü', '€']),
};

export const sendKind: Application = (environ, startResponse) => {
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

export const failure = new Error('conformance: on purpose');

const fail: Application = (environ, startResponse) => {
  const when = caseOf(environ);
  if (when === 'call') throw failure;
  if (when === 'promise') return Promise.reject(failure);
  startResponse(200, []);
  const body = (async function* () {
    if (when === 'first') throw failure;
    yield 'sent';
    if (when === 'second') throw failure;
  })();
  const close = () => {
    throw failure;
  };
  return when === 'close' ? Object.assign(body, { close }) : body;
};

const CLOSE_MS = 300;

/** Notes when `close` is called, and when it is over. */
const sendClosing: Application = (environ, startResponse) => {
  startResponse(200, []);
  const close = async () => {
    note(environ, 'close');
    if (caseOf(environ) === 'end') await new Promise((resolve) => setTimeout(resolve, CLOSE_MS));
    note(environ, 'closed');
  };
  if (caseOf(environ) === 'wrong') return { close } as unknown as Body;
  return Object.assign((function* () { yield 'a'; })(), { close }); // prettier-ignore
};

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
      if (caseOf(environ) !== '') return sendClosing(environ, startResponse);
      startResponse(200, []);
      return tracedBody(environ, ['a', 'b']);
    },
    async client(kit) {
      const answer = await kit.request({ target: `?token=${kit.token}` });
      expectEqual(answer.text, 'ab', 'the body');
      await kit.notes((all) => all.includes('close'), kit.token, 'close');
      const notes = await kit.notes((all) => all.length > 3);
      expectEqual(notes, ['next', 'next', 'done', 'close'], 'the calls');
      for (const [when, method] of Object.entries({ end: 'GET', unused: 'HEAD', wrong: 'GET' })) {
        const token = `${kit.token}-${when}`;
        const begin = performance.now();
        await kit.request({ method, target: `?case=${when}&token=${token}` });
        // A timer may fire a millisecond early.
        const waited = performance.now() - begin > CLOSE_MS - 5;
        expect(when !== 'end' || waited, 'the response must not end before close has');
        const notes = await kit.notes((all) => all.includes('closed'), token, `close (${when})`);
        expectEqual(notes, ['close', 'closed'], `the calls of close (${when})`);
      }
    },
  },
  {
    rule: 'S29',
    application: (environ, startResponse) => {
      startResponse(200, caseOf(environ) === 'long' ? [['Content-Length', '3']] : []);
      const cases: Record<string, (BodyChunk | Error)[]> = {
        error: ['x', failure],
        long: ['ab', 'cd', 'ef'],
      };
      return tracedBody(environ, cases[caseOf(environ)] ?? Array.from({ length: 2000 }, () => 'x'));
    },
    async client(kit) {
      const connection = await kit.connect();
      connection.send(kit.head({ target: `?token=${kit.token}` }));
      await connection.until(
        () => connection.received.includes('x\r\n') || connection.received.endsWith('x'),
      );
      connection.reset();
      const notes = await kit.notes((all) => all.includes('close'), kit.token, 'close after the client left');
      expectEqual(notes.slice(-2), ['return', 'close'], 'the last calls after the client left');
      for (const [when, calls] of Object.entries({
        error: ['next', 'return', 'close'],
        long: ['next', 'next', 'return', 'close'],
      })) {
        const token = `${kit.token}-${when}`;
        await kit.request({ target: `?case=${when}&token=${token}` });
        const after = await kit.notes((all) => all.includes('close'), token);
        expectEqual(after, calls, `the calls of a body, case ${when}`);
      }
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
      for (const when of ['second', 'close']) {
        const answer = await kit.request({ target: `?case=${when}` });
        const seen = [answer.status, answer.complete];
        expectEqual(seen, [200, false], `status and completeness after an error in ${when}`);
      }
    },
  },
];

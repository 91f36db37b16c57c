/**
 * Rules S19 to S25: how a server calls an application.
 *
 * Law: one entry a rule, in their order.
 */
import type { Application, HeaderList } from '../types.ts';
import { caseOf, type Check, expect, expectEqual, note } from './check.ts';
import { field } from './client.ts';

const BAD_CALLS: readonly [string, unknown, unknown][] = [
  ['status 99', 99, []],
  ['status 199', 199, []],
  ['status 600', 600, []],
  ['status 200.5', 200.5, []],
  ['status "200"', '200', []],
  ['headers null', 200, null],
  ['headers an object', 200, { a: 'b' }],
  ['a header of one', 200, [['a']]],
  ['a number for a value', 200, [['a', 1]]],
  ['a space in a name', 200, [['a b', 'c']]],
  ['an empty name', 200, [['', 'c']]],
  ['a line break in a value', 200, [['a', 'b\r\nc: d']]],
  ['NUL in a value', 200, [['a', '\0']]],
  ['a value beyond Latin-1', 200, [['a', '€']]],
  ['Connection', 200, [['Connection', 'close']]],
  ['Transfer-Encoding', 200, [['transfer-encoding', 'chunked']]],
  ['Status', 200, [['Status', '200 OK']]],
];

const tryBadCalls: Application = (_environ, startResponse) => {
  const passed: string[] = [];
  const error = new Error('so that it may be called again');
  for (const [name, status, headers] of BAD_CALLS) {
    try {
      startResponse(status as number, headers as HeaderList, error);
      passed.push(name);
    } catch {}
  }
  startResponse(200, [], error);
  return JSON.stringify(passed);
};

const callAgain: Application = async (environ, startResponse) => {
  const error = new Error('the cause');
  const again = (...args: [unknown?]) => {
    try {
      startResponse(207, [], ...args);
      return 'nothing';
    } catch (thrown) {
      return thrown === error ? 'the cause' : 'an error';
    }
  };
  const write = startResponse(200, []);
  if (caseOf(environ) === 'replace') return (again(error), 'replaced');
  if (caseOf(environ) === 'twice') return again() === 'an error' ? 'refused' : 'allowed';
  await write('head, ');
  return again(error);
};

const changeHeadLate: Application = (_environ, startResponse) => {
  startResponse(200, [['x-early', 'yes']]);
  return (function* () {
    yield '';
    startResponse(503, [['x-late', 'yes']], new Error('late'));
    yield 'late';
  })();
};

const BUSY_MS = 400;

/** Busy, not waiting: the first chunk must be on its way before the second is asked for. */
const burnBetweenChunks: Application = (_environ, startResponse) => {
  startResponse(200, []);
  return (function* () {
    yield 'first';
    const end = performance.now() + BUSY_MS;
    while (performance.now() < end);
    yield 'second';
  })();
};

const PIECE = new Uint8Array(64 * 1024);
const MOST_PIECES = 1024;

const flood: Application = (environ, startResponse) => {
  startResponse(200, []);
  return (async function* () {
    for (let i = 0; i < MOST_PIECES; i++) {
      note(environ, 'piece');
      yield PIECE;
    }
  })();
};

export const CALLING_CHECKS: readonly Check[] = [
  {
    rule: 'S19',
    application: function (environ, startResponse) {
      note(environ, `called with ${arguments.length}`);
      startResponse(200, []);
      return 'ok';
    },
    async client(kit) {
      await kit.request({ target: `?token=${kit.token}` });
      const notes = await kit.notes((all) => all.length > 0);
      expectEqual(notes, ['called with 2'], 'the calls');
    },
  },
  {
    rule: 'S20',
    application: async (_environ, startResponse) => {
      const write = startResponse(200, []);
      expect(typeof write === 'function', 'startResponse must return write');
      void write('a');
      await write(new Uint8Array([98]));
      return ['c', 'd'];
    },
    async client(kit) {
      expectEqual((await kit.request()).text, 'abcd', 'the body');
    },
  },
  {
    rule: 'S21',
    application: tryBadCalls,
    async client(kit) {
      expectEqual(await kit.json(), [], 'the wrong calls that passed');
    },
  },
  {
    rule: 'S22',
    application: callAgain,
    async client(kit) {
      expectEqual(
        (await kit.request({ target: '?case=twice' })).text,
        'refused',
        'a second call without an error',
      );
      const replaced = await kit.request({ target: '?case=replace' });
      expectEqual([replaced.status, replaced.text], [207, 'replaced'], 'a second call with an error');
      const rethrown = await kit.request();
      expectEqual([rethrown.status, rethrown.text], [200, 'head, the cause'], 'one after the head has left');
    },
  },
  {
    rule: 'S23',
    application: changeHeadLate,
    async client(kit) {
      const answer = await kit.request();
      expectEqual([answer.status, answer.text], [503, 'late'], 'the answer');
      expectEqual([field(answer, 'x-early'), field(answer, 'x-late')], [null, 'yes'], 'x-early and x-late');
    },
  },
  {
    rule: 'S24',
    application: burnBetweenChunks,
    async client(kit) {
      const connection = await kit.connect();
      connection.send(kit.head());
      await connection.until(() => connection.received.includes('first'));
      const first = performance.now();
      await connection.until(() => connection.received.includes('second'));
      const apart = Math.round(performance.now() - first);
      expect(apart > BUSY_MS / 2, `chunks made ${BUSY_MS} ms apart must not arrive together: ${apart} ms`);
    },
  },
  {
    rule: 'S25',
    application: flood,
    async client(kit) {
      const connection = await kit.connect();
      connection.pause();
      connection.send(kit.head({ target: `?token=${kit.token}` }));
      let [before, same] = [0, 0];
      const notes = await kit.notes((all) => {
        same = all.length === before && before > 0 ? same + 1 : 0;
        before = all.length;
        return same === 10 || before === MOST_PIECES;
      });
      expect(notes.length < MOST_PIECES, `all of ${MOST_PIECES} pieces were taken from the application`);
    },
  },
];

/**
 * Rules S19 to S25: how a server calls an application.
 *
 * Law: one entry a rule, in their order.
 */
import type { Application, HeaderList } from '../types.ts';
import { caseOf, type Check, expect, expectEqual, type Kit, note } from './checker.ts';
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
  ['Keep-Alive', 200, [['keep-alive', '5']]],
  ['Upgrade', 200, [['UPGRADE', 'x']]],
  ['Trailer', 200, [['Trailer', 'x']]],
  ['Status', 200, [['Status', '200 OK']]],
  ['Content-Length 1.0', 200, [['Content-Length', '1.0']]],
  ['Content-Length twice', 200, [['Content-Length', '1'], ['content-length', '1']]],
]; // prettier-ignore

/** Unusual, but valid. */
const GOOD_CALLS: readonly [string, number, HeaderList][] = [
  ['status 599', 599, []],
  ['a tab and Latin-1 in a value', 200, [['a', 'b\t\x80\xff']]],
  ['an empty value', 200, [['a', '']]],
  ['a name of all that a token may have', 200, [["!#$%&'*+-.^_`|~09azAZ", 'b']]],
];

const tryCalls: Application = (_environ, startResponse) => {
  const passed: string[] = [];
  const refused: string[] = [];
  const error = new Error('so that it may be called again');
  for (const [name, status, headers] of BAD_CALLS) {
    try {
      startResponse(status as number, headers as HeaderList, error);
      passed.push(name);
    } catch {}
  }
  for (const [name, status, headers] of GOOD_CALLS) {
    try {
      startResponse(status, headers, error);
    } catch {
      refused.push(name);
    }
  }
  startResponse(200, [], error);
  return JSON.stringify({ passed, refused });
};

const changeListLate: Application = (_environ, startResponse) => {
  const headers: HeaderList = [['x-a', 'given']];
  startResponse(200, headers);
  headers[0]![1] = 'changed';
  headers.push(['x-b', 'added']);
  return 'ok';
};

const callAgain: Application = async (environ, startResponse) => {
  const cause = new Error('the cause');
  const again = (error?: unknown, status = 207) => {
    try {
      startResponse(status, [], ...(error === undefined ? [] : [error]));
      return 'nothing';
    } catch (thrown) {
      return thrown === cause ? 'the cause' : 'an error';
    }
  };
  const write = startResponse(200, []);
  if (caseOf(environ) === 'replace') return (again(cause), 'replaced');
  if (caseOf(environ) === 'twice') return again() === 'an error' ? 'refused' : 'allowed';
  await write('head, ');
  return `${again(cause)}, ${again(cause, 99)}`;
};

const changeHeadLate: Application = (_environ, startResponse) => {
  startResponse(200, [['x-early', 'yes']]);
  return (function* () {
    yield '';
    startResponse(503, [['x-late', 'yes']], new Error('late'));
    yield 'late';
  })();
};

const startInFirstStep: Application = (_environ, startResponse) =>
  (function* () {
    startResponse(201, []);
    yield 'late';
  })();

const writeNothing: Application = async (_environ, startResponse) => {
  await startResponse(200, [])('');
  try {
    startResponse(503, [], new Error('late'));
    return 'was not sent';
  } catch {
    return 'was sent';
  }
};

const BUSY_MS = 400;

/** Blocks the thread instead of waiting: the first chunk must be on its way before the server pulls the second. */
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

/** Writes until its client is gone. */
const floodByWrite: Application = async (environ, startResponse) => {
  const write = startResponse(200, []);
  for (let i = 0; i < MOST_PIECES && !environ['tsgi.signal'].aborted; i++) {
    note(environ, 'piece');
    await write(PIECE);
  }
  note(environ, 'over');
  return '';
};

const writeSome: Application = async (environ, startResponse) => {
  const write = startResponse(200, []) as (chunk: unknown) => Promise<void>;
  expect(typeof write === 'function', 'startResponse must return write');
  const first: unknown = write('a');
  if (!(first instanceof Promise)) note(environ, 'write returned no promise');
  await write(new Uint8Array([98]));
  await first;
  try {
    await Promise.resolve(write(1)).catch(() => {});
    note(environ, 'write took a number');
  } catch {}
  return ['c', 'd'];
};

/** Reads the notes until the application makes no more pieces, or has made all. */
async function piecesOf(kit: Kit, token: string): Promise<number> {
  let [before, same] = [0, 0];
  const notes = await kit.notes((all) => {
    same = all.length === before && before > 0 ? same + 1 : 0;
    before = all.length;
    return same === 10 || before >= MOST_PIECES;
  }, token);
  return notes.length;
}

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
    application: (environ, startResponse) =>
      (caseOf(environ) === 'gone' ? floodByWrite : writeSome)(environ, startResponse),
    async client(kit) {
      const { text } = await kit.request({ target: `?token=${kit.token}` });
      expectEqual(text, 'abcd', 'the body');
      expectEqual(await kit.notes(() => true), [], 'what is wrong with write');
      const token = `${kit.token}-gone`;
      const connection = await kit.connect();
      connection.pause();
      connection.send(kit.head({ target: `?case=gone&token=${token}` }));
      await piecesOf(kit, token);
      connection.reset();
      await kit.notes((all) => all.includes('over'), token, 'the end of a write to a client that is gone');
    },
  },
  {
    rule: 'S21',
    application: (environ, startResponse) =>
      (caseOf(environ) === 'copy' ? changeListLate : tryCalls)(environ, startResponse),
    async client(kit) {
      const calls = await kit.json<{ passed: string[]; refused: string[] }>();
      expectEqual(calls.passed, [], 'the wrong calls that passed');
      expectEqual(calls.refused, [], 'the right calls that did not');
      const answer = await kit.request({ target: '?case=copy' });
      expectEqual([field(answer, 'x-a'), field(answer, 'x-b')], ['given', null], 'x-a and x-b, changed late');
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
      expectEqual(
        [rethrown.status, rethrown.text],
        [200, 'head, the cause, the cause'],
        'one after the head has left',
      );
    },
  },
  {
    rule: 'S23',
    application: (environ, startResponse) => {
      const cases: Record<string, Application> = { first: startInFirstStep, empty: writeNothing };
      return (cases[caseOf(environ)] ?? changeHeadLate)(environ, startResponse);
    },
    async client(kit) {
      const answer = await kit.request();
      expectEqual([answer.status, answer.text], [503, 'late'], 'the answer');
      expectEqual([field(answer, 'x-early'), field(answer, 'x-late')], [null, 'yes'], 'x-early and x-late');
      const first = await kit.request({ target: '?case=first' });
      expectEqual([first.status, first.text], [201, 'late'], 'the answer of a body that begins it');
      expectEqual(
        (await kit.request({ target: '?case=empty' })).text,
        'was sent',
        'the head of an empty write',
      );
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
    application: (environ, startResponse) =>
      (caseOf(environ) === 'write' ? floodByWrite : flood)(environ, startResponse),
    async client(kit) {
      for (const way of ['body', 'write']) {
        const token = `${kit.token}-${way}`;
        const connection = await kit.connect();
        connection.pause();
        connection.send(kit.head({ target: `?case=${way}&token=${token}` }));
        const pieces = await piecesOf(kit, token);
        expect(pieces < MOST_PIECES, `all of ${MOST_PIECES} pieces were taken from the application (${way})`);
        connection.reset();
      }
    },
  },
];

/**
 * Rules S32 to S36: how a response is framed, its headers, and files.
 *
 * Law: one entry a rule, in their order.
 */
import type { Application, HeaderList, StartResponse } from '../types.ts';
import { caseOf, type Check, expect, expectEqual, type Kit, note } from './checker.ts';
import { field } from './client.ts';
import { sendKind } from './sending-checks.ts';

const sendLength: Application = async (environ, startResponse) => {
  const [length, ...chunks] = caseOf(environ).split(',');
  const write = startResponse(200, [['Content-Length', length!]]);
  if (chunks[0] !== 'write') return chunks;
  await write('ab');
  try {
    await write('cd');
    note(environ, 'allowed');
  } catch {
    note(environ, 'refused');
  }
  return '';
};

const sendStatus: Application = (environ, startResponse) => {
  const [status, length] = caseOf(environ).split(',');
  const headers: HeaderList = length === undefined ? [] : [['Content-Length', length]];
  startResponse(Number(status), headers);
  return status === '200' && environ.REQUEST_METHOD !== 'HEAD' ? 'hello' : [];
};

const HEADERS: HeaderList = [
  ['X-Latin', '\xe9'],
  ['Set-Cookie', 'b=1'],
  ['set-cookie', 'a=2'],
];

const sendHeaders: Application = (environ, startResponse) => {
  const own = structuredClone(HEADERS);
  const date: HeaderList = [['Date', 'Thu, 01 Jan 1970 00:00:00 GMT']];
  startResponse(200, caseOf(environ) === 'date' ? date : own);
  return JSON.stringify(own) === JSON.stringify(HEADERS) ? 'unchanged' : 'changed';
};

/** Sends the same bytes in each way. The file is this source file. */
const sendFile: Application = async (environ, startResponse: StartResponse) => {
  const { fileURLToPath } = await import('node:url');
  const { readFile } = await import('node:fs/promises');
  const file = fileURLToPath(import.meta.url);
  const wrap = environ['tsgi.file_wrapper'];
  startResponse(200, caseOf(environ) === 'part' ? [['Content-Length', '5']] : []);
  if (wrap === undefined) return '';
  if (caseOf(environ) === 'wrapped') return wrap(file, 1000, 7);
  if (caseOf(environ) === 'part') return wrap(file, undefined, 7);
  if (caseOf(environ) === 'iterated') {
    const body = wrap(file, 1000, 7) as AsyncIterable<Uint8Array>;
    return (async function* () { yield* body; })(); // prettier-ignore
  }
  const bytes = (await readFile(file)).subarray(7);
  if (caseOf(environ) !== 'closed') return bytes;
  const source = (async function* () { yield bytes; })(); // prettier-ignore
  return wrap(Object.assign(source, { close: () => note(environ, 'close') }));
};

/** Requires an answer to a second request on the same connection. Returns the Content-Length of the first answer. */
async function expectNextAnswered(
  kit: Kit,
  method: string,
  target: string,
  status: number,
): Promise<string | undefined> {
  const connection = await kit.connect();
  connection.send(kit.head({ method, target }));
  const answer = await connection.answer(false);
  expectEqual(answer.status, status, `the status of ${method}`);
  connection.send(kit.head({ target: '?case=200' }));
  const next = await connection.answer();
  expectEqual([next.status, next.text], [200, 'hello'], `the answer after ${method} ${status}`);
  return field(answer, 'content-length');
}

export const FRAMING_CHECKS: readonly Check[] = [
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
      const written = await kit.request({ target: `?case=3,write&token=${kit.token}` });
      expectEqual(written.text, 'abc', 'what was written beyond its length');
      expectEqual(await kit.notes((all) => all.length > 0), ['refused'], 'the write beyond the length');
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
      const lengths = [
        await expectNextAnswered(kit, 'HEAD', '?case=200', 200),
        await expectNextAnswered(kit, 'HEAD', '?case=200,5', 200),
        await expectNextAnswered(kit, 'GET', '?case=204', 204),
        await expectNextAnswered(kit, 'GET', '?case=204,5', 204),
        await expectNextAnswered(kit, 'GET', '?case=304', 304),
      ];
      // The second answer MAY have a length, so it is not checked.
      expectEqual(
        lengths.toSpliced(1, 1),
        [null, null, null, null],
        'the Content-Length of the answers that must have none',
      );
    },
  },
  {
    rule: 'S35',
    application: sendHeaders,
    async client(kit) {
      for (let i = 0; i < 3; i++) {
        const answer = await kit.request();
        expectEqual(answer.text, 'unchanged', 'the list of headers');
        const own = /^(?:set-cookie|x-latin)$/i;
        expectEqual(
          answer.fields.filter(([name]) => own.test(name)),
          HEADERS,
          'the headers',
        );
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
      const part = await kit.request({ target: '?case=part' });
      expectEqual(
        [part.text, part.complete],
        [plain.text.slice(0, 5), true],
        'a file that is longer than the Content-Length',
      );
      const closed = await kit.request({ target: `?case=closed&token=${kit.token}` });
      expect(closed.text === plain.text, 'a wrapped iterable must be sent as it is');
      expectEqual(
        await kit.notes((all) => all.length > 0),
        ['close'],
        'what is called of a wrapped iterable',
      );
    },
  },
];

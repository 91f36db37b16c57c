/**
 * Rules S12 to S18: the signal, the body of a request, and the log.
 *
 * Law: one entry a rule, in their order.
 */
import type { Application } from '../types.ts';
import {
  caseOf,
  type Check,
  complaint,
  expect,
  expectEqual,
  expectNoComplaint,
  type Kit,
  note,
} from './checker.ts';
import { showEnviron, type Strings } from './environ-checks.ts';

const readTwice: Application = async (environ, startResponse) => {
  const input = environ['tsgi.input'];
  const body = Buffer.from(await input.read()).toString('latin1');
  const after: unknown[] = [];
  for (let i = 0; i < 3; i++) after.push((await input.read())?.length);
  after.push((await input.readline())?.length, (await input.readlines())?.length);
  for await (const chunk of input) after.push(chunk);
  startResponse(200, []);
  return JSON.stringify({ body, after });
};

/** Reads a body that its client does not finish, and notes how that ends. */
const readBroken: Application = async (environ, startResponse) => {
  try {
    const { length } = await environ['tsgi.input'].read();
    note(environ, `an end after ${length} bytes`);
  } catch {
    note(environ, 'an error');
  }
  startResponse(200, []);
  return '';
};

const readInPieces: Application = async (environ, startResponse) => {
  const input = environ['tsgi.input'];
  const text = (bytes: Uint8Array) => Buffer.from(bytes).toString('latin1');
  const pieces: string[] = [];
  if (caseOf(environ) === 'iterate') {
    let all = '';
    for await (const chunk of input) all += text(chunk);
    pieces.push(all);
  } else if (caseOf(environ) === 'at once') {
    pieces.push(...(await Promise.all([input.read(2), input.readline(), input.read(1)])).map(text));
  } else if (caseOf(environ) === 'leave') {
    for await (const chunk of input) {
      pieces.push(text(chunk));
      break;
    }
    pieces.push(text(await input.read()));
  } else {
    pieces.push(text(await input.readline()), text(await input.readline(1)), text(await input.read(2)));
    pieces.push(...(await input.readlines()).map(text));
  }
  startResponse(200, []);
  return JSON.stringify(pieces);
};

const readBlocking: Application = (environ, startResponse) => {
  const blocking = environ['tsgi.blocking_input'];
  let result: string;
  try {
    const bytes: unknown = environ['tsgi.input'].readSync(5);
    result =
      bytes instanceof Uint8Array ? Buffer.from(bytes).toString('latin1') : `no Uint8Array: ${String(bytes)}`;
  } catch (error) {
    result = `threw ${String((error as { code?: unknown }).code)}`;
  }
  startResponse(200, []);
  return JSON.stringify({ blocking, result });
};

const writeErrors: Application = (environ, startResponse) => {
  const errors = environ['tsgi.errors'];
  const text = complaint(environ, 'S18');
  let thrown = '';
  try {
    errors.write('conformance: one line, and € and \ud800\n');
    errors.writelines(['conformance: two ', 'pieces\n']);
    errors.flush();
  } catch (error) {
    thrown = String(error);
  }
  startResponse(200, []);
  return JSON.stringify(text || thrown);
};

/** Streams until its client is gone, and notes the state of the signal. */
const watchSignal: Application = (environ, startResponse) => {
  note(environ, 'called');
  startResponse(200, []);
  const asksLate = caseOf(environ) === 'late';
  if (!asksLate) environ['tsgi.signal'].addEventListener('abort', () => note(environ, 'aborted'));
  if (caseOf(environ) === 'end') return 'x';
  const drip = (async function* () {
    for (let i = 0; i < 5000; i++) {
      yield 'x';
      await new Promise((resolve) => setTimeout(resolve, 2));
    }
  })();
  const close = () => asksLate && note(environ, environ['tsgi.signal'].aborted ? 'aborted' : 'not aborted');
  return Object.assign(drip, { close });
};

/** Requests a stream, and resets the connection in the middle. */
async function leave(kit: Kit, target: string): Promise<void> {
  const connection = await kit.connect();
  connection.send(kit.head({ target }));
  await connection.until(() => connection.received.endsWith('x') || connection.received.includes('\nx'));
  connection.reset();
}

export const STREAM_CHECKS: readonly Check[] = [
  {
    rule: 'S12',
    application: watchSignal,
    async client(kit) {
      await leave(kit, `?token=${kit.token}`);
      await kit.notes((notes) => notes.includes('aborted'), kit.token, 'the abort of the signal');
      const late = `${kit.token}-late`;
      await leave(kit, `?case=late&token=${late}`);
      const asked = await kit.notes(
        (notes) => notes.length > 1,
        late,
        'close of a body whose client has gone',
      );
      expectEqual(asked[1], 'aborted', 'a signal that is first read after the client has gone');
      const end = `${kit.token}-end`;
      await kit.request({ target: `?case=end&token=${end}` });
      for (let i = 0; i < 3; i++) {
        const notes = await kit.notes((all) => all.length > 0, end);
        expect(
          !notes.includes('aborted'),
          'the signal must not be aborted by the ordinary end of a response',
        );
      }
    },
  },
  {
    rule: 'S13',
    application: (environ, startResponse) =>
      (caseOf(environ) === 'broken' ? readBroken : readTwice)(environ, startResponse),
    async client(kit) {
      const ends = [0, 0, 0, 0, 0];
      const body = 'x'.repeat(100_000);
      expectEqual(await kit.json({ method: 'POST', body }), { body, after: ends }, 'a body by its length');
      const chunked = await kit.connect();
      chunked.send(kit.head({ method: 'POST', fields: ['Transfer-Encoding: chunked'] }));
      chunked.send('3\r\nabc\r\n2;x=y\r\nde\r\n0\r\nTrailer: x\r\n\r\n');
      expectEqual(
        JSON.parse((await chunked.answer()).text),
        { body: 'abcde', after: ends },
        'a chunked body',
      );
      expectEqual(await kit.json(), { body: '', after: ends }, 'no body');
      const broken = await kit.connect();
      const fields = ['Content-Length: 10', 'Expect: 100-continue'];
      broken.send(kit.head({ method: 'POST', fields, target: `?case=broken&token=${kit.token}` }));
      await broken.answer();
      broken.send('abc');
      broken.reset();
      // A server that collects bodies does not call the application at all.
      const notes = await kit.notes((all) => all.length > 0).catch(() => ['an error']);
      expectEqual(notes, ['an error'], 'the result of a read of an incomplete body');
    },
  },
  {
    rule: 'S14',
    application: readInPieces,
    async client(kit) {
      const body = 'ab\ncde\n\nf';
      const pieces = await kit.json({ method: 'POST', body });
      expectEqual(
        pieces,
        ['ab\n', 'c', 'de', '\n', '\n', 'f'],
        'readline(), readline(1), read(2), readlines()',
      );
      expectEqual(await kit.json({ method: 'POST', body, target: '?case=iterate' }), [body], 'iteration');
      const atOnce = await kit.json({ method: 'POST', body, target: '?case=at%20once' });
      expectEqual(atOnce, ['ab', '\n', 'c'], 'read(2), readline(), read(1) at the same time');
      const long = 'x'.repeat(200_000);
      const left = await kit.json<string[]>({ method: 'POST', body: long, target: '?case=leave' });
      expectEqual(
        left.join('').length,
        long.length,
        'bytes of an iteration that is left, and of a read() then',
      );
    },
  },
  {
    rule: 'S15',
    application: readBlocking,
    async client(kit) {
      const connection = await kit.connect();
      // No bytes of the body arrive before the application reads.
      connection.send(kit.head({ method: 'POST', fields: ['Content-Length: 5', 'Expect: 100-continue'] }));
      let answer = await connection.answer();
      if (answer.status === 100) {
        connection.send('hello');
        answer = await connection.answer();
      }
      const { blocking, result } = JSON.parse(answer.text) as { blocking: boolean; result: string };
      expectEqual(
        result,
        blocking ? 'hello' : 'threw TSGI_ERR_NO_BLOCKING',
        `readSync where blocking is ${blocking}`,
      );
    },
  },
  {
    rule: 'S16',
    application: readInPieces,
    async client(kit) {
      const connection = await kit.connect();
      const body = 'hello';
      const fields = ['Content-Length: 5', 'Expect: 100-continue'];
      connection.send(kit.head({ method: 'POST', fields, target: '?case=iterate' }));
      expectEqual((await connection.answer()).status, 100, 'the first answer');
      connection.send(body);
      expectEqual(JSON.parse((await connection.answer()).text), ['hello'], 'the body');
      const old = await kit.request({
        method: 'POST',
        version: '1.0',
        fields: ['Expect: 100-continue'],
        body,
      });
      expectEqual(old.status, 200, 'the first answer to HTTP/1.0');
    },
  },
  {
    rule: 'S17',
    application: showEnviron,
    async client(kit) {
      const connection = await kit.connect();
      const smuggled = `GET ${kit.path('?smuggled')} HTTP/1.1\r\nHost: a\r\n\r\n`;
      connection.send(kit.head({ method: 'POST', body: smuggled }));
      connection.send(kit.head({ target: '?next' }));
      const first = await connection.answer();
      expectEqual((JSON.parse(first.text) as Strings).REQUEST_METHOD, 'POST', 'the first request');
      const closes = first.fields.some(
        ([name, value]) => name.toLowerCase() === 'connection' && value === 'close',
      );
      if (closes) return;
      expectEqual(
        (JSON.parse((await connection.answer()).text) as Strings).QUERY_STRING,
        'next',
        'the next request',
      );
    },
  },
  {
    rule: 'S18',
    application: writeErrors,
    client: expectNoComplaint,
  },
];

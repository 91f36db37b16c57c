/**
 * Rules S1 to S18: what a server says of a request.
 *
 * Law: one entry a rule, in their order.
 */
import { checkEnviron } from '../check-environ.ts';
import { TsgiRuleError } from '../errors.ts';
import type { Rule } from '../rules.ts';
import type { Application, Environ } from '../types.ts';
import { caseOf, type Check, expect, expectEqual, type Kit, note } from './check.ts';

/** Answers with the keys that are strings. */
const showEnviron: Application = (environ, startResponse) => {
  startResponse(200, [['content-type', 'application/json']]);
  const strings = Object.entries(environ).filter(([, value]) => typeof value === 'string');
  return JSON.stringify(Object.fromEntries(strings));
};

/** What looking at environ says against a rule, or ''. */
function complaint(environ: Environ, rule: Rule): string {
  try {
    checkEnviron(environ);
  } catch (error) {
    if (error instanceof TsgiRuleError && error.rule === rule) return error.message;
  }
  return '';
}

function judge(rule: Rule): Application {
  return (environ, startResponse) => {
    const text = complaint(environ, rule);
    startResponse(200, []);
    return JSON.stringify(text);
  };
}

async function expectNoComplaint(kit: Kit): Promise<void> {
  const text = await kit.json<string>();
  expect(text === '', text);
}

type Strings = Record<string, string | undefined>;

const MARK = 'conformance.mark';

/** Marks its environ, and says whether it was marked already. */
const markEnviron: Application = (environ, startResponse) => {
  const text = complaint(environ, 'S1');
  const seen = MARK in environ;
  try {
    (environ as unknown as Record<string, unknown>)[MARK] = true;
  } catch (error) {
    startResponse(200, []);
    return JSON.stringify(`environ cannot be changed: ${String(error)}`);
  }
  startResponse(200, []);
  return JSON.stringify(seen ? 'environ was made for another request' : text);
};

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

const readInPieces: Application = async (environ, startResponse) => {
  const input = environ['tsgi.input'];
  const text = (bytes: Uint8Array) => Buffer.from(bytes).toString('latin1');
  const pieces: string[] = [];
  if (caseOf(environ) === 'iterate') {
    let all = '';
    for await (const chunk of input) all += text(chunk);
    pieces.push(all);
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

/** Streams until its client is gone, and notes that. */
const waitForAbort: Application = (environ, startResponse) => {
  environ['tsgi.signal'].addEventListener('abort', () => note(environ, 'aborted'));
  startResponse(200, []);
  return (async function* () {
    for (let i = 0; i < 5000 && !environ['tsgi.signal'].aborted; i++) {
      yield 'x';
      await new Promise((resolve) => setTimeout(resolve, 2));
    }
  })();
};

export const ENVIRON_CHECKS: readonly Check[] = [
  {
    rule: 'S1',
    application: markEnviron,
    async client(kit) {
      for (let i = 0; i < 8; i++) await expectNoComplaint(kit);
    },
  },
  { rule: 'S2', application: judge('S2'), client: expectNoComplaint },
  {
    rule: 'S3',
    application: showEnviron,
    async client(kit) {
      for (const method of ['GET', 'PROPFIND', 'DELETE']) {
        expectEqual((await kit.json<Strings>({ method })).REQUEST_METHOD, method, 'REQUEST_METHOD');
      }
    },
  },
  {
    rule: 'S4',
    application: showEnviron,
    async client(kit) {
      const decoded = {
        '/a%20b': '/a b',
        '/%C3%BC%2Fx': '/ü/x',
        '/%FF': '/ÿ',
        '/%zz': '/%zz',
        '//x/../y': '//x/../y',
      };
      for (const [sent, path] of Object.entries(decoded)) {
        const { SCRIPT_NAME, PATH_INFO } = await kit.json<Strings>({ target: sent });
        expectEqual(`${SCRIPT_NAME}${PATH_INFO}`, kit.path(path), `SCRIPT_NAME and PATH_INFO of ${sent}`);
      }
    },
  },
  {
    rule: 'S5',
    application: showEnviron,
    async client(kit) {
      for (const query of ['a=%20b&c?d=%C3%BC+e', '']) {
        const { QUERY_STRING } = await kit.json<Strings>({ target: `?${query}` });
        expectEqual(QUERY_STRING, query, 'QUERY_STRING');
      }
    },
  },
  {
    rule: 'S6',
    application: showEnviron,
    async client(kit) {
      const target = '/%41/../b?x=%41';
      const { REQUEST_URI } = await kit.json<Strings>({ target });
      expectEqual(REQUEST_URI, kit.path(target), 'REQUEST_URI');
    },
  },
  {
    rule: 'S7',
    application: showEnviron,
    async client(kit) {
      const fields = ['Content-Type: a/b; c=d'];
      const environ = await kit.json<Strings>({ method: 'POST', fields, body: 'abc' });
      expectEqual([environ.CONTENT_TYPE, environ.CONTENT_LENGTH], ['a/b; c=d', '3'], 'type and length');
      expectEqual(
        [environ.HTTP_CONTENT_TYPE, environ.HTTP_CONTENT_LENGTH],
        [null, null],
        'their HTTP_ twins',
      );
      const none = await kit.json<Strings>();
      expectEqual([none.CONTENT_TYPE, none.CONTENT_LENGTH], ['', ''], 'type and length of no body');
    },
  },
  {
    rule: 'S8',
    application: showEnviron,
    async client(kit) {
      for (const version of ['1.1', '1.0'] as const) {
        expectEqual(
          (await kit.json<Strings>({ version })).SERVER_PROTOCOL,
          `HTTP/${version}`,
          'SERVER_PROTOCOL',
        );
      }
    },
  },
  {
    rule: 'S9',
    application: showEnviron,
    async client(kit) {
      const fields = [
        'X-One: 1',
        'Cookie: a=1',
        'x-one: 2',
        'X-Empty:',
        'cookie: b=2',
        'X-ONE: 3',
        'X-Latin: \xe9',
      ];
      const environ = await kit.json<Strings>({ fields });
      expectEqual(environ.HTTP_X_ONE, '1, 2, 3', 'HTTP_X_ONE');
      expectEqual(environ.HTTP_COOKIE, 'a=1; b=2', 'HTTP_COOKIE');
      expectEqual(environ.HTTP_X_EMPTY, '', 'HTTP_X_EMPTY');
      expectEqual(environ.HTTP_X_LATIN, '\xe9', 'HTTP_X_LATIN');
    },
  },
  {
    rule: 'S10',
    application: showEnviron,
    async client(kit) {
      const fields = [
        'X_Under: 1',
        'Connection: x',
        'TE: trailers',
        'Keep-Alive: 5',
        'Proxy: x',
        'Upgrade: x/1',
        'X-Kept: 1',
      ];
      const environ = await kit.json<Strings>({ fields });
      const keys = Object.keys(environ).filter((key) => key.startsWith('HTTP_'));
      expectEqual(keys.sort(), ['HTTP_HOST', 'HTTP_X_KEPT'], 'the HTTP_ keys');
    },
  },
  {
    rule: 'S11',
    application: (environ, startResponse) => {
      startResponse(200, []);
      return JSON.stringify([complaint(environ, 'S11'), environ['tsgi.request_id']]);
    },
    async client(kit) {
      const ids = new Set<string>();
      for (let i = 0; i < 10; i++) {
        const [text, id] = await kit.json<[string, string]>();
        expect(text === '', text);
        ids.add(id);
      }
      expect(ids.size === 10, 'tsgi.request_id must be another for each request');
    },
  },
  {
    rule: 'S12',
    application: waitForAbort,
    async client(kit) {
      const connection = await kit.connect();
      connection.send(kit.head({ target: `?token=${kit.token}` }));
      await connection.until(() => connection.received.endsWith('x') || connection.received.includes('\nx'));
      connection.reset();
      await kit.notes((notes) => notes.includes('aborted'));
    },
  },
  {
    rule: 'S13',
    application: readTwice,
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
    },
  },
  {
    rule: 'S15',
    application: readBlocking,
    async client(kit) {
      const connection = await kit.connect();
      // Nothing of the body is there before the application reads.
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
      const fields = ['Content-Length: 5', 'Expect: 100-continue'];
      connection.send(kit.head({ method: 'POST', fields, target: '?case=iterate' }));
      expectEqual((await connection.answer()).status, 100, 'the first answer');
      connection.send('hello');
      expectEqual(JSON.parse((await connection.answer()).text), ['hello'], 'the body');
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

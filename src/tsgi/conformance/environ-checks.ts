/**
 * Rules S1 to S11: the environ of a request.
 *
 * Law: one entry a rule, in their order.
 */
import { types } from 'node:util';
import type { Application } from '../types.ts';
import { type Check, complaint, expect, expectEqual, expectNoComplaint, judge } from './checker.ts';

/** Answers with the keys whose values are strings. */
export const showEnviron: Application = (environ, startResponse) => {
  startResponse(200, [['content-type', 'application/json']]);
  const strings = Object.entries(environ).filter(([, value]) => typeof value === 'string');
  return JSON.stringify(Object.fromEntries(strings));
};

export type Strings = Record<string, string | undefined>;

/** A request with an empty chunked body. */
const CHUNKED = { fields: ['Transfer-Encoding: chunked'], raw: '0\r\n\r\n' };

const MARK = 'conformance.mark';

/** Marks its environ, and reports whether it was marked already. */
const markEnviron: Application = (environ, startResponse) => {
  const text = types.isProxy(environ) ? 'environ is a Proxy' : complaint(environ, 'S1');
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
        '/%2541': '/%41',
        '/%C3%BC%FF': '/Ã¼ÿ',
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
      const environ = await kit.json<Strings>({ authority: 'other.example:81', target: '/a?b' });
      expectEqual(environ.REQUEST_URI, `http://other.example:81${kit.path('/a?b')}`, 'REQUEST_URI');
      expectEqual(environ.HTTP_HOST, 'other.example:81', 'HTTP_HOST of a target in absolute form');
      expectEqual(
        [`${environ.SCRIPT_NAME}${environ.PATH_INFO}`, environ.QUERY_STRING],
        [kit.path('/a'), 'b'],
        'path and query of a target in absolute form',
      );
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
      const chunked = await kit.json<Strings>({ method: 'POST', ...CHUNKED });
      expectEqual(chunked.CONTENT_LENGTH, '', 'CONTENT_LENGTH of a chunked body');
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
      const trailed = {
        fields: ['Transfer-Encoding: chunked', 'Trailer: X-Late'],
        raw: '0\r\nX-Late: 1\r\n\r\n',
      };
      const late = await kit.json<Strings>({ method: 'POST', ...trailed });
      expectEqual([late.HTTP_X_LATE], [null], 'HTTP_X_LATE, which came in a trailer section');
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
        'Proxy-Authorization: x',
        'Proxy-Connection: x',
        'Trailer: x',
        'Upgrade: x/1',
        'X-Kept: 1',
      ];
      const environ = await kit.json<Strings>({
        method: 'POST',
        fields: [...fields, ...CHUNKED.fields],
        raw: CHUNKED.raw,
      });
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
];

/**
 * A response and its bytes, as literal bytes.
 */
import { describe, expect, test } from 'vitest';
import {
  chooseFraming,
  encodeChunkPrefix,
  encodeHead,
  encodeRefusal,
  Framing,
  LAST_CHUNK,
  type ResponseHead,
} from '../../src/http/encoder.ts';

const DATE = 'Thu, 01 Jan 1970 00:00:00 GMT';

function head(parts: Partial<ResponseHead>): string {
  return encodeHead({
    status: 200,
    headers: [],
    framing: Framing.LENGTH,
    length: 0,
    http11: true,
    keepAlive: true,
    date: DATE,
    ...parts,
  });
}

describe('chooseFraming', () => {
  test.each<[string, Parameters<typeof chooseFraming>, number]>([
    ['a known length is sent as Content-Length', [200, 5, true, false], Framing.LENGTH],
    ['a length of zero is a known length', [200, 0, true, false], Framing.LENGTH],
    ['a known length is enough for HTTP/1.0', [200, 5, false, false], Framing.LENGTH],
    ['an unknown length is chunked on HTTP/1.1', [200, -1, true, false], Framing.CHUNKED],
    ['an unknown length is never chunked on HTTP/1.0', [200, -1, false, false], Framing.CLOSE],
    ['an answer to HEAD has no body', [200, 5, true, true], Framing.NONE],
    ['an answer to HEAD of unknown length has no body', [200, -1, false, true], Framing.NONE],
    ['204 has no body', [204, 5, true, false], Framing.NONE],
    ['304 has no body', [304, -1, true, false], Framing.NONE],
    ['205 is like any other status', [205, 0, true, false], Framing.LENGTH],
    ['an error is like any other status', [500, -1, true, false], Framing.CHUNKED],
  ])('%s', (_, args, framing) => {
    expect(chooseFraming(...args)).toBe(framing);
  });
});

describe('encodeHead', () => {
  test.each<[string, Partial<ResponseHead>, string]>([
    [
      'an empty answer says content-length 0',
      {},
      `HTTP/1.1 200 OK\r\ncontent-length: 0\r\ndate: ${DATE}\r\n\r\n`,
    ],
    [
      'the application’s fields come first, as given, in order and repeated',
      {
        headers: [
          ['Set-Cookie', 'a=1'],
          ['X-b', ''],
          ['Set-Cookie', 'b=2'],
        ],
        length: 3,
      },
      'HTTP/1.1 200 OK\r\nSet-Cookie: a=1\r\nX-b: \r\nSet-Cookie: b=2\r\n' +
        `content-length: 3\r\ndate: ${DATE}\r\n\r\n`,
    ],
    [
      'Latin-1 values stay one code unit a byte',
      { headers: [['a', '\xe9\xff']] },
      `HTTP/1.1 200 OK\r\na: \xe9\xff\r\ncontent-length: 0\r\ndate: ${DATE}\r\n\r\n`,
    ],
    [
      'a Content-Length of the application stands alone, in any case of letters',
      { headers: [['CONTENT-length', '7']], length: 7 },
      `HTTP/1.1 200 OK\r\nCONTENT-length: 7\r\ndate: ${DATE}\r\n\r\n`,
    ],
    [
      'a Date of the application stands alone, in any case of letters',
      { headers: [['DaTe', 'x']] },
      'HTTP/1.1 200 OK\r\nDaTe: x\r\ncontent-length: 0\r\n\r\n',
    ],
    [
      'fields whose names only have the same length are neither Date nor Content-Length',
      {
        headers: [
          ['etag', 'x'],
          ['x-content-size', '9'],
        ],
      },
      `HTTP/1.1 200 OK\r\netag: x\r\nx-content-size: 9\r\ncontent-length: 0\r\ndate: ${DATE}\r\n\r\n`,
    ],
    [
      'chunked framing is said, without a length',
      { framing: Framing.CHUNKED, length: -1 },
      `HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\ndate: ${DATE}\r\n\r\n`,
    ],
    [
      'the end of a body that ends with its connection is said by connection: close',
      { framing: Framing.CLOSE, length: -1, http11: false, keepAlive: false },
      `HTTP/1.1 200 OK\r\ndate: ${DATE}\r\nconnection: close\r\n\r\n`,
    ],
    [
      'HTTP/1.0 kept alive is told so',
      { http11: false },
      `HTTP/1.1 200 OK\r\ncontent-length: 0\r\ndate: ${DATE}\r\nconnection: keep-alive\r\n\r\n`,
    ],
    [
      'HTTP/1.1 not kept alive is told so',
      { keepAlive: false },
      `HTTP/1.1 200 OK\r\ncontent-length: 0\r\ndate: ${DATE}\r\nconnection: close\r\n\r\n`,
    ],
    [
      'an answer to HEAD says the length that GET would have',
      { framing: Framing.NONE, length: 5 },
      `HTTP/1.1 200 OK\r\ncontent-length: 5\r\ndate: ${DATE}\r\n\r\n`,
    ],
    [
      'an answer to HEAD with nothing in it says so',
      { framing: Framing.NONE, length: 0 },
      `HTTP/1.1 200 OK\r\ncontent-length: 0\r\ndate: ${DATE}\r\n\r\n`,
    ],
    [
      'an answer to HEAD of unknown length claims none',
      { framing: Framing.NONE, length: -1 },
      `HTTP/1.1 200 OK\r\ndate: ${DATE}\r\n\r\n`,
    ],
    [
      '204 never has a Content-Length, not even the application’s',
      { status: 204, headers: [['Content-Length', '0']], framing: Framing.NONE },
      `HTTP/1.1 204 No Content\r\ndate: ${DATE}\r\n\r\n`,
    ],
    [
      '304 gets no Content-Length of ours',
      { status: 304, framing: Framing.NONE, length: 5 },
      `HTTP/1.1 304 Not Modified\r\ndate: ${DATE}\r\n\r\n`,
    ],
    [
      '304 keeps the Content-Length of the application',
      { status: 304, headers: [['Content-Length', '5']], framing: Framing.NONE, length: 5 },
      `HTTP/1.1 304 Not Modified\r\nContent-Length: 5\r\ndate: ${DATE}\r\n\r\n`,
    ],
    [
      'a status without a phrase keeps the space before it',
      { status: 299 },
      `HTTP/1.1 299 \r\ncontent-length: 0\r\ndate: ${DATE}\r\n\r\n`,
    ],
    [
      'the highest status has a line',
      { status: 599 },
      `HTTP/1.1 599 \r\ncontent-length: 0\r\ndate: ${DATE}\r\n\r\n`,
    ],
    [
      'a length above 4 GiB is written in full',
      { length: 9_007_199_254_740_991 },
      `HTTP/1.1 200 OK\r\ncontent-length: 9007199254740991\r\ndate: ${DATE}\r\n\r\n`,
    ],
  ])('%s', (_, parts, bytes) => {
    expect(head(parts)).toBe(bytes);
  });

  test('does not change the list of fields', () => {
    const headers: [string, string][] = [['Content-Length', '0']];
    head({ status: 204, headers, framing: Framing.NONE });
    expect(headers).toEqual([['Content-Length', '0']]);
  });
});

describe('chunks', () => {
  test.each([
    [1, '1\r\n'],
    [10, 'a\r\n'],
    [16, '10\r\n'],
    [65_536, '10000\r\n'],
    [4_294_967_296, '100000000\r\n'],
  ])('encodeChunkPrefix writes %d bytes in hexadecimal', (bytes, prefix) => {
    expect(encodeChunkPrefix(bytes)).toBe(prefix);
  });

  test('LAST_CHUNK is a chunk of no bytes and no trailers', () => {
    expect(LAST_CHUNK).toBe('0\r\n\r\n');
  });
});

describe('encodeRefusal', () => {
  test('is a complete plain-text response that closes', () => {
    expect(encodeRefusal(400, { close: true, date: DATE })).toBe(
      'HTTP/1.1 400 Bad Request\r\ncontent-type: text/plain; charset=utf-8\r\n' +
        `content-length: 16\r\ndate: ${DATE}\r\nconnection: close\r\n\r\n400 Bad Request\n`,
    );
  });

  test('omits Connection if the connection stays open', () => {
    expect(encodeRefusal(404, { close: false, date: DATE })).toBe(
      'HTTP/1.1 404 Not Found\r\ncontent-type: text/plain; charset=utf-8\r\n' +
        `content-length: 14\r\ndate: ${DATE}\r\n\r\n404 Not Found\n`,
    );
  });

  test('contains a detail and a time to retry', () => {
    expect(encodeRefusal(503, { close: false, date: DATE, detail: 'the queue is full', retryAfter: 2 })).toBe(
      'HTTP/1.1 503 Service Unavailable\r\ncontent-type: text/plain; charset=utf-8\r\nretry-after: 2\r\n' +
        `content-length: 43\r\ndate: ${DATE}\r\n\r\n503 Service Unavailable: the queue is full\n`,
    );
  });

  test('contains a time to retry of 0 seconds', () => {
    expect(encodeRefusal(503, { close: true, date: DATE, retryAfter: 0 })).toContain(
      '\r\nretry-after: 0\r\n',
    );
  });
});

test.each([true, false])('a body that ends with the connection closes it, HTTP/1.1: %s', (http11) => {
  const text = head({ framing: Framing.CLOSE, length: -1, http11, keepAlive: true });
  expect(text).toBe(`HTTP/1.1 200 OK\r\ndate: ${DATE}\r\nconnection: close\r\n\r\n`);
});

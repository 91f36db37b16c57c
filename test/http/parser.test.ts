/**
 * Bytes and the spans found in them. Each case is fed whole, at every split point and byte by byte, with equal results.
 */
import { describe, expect, test } from 'vitest';
import { Flag } from '../../src/http/head-flags.ts';
import { Parser, READ_BUFFER_SIZE } from '../../src/http/parser.ts';
import { cut, feed, type Head, type Result } from './feed.ts';

const LIMITS = { maxRequestLine: 200, maxHeaderSize: 400, maxHeaders: 6 };
const parser = new Parser(LIMITS);
const run = (pieces: Buffer[], by: Parser = parser) => feed(pieces, by);

/** The one result of every way to cut the bytes. */
function everyWay(text: string): Result {
  const bytes = Buffer.from(text, 'latin1');
  const whole = run([bytes]);
  for (let at = 1; at < bytes.length; at++) {
    const split = run([bytes.subarray(0, at), bytes.subarray(at)]);
    expect(split, `split at ${at} of ${JSON.stringify(text)}`).toEqual(whole);
  }
  expect(run(cut(bytes, 1)), 'byte by byte').toEqual(whole);
  return whole;
}

const H = 'Host: a\r\n';
const get = (fields: string) => `GET / HTTP/1.1\r\n${fields}\r\n`;
const post = (fields: string, body: string) => `POST / HTTP/1.1\r\n${H}${fields}\r\n${body}`;
const chunked = (body: string) => post('Transfer-Encoding: chunked\r\n', body);

describe('accepts', () => {
  test.each<[string, string, string[], string, number]>([
    [get(H), 'GET /', ['Host=a'], '', 0],
    [`\r\n\r\n${get(H)}`, 'GET /', ['Host=a'], '', 0],
    [`${get(H)}${get(H)}`, 'GET /', ['Host=a'], '', 27],
    [get(`${H}X-Empty:\r\nB: \t c \t\r\n`), 'GET /', ['Host=a', 'X-Empty=', 'B=c'], '', 0],
    [post('Content-Length: \t5 \r\n', 'hello'), 'POST /', ['Host=a', 'Content-Length=5'], 'hello', 0],
    [
      post('Transfer-Encoding:\tchunked \r\n', '0\r\n\r\n'),
      'POST /',
      ['Host=a', 'Transfer-Encoding=chunked'],
      '',
      0,
    ],
    [get(`${H}A: \xe9\xff\r\n`), 'GET /', ['Host=a', 'A=\xe9\xff'], '', 0],
    [get('host: [::1]:8080\r\n'), 'GET /', ['host=[::1]:8080'], '', 0],
    [get('Host: example.com:443\r\n'), 'GET /', ['Host=example.com:443'], '', 0],
    [`GET /a%20b?c=d&e HTTP/1.1\r\n${H}\r\n`, 'GET /a%20b?c=d&e', ['Host=a'], '', 0],
    [`GET http://b.c:80/d HTTP/1.1\r\n${H}\r\n`, 'GET http://b.c:80/d', ['Host=a'], '', 0],
    [`OPTIONS * HTTP/1.1\r\n${H}\r\n`, 'OPTIONS *', ['Host=a'], '', 0],
    ['GET / HTTP/1.0\r\n\r\n', 'GET /', [], '', 0],
    [post('Content-Length: 5\r\n', 'helloGET'), 'POST /', ['Host=a', 'Content-Length=5'], 'hello', 3],
    [post('Content-Length: 0\r\n', ''), 'POST /', ['Host=a', 'Content-Length=0'], '', 0],
    [chunked('5\r\nhello\r\n0\r\n\r\n'), 'POST /', ['Host=a', 'Transfer-Encoding=chunked'], 'hello', 0],
    [
      chunked('5;a=b\r\nhello\r\n1\r\n!\r\n0\r\nX: y\r\n\r\nNEXT'),
      'POST /',
      ['Host=a', 'Transfer-Encoding=chunked'],
      'hello!',
      4,
    ],
    [`${get(`${H}Connection: close\r\n`)}extra`, 'GET /', ['Host=a', 'Connection=close'], '', 5],
    [
      get(`${H}Upgrade: h2c\r\nConnection: Upgrade\r\n`),
      'GET /',
      ['Host=a', 'Upgrade=h2c', 'Connection=Upgrade'],
      '',
      0,
    ],
    [
      get(`${H}__proto__: x\r\nconstructor: y\r\n`),
      'GET /',
      ['Host=a', '__proto__=x', 'constructor=y'],
      '',
      0,
    ],
  ])('%j', (text, line, fields, body, left) => {
    expect(everyWay(text)).toMatchObject({ head: { line, fields }, body, left });
  });

  test.each<[string, string, boolean]>([
    ['1.1', 'close', false],
    ['1.1', 'Close', false],
    ['1.1', 'keep-alive', true],
    ['1.1', 'close, keep-alive', false],
    ['1.1', 'keep-alive , \tclose', false],
    ['1.1', 'keep-alive\r\nConnection: close', false],
    ['1.1', 'closed', true],
    ['1.1', 'x close', true],
    ['1.1', ',,close,', false],
    ['1.1', '', true],
    ['1.0', '', false],
    ['1.0', 'keep-alive', true],
    ['1.0', 'Keep-Alive,', true],
    ['1.0', 'close, keep-alive', false],
    ['1.0', 'keep-alive, close', false],
    ['1.0', 'close\r\nConnection: keep-alive', false],
    ['1.0', 'keep-alive\r\nConnection: close', false],
    ['1.0', 'x, keep-alive', true],
  ])('HTTP/%s with Connection %j: kept alive %s', (version, value, kept) => {
    const text = `GET / HTTP/${version}\r\n${H}Connection: ${value}\r\n\r\n`;
    const { head } = everyWay(text) as { head: Head };
    expect((head.flags & Flag.KEEP_ALIVE) !== 0).toBe(kept);
  });

  test('flags contain version, keep-alive, framing, Expect, HEAD and the absolute form', () => {
    const flagsOf = (text: string) => (everyWay(text) as { head: Head }).head.flags;
    expect(flagsOf(get(H))).toBe(Flag.HTTP_1_1 | Flag.KEEP_ALIVE);
    expect(flagsOf(get(`${H}Connection: close\r\n`))).toBe(Flag.HTTP_1_1);
    expect(flagsOf('GET / HTTP/1.0\r\n\r\n')).toBe(0);
    expect(flagsOf('GET / HTTP/1.0\r\nConnection: keep-alive\r\n\r\n')).toBe(Flag.KEEP_ALIVE);
    expect(flagsOf(`HEAD / HTTP/1.1\r\n${H}\r\n`)).toBe(Flag.HTTP_1_1 | Flag.KEEP_ALIVE | Flag.HEAD);
    expect(flagsOf(chunked('0\r\n\r\n')) & Flag.CHUNKED).toBe(Flag.CHUNKED);
    expect(flagsOf(post('Content-Length: 1\r\nExpect: 100-Continue\r\n', 'x')) & Flag.EXPECT_CONTINUE).toBe(
      Flag.EXPECT_CONTINUE,
    );
    expect(flagsOf(`GET http://b HTTP/1.1\r\n${H}\r\n`) & Flag.ABSOLUTE_TARGET).toBe(Flag.ABSOLUTE_TARGET);
  });
});

describe('refuses', () => {
  test.each<[number, string]>([
    [400, get('')],
    [400, get(`${H}${H}`)],
    [400, get('Host: a, b\r\n')],
    [400, get('Host: u@a\r\n')],
    [400, get('Host: a/b\r\n')],
    [400, get('Host: a b\r\n')],
    [400, get('Host: a?b\r\n')],
    [400, get('Host: a:x\r\n')],
    [400, get('Host: a:70000\r\n')],
    [400, get('Host: [::1\r\n')],
    [400, `GET / HTTP/1.0\r\n${H}${H}\r\n`],
    [400, post('Content-Length: 5, 5\r\n', 'hello')],
    [400, post('Content-Length: 5\r\nContent-Length: 5\r\n', 'hello')],
    [400, post('Content-Length: +5\r\n', 'hello')],
    [400, post('Content-Length: -0\r\n', '')],
    [400, post('Content-Length: 5x\r\n', 'hello')],
    [400, post('Content-Length: 0x5\r\n', 'hello')],
    [400, post('Content-Length:\r\n', '')],
    [400, post('Content-Length: 18446744073709551617\r\n', '')],
    [400, post('Content-Length: 9007199254740993\r\n', '')],
    [400, post('Content-Length: 5\t5\r\n', 'hello')],
    [400, post('Content-Length: 5\r\nTransfer-Encoding: chunked\r\n', '0\r\n\r\n')],
    [400, post('Transfer-Encoding: chunked\r\nContent-Length: 5\r\n', '0\r\n\r\n')],
    [400, post('Transfer-Encoding: chunked, identity\r\n', '0\r\n\r\n')],
    [501, post('Transfer-Encoding: gzip, chunked\r\n', '0\r\n\r\n')],
    [400, post('Transfer-Encoding: identity\r\n', '')],
    [400, post('Transfer-Encoding:\r\n', '')],
    [400, post('Transfer-Encoding: xchunked\r\n', '')],
    [400, post('Transfer-Encoding: chunked;a\r\n', '0\r\n\r\n')],
    [400, post('Transfer-Encoding: chunked\r\nTransfer-Encoding: chunked\r\n', '0\r\n\r\n')],
    [400, 'POST / HTTP/1.0\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n'],
    [400, chunked('0x5\r\nhello\r\n0\r\n\r\n')],
    [400, chunked('-1\r\n')],
    [400, chunked('5\r\nhelloX')],
    [400, chunked('5\r\nhello\n0\r\n\r\n')],
    [400, chunked('g\r\n')],
    [400, chunked(' 5\r\nhello\r\n0\r\n\r\n')],
    [400, chunked('FFFFFFFFFFFFFFFF0\r\n')],
    [400, chunked('10000000000000000\r\n')],
    [400, chunked('10000000000000005\r\nhello\r\n0\r\n\r\n')],
    [400, chunked('5 \r\nhello\r\n0\r\n\r\n')],
    [400, chunked('5\t;a\r\nhello\r\n0\r\n\r\n')],
    [400, chunked('\r\nhello\r\n0\r\n\r\n')],
    [400, chunked('5\r\nhello\r\n0\r\nContent-Length: 9\r\n\r\n')],
    [400, chunked('5\r\nhello\r\n0\r\nTransfer-Encoding: chunked\r\n\r\n')],
    [400, chunked('5\r\nhello\r\n0\r\nA: b\nC: d\r\n\r\n')],
    [400, chunked('5\r\nhello\r\n0\r\nA: b\r\n c\r\n\r\n')],
    [400, chunked('5;\0\r\nhello\r\n0\r\n\r\n')],
    [400, chunked('5;a\nhello\r\n0\r\n\r\n')],
    [505, `GET / HTTP/2.0\r\n${H}\r\n`],
    [505, `GET / HTTP/1.2\r\n${H}\r\n`],
    [505, `GET / HTTP/1.01\r\n${H}\r\n`],
    [400, `GET / http/1.1\r\n${H}\r\n`],
    [400, `GET /\r\n${H}\r\n`],
    [400, `GET /\nHost: a\nContent-Length: 5\n\nhello`],
    [400, `GET  / HTTP/1.1\r\n${H}\r\n`],
    [400, `GET /a#b HTTP/1.1\r\n${H}\r\n`],
    [400, `GET * HTTP/1.1\r\n${H}\r\n`],
    [400, `GET a HTTP/1.1\r\n${H}\r\n`],
    [400, `GET ftp://a/ HTTP/1.1\r\n${H}\r\n`],
    [400, `GET http://u@a/ HTTP/1.1\r\n${H}\r\n`],
    [400, `GET /\xe9 HTTP/1.1\r\n${H}\r\n`],
    [400, `CONNECT a HTTP/1.1\r\n${H}\r\n`],
    [400, `CONNECT a: HTTP/1.1\r\n${H}\r\n`],
    [400, `CONNECT :80 HTTP/1.1\r\n${H}\r\n`],
    [400, `CONNECT [::1] HTTP/1.1\r\n${H}\r\n`],
    [400, `CONNECT /a:80 HTTP/1.1\r\n${H}\r\n`],
    [400, `CONNECT http://a:80 HTTP/1.1\r\n${H}\r\n`],
    [400, `CONNECT a:80 HTTP/1.1\r\n${H}Content-Length: 5\r\n\r\nhello`],
    [400, `CONNECT a:80 HTTP/1.1\r\n${H}Transfer-Encoding: chunked\r\n\r\n0\r\n\r\n`],
    [400, get(`${H}A : b\r\n`)],
    [400, get(` ${H}`)],
    [400, get(`${H}A: b\r\n c\r\n`)],
    [400, get(`${H}no colon\r\n`)],
    [400, get(`${H}: b\r\n`)],
    [400, get(`${H}A: \0\r\n`)],
    [400, get(`${H}A: \x0b\r\n`)],
    [400, get(`${H}A: \x7f\r\n`)],
    [400, get(`${H}A: b\rc\r\n`)],
    [400, get(`${H}A: b\nC: d\r\n`)],
    [400, get(`${H}\xe9: b\r\n`)],
    [400, `\n${get(H)}`],
    [400, `\r${get(H)}`],
    [400, `\r\n\n${get(H)}`],
    [400, `\r\r\n${get(H)}`],
    [417, get(`${H}Expect: 100-continue, x\r\n`)],
    [414, `GET /${'a'.repeat(LIMITS.maxRequestLine)} HTTP/1.1\r\n${H}\r\n`],
    [400, 'a'.repeat(LIMITS.maxRequestLine + 50)],
    [431, get(`${H}A: ${'a'.repeat(LIMITS.maxHeaderSize)}\r\n`)],
    [431, get(`${H}${'A: b\r\n'.repeat(LIMITS.maxHeaders)}`)],
    [400, '\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03'],
    [400, 'SSH-2.0-OpenSSH_9.2\r\n'],
  ])('%d %j', (status, text) => {
    expect(everyWay(text)).toMatchObject({ error: status });
  });

  test.each(['FFFFFFFFFFFFFFFF', 'FFFFFFFFFFFFFFF0', '8000000000000000', '7FFFFFFFFFFFFFFF', '100000000'])(
    'a chunk of %s bytes is not complete after a few bytes, whatever they contain',
    (size) => {
      expect(everyWay(chunked(`${size}\r\nhello\r\n0\r\n\r\nGET`))).toBe('more');
    },
  );

  test('a request without any one CR or LF is never complete', () => {
    const whole = chunked('5\r\nhello\r\n0\r\nX: y\r\n\r\n');
    for (let at = 0; at < whole.length; at++) {
      if (whole[at] !== '\r' && whole[at] !== '\n') continue;
      const result = run([Buffer.from(whole.slice(0, at) + whole.slice(at + 1), 'latin1')]);
      expect(result === 'more' || 'error' in (result as object), `without byte ${at}`).toBe(true);
    }
  });
});

test.each(['a:80', '[::1]:443', '127.0.0.1:1'])('CONNECT %s ends with its head', (authority) => {
  expect(everyWay(`CONNECT ${authority} HTTP/1.1\r\n${H}\r\n`)).toMatchObject({
    head: { flags: Flag.HTTP_1_1 | Flag.KEEP_ALIVE | Flag.UPGRADE | Flag.CONNECT },
  });
});

describe('limits at their edge', () => {
  test('a request line of exactly maxRequestLine is accepted, and one more byte causes 414', () => {
    const of = (length: number) =>
      `GET /${'a'.repeat(length - 'GET / HTTP/1.1'.length)} HTTP/1.1\r\n${H}\r\n`;
    expect(everyWay(of(LIMITS.maxRequestLine))).toHaveProperty('head');
    expect(run([Buffer.from(of(LIMITS.maxRequestLine + 1))])).toMatchObject({ error: 414 });
  });

  test('exactly maxHeaders fields are accepted', () => {
    expect(everyWay(get(`${H}${'A: b\r\n'.repeat(LIMITS.maxHeaders - 1)}`))).toHaveProperty('head');
  });

  test('an unfinished head is never kept beyond the limits', () => {
    const endless = Buffer.from(`GET / HTTP/1.1\r\nA: ${'a'.repeat(100_000)}`);
    const pieces = Array.from({ length: 1000 }, (_, i) => endless.subarray(i * 100, i * 100 + 100));
    expect(run(pieces)).toMatchObject({ error: 431 });
  });

  test('maxHeaderSize counts from the first field to the end of the last', () => {
    const of = (length: number) => get(`${H}A: ${'a'.repeat(length - `${H}A: `.length)}\r\n`);
    expect(everyWay(of(LIMITS.maxHeaderSize))).toHaveProperty('head');
    expect(everyWay(of(LIMITS.maxHeaderSize + 1))).toMatchObject({ error: 431 });
  });

  test('a head of HTTP/1.0 without fields is only its request line', () => {
    const small = new Parser({ maxRequestLine: 14, maxHeaderSize: 1, maxHeaders: 1 });
    expect(run([Buffer.from('GET / HTTP/1.0\r\n\r\n')], small)).toHaveProperty('head');
  });

  const MOST = 8192;
  const FRAMING = 16;
  const extension = (bytes: number) => `1;${'a'.repeat(bytes - 4)}\r\nx\r\n`;
  const trailer = (bytes: number) => `0\r\nA: ${'a'.repeat(bytes - 12)}\r\n\r\n`;

  test.each<[string, string]>([
    ['one extension', `${extension(MOST + FRAMING)}0\r\n\r\n`],
    ['extensions of several chunks', `${extension(4000).repeat(2)}${extension(230)}0\r\n\r\n`],
    ['a trailer', `1\r\nx\r\n${trailer(MOST + FRAMING)}`],
    ['any number of plain chunks', `${'1\r\nx\r\n'.repeat(3000)}0\r\n\r\n`],
  ])('%s of 8 KiB is accepted at any split', (_, text) => {
    const bytes = Buffer.from(chunked(text));
    const whole = run([bytes]);
    expect(whole).toHaveProperty('body');
    for (const size of [1, 7, 1000, 8191]) expect(run(cut(bytes, size)), `by ${size}`).toEqual(whole);
  });

  test.each<[string, string]>([
    ['one extension', `${extension(MOST + FRAMING + 1)}0\r\n\r\n`],
    ['extensions of several chunks', `${extension(4000).repeat(3)}0\r\n\r\n`],
    ['a trailer', `1\r\nx\r\n${trailer(MOST + FRAMING + 1)}`],
    ['a trailer behind a long chunk', `3e8\r\n${'x'.repeat(1000)}\r\n${trailer(20_000)}`],
    ['zeros before a size', `${'0'.repeat(9000)}1\r\nx\r\n0\r\n\r\n`],
  ])('%s above 8 KiB causes 400 at any split', (_, text) => {
    const bytes = Buffer.from(chunked(text));
    for (const size of [bytes.length, 1, 7, 1000, 8191]) {
      expect(run(cut(bytes, size)), `by ${size}`).toMatchObject({ error: 400 });
    }
  });

  test('more chunks than the body span table holds arrive in order', () => {
    const letters = Array.from({ length: 3000 }, (_, i) => String.fromCharCode(97 + (i % 26)));
    const body = letters.map((letter) => `1\r\n${letter}\r\n`).join('');
    expect(run([Buffer.from(chunked(`${body}0\r\n\r\n`))])).toMatchObject({ body: letters.join('') });
  });
});

describe('memory', () => {
  const REQUEST = Buffer.from(
    'GET /some/path/here?with=query&and=more HTTP/1.1\r\nHost: localhost:8000\r\nUser-Agent: Mozilla/5.0 (X11; Linux x86_64)\r\n' +
      'Accept: text/html,application/xhtml+xml\r\nAccept-Language: en-US,en;q=0.5\r\nAccept-Encoding: gzip, deflate, br\r\n' +
      'Connection: keep-alive\r\nCookie: session=abcdef\r\n\r\n',
  );

  test('a million parses leave the heap unchanged', () => {
    const own = new Parser({ maxRequestLine: 8192, maxHeaderSize: 32_768, maxHeaders: 100 });
    own.buffer.set(REQUEST);
    const parse = (times: number) => {
      let fields = 0;
      for (let i = 0; i < times; i++) {
        own.start();
        own.feed(0, REQUEST.length);
        fields += own.headerCount + own.headLength + own.flags;
      }
      return fields;
    };
    parse(200_000);
    const before = process.memoryUsage().heapUsed;
    expect(parse(1_000_000)).toBeGreaterThan(7_000_000);
    expect(process.memoryUsage().heapUsed - before).toBeLessThan(1_000_000);
  });

  test('the read buffer is never detached, and its whole size can be fed', () => {
    const own = new Parser({ maxRequestLine: 8192, maxHeaderSize: 32_768, maxHeaders: 100 });
    const head = `POST / HTTP/1.1\r\nHost: a\r\nContent-Length: ${READ_BUFFER_SIZE}\r\n\r\n`;
    expect(own.buffer.length).toBe(READ_BUFFER_SIZE);
    const result = run([Buffer.from(head), Buffer.alloc(READ_BUFFER_SIZE, 'x')], own);
    expect(result).toMatchObject({ body: 'x'.repeat(READ_BUFFER_SIZE) });
    expect(own.memory.length).toBeGreaterThan(0);
  });
});

describe('white space around a value is spaces and tabs', () => {
  const blanks = ['', ' ', '\t', ' \t', '\t ', '\t\t', ' \t \t ', '\t'.repeat(40)];

  test('Content-Length and Transfer-Encoding are accepted with any such white space (C6)', () => {
    for (const before of blanks)
      for (const behind of blanks) {
        const at = JSON.stringify([before, behind]);
        expect(
          everyWay(post(`Content-Length:${before}5${behind}\r\nA: b\r\n`, 'helloGET')),
          at,
        ).toMatchObject({
          head: { fields: ['Host=a', 'Content-Length=5', 'A=b'], contentLength: 5 },
          body: 'hello',
          left: 3,
        });
        const fields = `Transfer-Encoding:${before}chunked${behind}\r\nA: b\r\n`;
        expect(everyWay(post(fields, '5\r\nhello\r\n0\r\n\r\nGET')), at).toMatchObject({
          head: { fields: ['Host=a', 'Transfer-Encoding=chunked', 'A=b'] },
          body: 'hello',
          left: 3,
        });
      }
  });

  test('a tab within a value stays, and makes no invalid value valid (C6)', () => {
    expect(everyWay(post('A: b\tc\t\r\nContent-Length: 5\t\r\n', 'hello'))).toMatchObject({
      head: { fields: ['Host=a', 'A=b\tc', 'Content-Length=5'] },
    });
    const wrong = [
      'Content-Length: 5\t5',
      'Content-Length: 5\t,\t5',
      'Content-Length: \t',
      'Content-Length: 5\t\nA: b',
    ];
    for (const field of [
      ...wrong,
      'Content-Length: 5\t\0',
      'Transfer-Encoding: chun\tked',
      'Transfer-Encoding: chunked\tx',
    ])
      expect(everyWay(post(`${field}\r\n`, 'hello')), JSON.stringify(field)).toMatchObject({ error: 400 });
    const both = 'Content-Length: 5\t\r\nTransfer-Encoding: chunked\t\r\n';
    expect(everyWay(post(both, '0\r\n\r\n'))).toMatchObject({ error: 400 });
    expect(everyWay(post('Content-Length: 5\t\r\nContent-Length: 5\t\r\n', 'hello'))).toMatchObject({
      error: 400,
    });
  });

  test('a head that is read again is not read twice by the next request (C6)', () => {
    const request = post('Content-Length: 5\t\r\n', 'hello');
    expect(everyWay(request + get(H))).toMatchObject({ body: 'hello', left: get(H).length });
    expect(everyWay(get(H))).toMatchObject({ head: { fields: ['Host=a'] } });
  });

  test('tabs that arrive one by one cost only their number (C6)', () => {
    const own = new Parser({ maxRequestLine: 8192, maxHeaderSize: 65_536, maxHeaders: 100 });
    const bytes = Buffer.from(`POST / HTTP/1.1\r\n${H}Content-Length: 5${'\t'.repeat(60_000)}\r\n\r\nhello`);
    const start = performance.now();
    expect(feed(cut(bytes, 100), own)).toMatchObject({ body: 'hello' });
    expect(performance.now() - start).toBeLessThan(2000);
  });
});

describe('transfer codings', () => {
  const of = (value: string) => everyWay(post(`Transfer-Encoding: ${value}\r\n`, '0\r\n\r\n'));

  test.each([
    'cow, chunked',
    'gzip, chunked',
    'gzip,chunked',
    'gzip , \tchunked',
    'a;b=c, chunked',
    'GZIP, Chunked',
    'identity, chunked',
    'cow, gzip, chunked',
  ])('%j: an unknown coding before chunked causes 501 (C6)', (value) => {
    expect(of(value)).toMatchObject({ error: 501 });
  });

  test('in several fields form one list (C6)', () => {
    expect(of('cow\r\nTransfer-Encoding: chunked')).toMatchObject({ error: 501 });
    expect(of('cow\r\nA: b\r\nTransfer-Encoding: gzip, chunked')).toMatchObject({ error: 501 });
    expect(of('chunked\r\nTransfer-Encoding: cow')).toMatchObject({ error: 400 });
    expect(of('cow, chunked\r\nTransfer-Encoding: chunked')).toMatchObject({ error: 400 });
    expect(of('cow, chunked\r\nContent-Length: 5')).toMatchObject({ error: 400 });
    expect(of('cow\r\nContent-Length: 5')).toMatchObject({ error: 400 });
  });

  test.each([
    'chunked, cow',
    'chunked, chunked',
    'chunked, gzip, chunked',
    'identity',
    'gzip',
    ',chunked',
    'chunked,',
    'gzip,,chunked',
    ', ',
    'chunked;a=b',
    'gz ip, chunked',
    '"gzip", chunked',
    'ch\xffunked',
  ])('%j: an undefined end of the content causes 400 (C6)', (value) => {
    expect(of(value)).toMatchObject({ error: 400 });
  });

  test('do not exist in HTTP/1.0 (C6)', () => {
    for (const value of ['chunked', 'cow, chunked'])
      expect(everyWay(`POST / HTTP/1.0\r\nTransfer-Encoding: ${value}\r\n\r\n0\r\n\r\n`)).toMatchObject({
        error: 400,
      });
  });
});

describe('methods', () => {
  const of = (method: string) => everyWay(`${method} / HTTP/1.1\r\n${H}\r\n`);

  test.each([
    'FOO',
    'get',
    'Get',
    'GE',
    'GETS',
    'POSTED',
    'M',
    'X-Y.z',
    "!#$%&'*+-.^_`|~09",
    'A'.repeat(100),
    'PLAY',
    'DESCRIBE',
    'SETUP',
  ])('%j, an unknown token, causes 501 (C6)', (method) => {
    expect(of(method)).toMatchObject({ error: 501, reason: 'the method is not known' });
  });

  test.each([
    '',
    ' GET',
    'G@T',
    'GET\t',
    'G\0T',
    'G\xe9T',
    'GET/',
    '"GET"',
    '(GET)',
    'GET\r\n',
    '[',
    '{}',
    'FOO\r\n',
    'FOO\n',
    'A'.repeat(LIMITS.maxRequestLine + 1),
  ])('%j, which is no token, causes 400 (C6)', (method) => {
    expect(of(method)).toMatchObject({ error: 400 });
  });

  test('each byte in each place of a method (C6)', () => {
    const isToken = (byte: string) => /^[\w!#$%&'*+.^`|~-]$/.test(byte);
    for (const method of ['GET', 'POST', 'FOO'])
      for (let at = 0; at <= method.length; at++)
        for (let code = 0; code < 256; code++) {
          const byte = String.fromCharCode(code);
          const text = `${method.slice(0, at)}${byte}${method.slice(at)} / HTTP/1.1\r\n${H}\r\n`;
          const bytes = Buffer.from(text, 'latin1');
          const whole = run([bytes]);
          expect(run(cut(bytes, 1)), JSON.stringify(text)).toEqual(whole);
          if (isToken(byte)) expect(whole, JSON.stringify(text)).toMatchObject({ error: 501 });
          else if (byte !== ' ') expect(whole, JSON.stringify(text)).toMatchObject({ error: 400 });
        }
  });

  test('an endless method is kept no longer than a request line (C6)', () => {
    const bytes = Buffer.from('A'.repeat(LIMITS.maxRequestLine));
    expect(run([bytes])).toBe('more');
    expect(run(cut(bytes, 1))).toBe('more');
  });

  test('the preface of HTTP/2 is an unsupported version (C6)', () => {
    expect(everyWay('PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n')).toMatchObject({ error: 505 });
  });
});

describe('a line that ends with LF alone', () => {
  test.each(['1.1', '1.0'])('after HTTP/%s causes 400, not 505 (C6)', (version) => {
    for (const end of ['\n', ' \r\n', '\t\r\n', '\r\r\n', '\rX', 'x\r\n', '\0\r\n'])
      expect(everyWay(`GET / HTTP/${version}${end}${H}\r\n`), JSON.stringify(end)).toMatchObject({
        error: 400,
      });
    expect(everyWay(`POST / HTTP/${version}\n${H}Content-Length: 5\n\nhello`)).toMatchObject({ error: 400 });
  });

  test('causes 400 in every place, whole and in pieces (C6)', () => {
    const whole = `POST / HTTP/1.1\r\n${H}A: b\r\nTransfer-Encoding: chunked\r\n\r\n5;x\r\nhello\r\n0\r\nX: y\r\n\r\n`;
    for (let at = whole.indexOf('\r'); at !== -1; at = whole.indexOf('\r', at + 1))
      expect(everyWay(whole.slice(0, at) + whole.slice(at + 1)), `without byte ${at}`).toMatchObject({
        error: 400,
      });
    const get = `GET / HTTP/1.1\r\n${H}A: b\r\n\r\n`;
    for (let at = get.indexOf('\r'); at !== -1; at = get.indexOf('\r', at + 1))
      expect(everyWay(get.slice(0, at) + get.slice(at + 1)), `without byte ${at}`).toMatchObject({
        error: 400,
      });
    expect(everyWay(get.replaceAll('\r\n', '\n'))).toMatchObject({ error: 400 });
  });

  test.each(['HTTP/2.0', 'HTTP/1.2', 'HTTP/0.9', 'HTTP/3.0', 'HTTP/1.01', 'HTTP/1.10'])(
    '%s causes 505 (C6)',
    (version) => {
      expect(everyWay(`GET / ${version}\r\n${H}\r\n`)).toMatchObject({ error: 505 });
    },
  );
});

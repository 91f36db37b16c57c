/**
 * The two parsers of heads find the same: `native/plain-head.h` reads complete heads, and llhttp heads in pieces.
 */
import { describe, expect, test } from 'vitest';
import { Parser } from '../../src/http/parser.ts';
import { REGION } from '../../src/http/wasm.ts';
import { randomOf } from '../../lab/proof/random.ts';
import { feed } from './feed.ts';

const parser = new Parser({ maxRequestLine: 120, maxHeaderSize: 160, maxHeaders: 5 });

const HEAD = 'GET /a?b HTTP/1.1\r\nHost: a:80\r\nAZaz-09: d e\r\n\r\n';
const CONTENT = 'hello\r\n0\r\n\r\nGET / HTTP/1.1\r\n';

/**
 * The result of the bytes at once. It must equal the result of the first byte followed by the others. Returns whether
 * it is a request.
 */
function compare(text: string): boolean {
  const bytes = Buffer.from(text, 'latin1');
  const [whole, split] = [feed([bytes], parser), feed([bytes.subarray(0, 1), bytes.subarray(1)], parser)];
  if (JSON.stringify(whole) !== JSON.stringify(split)) expect(whole, JSON.stringify(text)).toEqual(split);
  return typeof whole === 'object' && 'head' in whole;
}

test('a complete head is not read by llhttp, and a head in pieces is', () => {
  // llhttp's state of the message (native/shim.c), which only llhttp writes.
  const state = () => Buffer.from(parser.memory.slice(REGION + 512, REGION + 592)).toString('hex');
  const head = Buffer.from(HEAD);
  feed([Buffer.from('POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 1\r\n\r\nx')], parser);
  const before = state();
  expect(feed([head], parser)).toHaveProperty('head');
  expect(state()).toBe(before);
  feed([head.subarray(0, 1), head.subarray(1)], parser);
  expect(state()).not.toBe(before);
});

describe('each byte of a head, in every place', () => {
  test.each<[string, (at: number, byte: string) => string]>([
    ['instead of another', (at, byte) => HEAD.slice(0, at) + byte + HEAD.slice(at + 1)],
    ['before another', (at, byte) => HEAD.slice(0, at) + byte + HEAD.slice(at)],
  ])('%s', (_, changed) => {
    for (let at = 0; at < HEAD.length; at++)
      for (let byte = 0; byte < 256; byte++) compare(changed(at, String.fromCharCode(byte)) + CONTENT);
  });

  test('may be missing', () => {
    for (let at = 0; at < HEAD.length; at++) compare(HEAD.slice(0, at) + HEAD.slice(at + 1) + CONTENT);
  });

  test('two special bytes in every two places', () => {
    const bytes = ['\r', '\n', ' ', ':', '\t', '\0', '/'];
    for (let first = 0; first < HEAD.length; first++)
      for (let second = first + 1; second < HEAD.length; second++)
        for (const a of bytes)
          for (const b of bytes)
            compare(HEAD.slice(0, first) + a + HEAD.slice(first + 1, second) + b + HEAD.slice(second + 1));
  });
});

test('targets, names and values of every length, up to one byte around the limits', () => {
  for (let length = 0; length <= 170; length++) {
    compare(`GET /${'t'.repeat(length)} HTTP/1.1\r\nHost: a\r\n\r\n`);
    compare(`GET / HTTP/1.1\r\nHost: a\r\n${'n'.repeat(length)}: v\r\n\r\n`);
    compare(`GET / HTTP/1.1\r\nHost: a\r\nn:${' '.repeat(length % 5)}${'v'.repeat(length)}\r\n\r\n`);
    compare(`GET /${'t'.repeat(length)} HTTP/1.1\r\nHost: a\r\nn: ${'v'.repeat(170)}\r\n\r\n`);
  }
  for (let count = 0; count <= 7; count++)
    compare(`GET / HTTP/1.1\r\nHost: a\r\n${'A: b\r\n'.repeat(count)}\r\n`);
});

test('earlier bytes are not taken for the end of an incomplete head', () => {
  const head = 'GET /some/where HTTP/1.1\r\nHost: a\r\nA: b\r\n\r\n';
  for (let length = 1; length < head.length; length++) {
    // The bytes after it are the head itself.
    feed([Buffer.from(head)], parser);
    expect(feed([Buffer.from(head.slice(0, length))], parser), `${length} bytes`).toBe('more');
  }
});

test('a hundred thousand random heads, mostly right and sometimes wrong', () => {
  const random = randomOf(7);
  const pick = (from: readonly string[]) => from[Math.floor(random() * from.length)]!;
  const draw = (right: readonly string[], wrong: readonly string[]) => pick(random() < 0.95 ? right : wrong);
  const end = () => draw(['\r\n'], ['\n', '\r', '\r\n ', '\r\n\t', '']);
  const line = () =>
    draw(['GET', 'HEAD'], ['HEADS', 'get', 'POST', 'CONNECT', 'OPTIONS', '']) +
    draw([' '], ['  ', '\t', '']) +
    draw(['/', '/a/b?c=%20', '/"<>\\^`{|}'], ['*', 'http://a/b', 'a:80', '/#', '/\x80', '/ ', '']) +
    draw([' HTTP/1.1'], [' HTTP/1.0', ' HTTP/1.2', ' HTTP/2.0', ' http/1.1', ' HTTP/1.1 ', '']);
  const field = () =>
    draw(
      ['Accept', 'a-b_c', 'Referer', 'If-Modified-Since', 'Accept-Charset', 'Connection'],
      ['a b', 'a!', ''],
    ) +
    draw([':', ': '], [':\t', ' :', '']) +
    draw(['x', 'x y', 'close', '\xe9', 'a:b ', 'keep-alive'], ['', ' ', 'x\ty', '\x01', '\x7f', 'a\rb']);
  const framing = () =>
    `${pick(['Upgrade', 'Content-Length', 'Transfer-Encoding', 'Expect', 'Connection', 'Proxy-Connection'])}: ` +
    pick(['5', '0', 'chunked', 'close', 'upgrade', 'Upgrade, close', '100-continue', 'x', '']);
  let taken = 0;
  for (let i = 0; i < 100_000; i++) {
    let head = line() + end();
    if (random() < 0.95) head += `Host: ${draw(['a', 'a:80', '[::1]'], ['a b', ''])}${end()}`;
    for (let n = Math.floor(random() * 5); n > 0; n--) head += (random() < 0.1 ? framing() : field()) + end();
    if (compare(draw([''], ['\r\n']) + head + end() + draw([''], [CONTENT]))) taken += 1;
  }
  expect(taken).toBeGreaterThan(20_000);
});

/**
 * Hosts: a host that RFC 9110 allows and a URL parser accepts is passed on unchanged. Every other host is rejected.
 */
import { describe, expect, test } from 'vitest';
import { Hosts } from '../../src/http/hosts.ts';
import { Parser } from '../../src/http/parser.ts';
import { randomOf } from '../../lab/proof/random.ts';
import { cut, feed, type Result } from './feed.ts';

const parser = new Parser({ maxRequestLine: 3000, maxHeaderSize: 3000, maxHeaders: 6 });

function ask(target: string, host: string, method = 'GET'): Result {
  const bytes = Buffer.from(`${method} ${target} HTTP/1.1\r\nHost: ${host}\r\nA: b\r\n\r\n`, 'latin1');
  const whole = feed([bytes], parser);
  expect(feed(cut(bytes, 1), parser), JSON.stringify([target, host])).toEqual(whole);
  return whole;
}

const TAKEN = [
  'example.com',
  'example.com.',
  'h:',
  'h:80',
  'h:00000000000000000080',
  'h:65535',
  'h:0',
  'a..b',
  '.',
  '..',
  'EXAMPLE.com',
  'a_b',
  '-',
  'a--b',
  '127.0.0.1',
  '127.0.0.1:8000',
  '255.255.255.255',
  '1',
  '1.2',
  '0x7f.1',
  '01.2.3.4',
  '1.2.3.4.',
  'a.1b',
  'xn--nxasmq6b',
  'XN--NXASMQ6B.example',
  '[::1]',
  '[::1]:8080',
  '[::ffff:1.2.3.4]',
  '[::]:',
  'a~b',
  "a!$&'()*+;=b",
  'a,b',
  'a%41',
  'a'.repeat(1500),
];
const REFUSED = [
  '256.1.1.1',
  '1.2.3.4.5',
  '1.2.3.400',
  '4294967296',
  'a.09',
  'a.0x',
  'xn--',
  'xn--a',
  'a.xn--',
  'a%00',
  'a%20b',
  'a%zz',
  '%',
  'a%2fb',
  '[:::]',
  '[1.2.3.4]',
  '[::g]',
  '[::1',
  '::1',
  '[]',
  '[::1]x',
  '[fe80::1%25eth0]',
  '[fe80::1%eth0]',
  '[v1.a]',
  'h:65536',
  'h:99999999999999999999',
  'h:-1',
  'h:8o',
  'h:80:80',
  ':80',
  ':',
  'a b',
  'a, b',
  'a\tb',
  'x/y',
  'http://x',
  'u@a',
  'u:p@a',
  'a?b',
  'a#b',
  'a<b',
  'a"b',
  'a^b',
  'a|b',
  'a\\b',
  'a`b',
  'a{b}',
  '\xe9.example',
  '\xc3\xa9.example',
  'a\xff',
];

describe('as the Host field', () => {
  test.each(TAKEN)('%j is accepted, and passed on unchanged (C5)', (host) => {
    expect(ask('/', host)).toMatchObject({ head: { fields: [`Host=${host}`, 'A=b'] } });
  });

  test.each(REFUSED)('%j is 400 (C5, C45)', (host) => {
    expect(ask('/', host)).toMatchObject({ error: 400, reason: 'the Host field is malformed' });
  });

  test('an empty host is legal (C45)', () => {
    for (const host of ['', ' ', '\t'])
      expect(ask('/', host)).toMatchObject({ head: { fields: ['Host=', 'A=b'] } });
  });
});

describe('in an absolute target', () => {
  test.each(TAKEN)('%j is accepted, whatever the Host field contains (C5)', (host) => {
    for (const other of [host, 'other.example', ''])
      for (const target of [`http://${host}`, `HTTP://${host}/a?b`, `https://${host}?c`])
        expect(ask(target, other)).toMatchObject({ head: { line: `GET ${target}` } });
  });

  test.each(REFUSED.filter((host) => !/[/?#\s\x80-\xff]/.test(host)))('%j is 400 (C5, C45)', (host) => {
    expect(ask(`http://${host}/`, 'a')).toMatchObject({ error: 400 });
  });

  test('an empty host causes 400, and so does a malformed Host field beside it (C45)', () => {
    for (const target of ['http://', 'http:///', 'http://?a', 'http:a', 'ftp://a/'])
      expect(ask(target, 'a')).toMatchObject({ error: 400 });
    for (const host of ['256.1.1.1', 'a b', 'u@a'])
      expect(ask('http://a/', host)).toMatchObject({ error: 400 });
  });
});

test('CONNECT accepts the same hosts, with a port (C5)', () => {
  for (const host of TAKEN.filter((each) => !each.includes(':') || each === '[::1]'))
    expect(ask(`${host}:80`, 'a', 'CONNECT'), host).toMatchObject({ head: { line: `CONNECT ${host}:80` } });
  for (const host of ['256.1.1.1:80', 'xn--:80', '[:::]:80', ':80', 'a', 'u@a:80'])
    expect(ask(host, 'a', 'CONNECT'), host).toMatchObject({ error: 400 });
});

test('a host is rejected before an error in the later content, at any split (C5)', () => {
  const bytes = Buffer.from('POST / HTTP/1.1\r\nHost: 256.1.1.1\r\nTransfer-Encoding: chunked\r\n\r\nxx');
  const whole = feed([bytes], parser);
  expect(whole).toMatchObject({ error: 400, reason: 'the Host field is malformed' });
  for (let at = 1; at < bytes.length; at++)
    expect(feed([bytes.subarray(0, at), bytes.subarray(at)], parser)).toEqual(whole);
});

/** RFC 3986 §3.2.2, and a port in the form of RFC 9110. */
const FORM = /^(?:\[[0-9A-Fa-f:.]+\]|[\w.~%!$&'()*+,;=-]+)(?::\d*)?$/;

test('each of a hundred thousand random hosts is accepted if its form is right and a URL parser accepts it (C5)', () => {
  const random = randomOf(5);
  const pick = (from: readonly string[]) => from[Math.floor(random() * from.length)]!;
  const parts = [
    'a',
    'Z',
    '0',
    '1',
    '9',
    '255',
    '256',
    '0x',
    'f',
    '.',
    '.',
    '..',
    '-',
    '--',
    '_',
    'xn--',
    'XN--',
    'xn--a',
    'nxasmq6b',
    ':',
    ':80',
    ':65536',
    '~',
    '%',
    '%41',
    '%2e',
    '%30',
    ',',
    '[',
    ']',
    '::1',
    '::',
    '1.2.3.4',
    '127.0.0.1',
    '@',
    '/',
    ' ',
    '\xe9',
    '!',
    '(',
  ];
  let taken = 0;
  for (let i = 0; i < 100_000; i++) {
    let host = '';
    for (let n = 1 + Math.floor(random() * 5); n > 0; n--) host += pick(parts);
    if (host !== host.trim()) continue;
    const expected = FORM.test(host) && URL.canParse(`http://${host}/`);
    const result = feed([Buffer.from(`GET / HTTP/1.1\r\nHost: ${host}\r\n\r\n`, 'latin1')], parser);
    if (expected !== (typeof result === 'object' && 'head' in result))
      expect.fail(`${JSON.stringify(host)}: ${JSON.stringify(result)}`);
    if (expected) taken += 1;
  }
  expect(taken).toBeGreaterThan(20_000);
});

test('the cache of hosts is bounded, and a very long host is rejected without a look-up (C5)', () => {
  const hosts = new Hosts();
  for (let round = 0; round < 2; round++)
    for (let i = 0; i < 1000; i++) expect(hosts.takes(`a${i}~`)).toBe(true);
  expect(hosts.takes('256.1.1.1')).toBe(false);
  expect(hosts.takes(`${'a'.repeat(1024)}~`)).toBe(false);
});

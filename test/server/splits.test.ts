/**
 * Requests over real sockets, each complete, byte by byte, and split at every point. The response must not depend on
 * the boundaries.
 *
 * Every test runs twice: with the read mode of this Node, and with copies, as on systems without that mode.
 */
import { setImmediate as turn } from 'node:timers/promises';
import { describe, expect, test } from 'vitest';
import { Client } from '../support/client.ts';
import { serve } from '../support/server.ts';
import { replaceUserBuffer } from '../support/user-buffer.ts';

const ECHO = `
  const chunks = [];
  for await (const chunk of environ['tsgi.input']) chunks.push(chunk);
  startResponse(200, []);
  return [environ.REQUEST_METHOD, environ.REQUEST_URI, environ.HTTP_HOST, Buffer.concat(chunks).toString('latin1')].join();
`;
/** Bodies up to eight bytes are collected. Longer ones stream. */
const LIMITS = { bodyBuffer: 8, maxBodySize: 40, maxRequestLine: 64, maxHeaderSize: 256, maxHeaders: 6 };
const H = 'Host: a\r\n';
const LAST = `GET /last HTTP/1.1\r\n${H}Connection: close\r\n\r\n`;
const LONG = 'twenty bytes of body';
const post = (fields: string, body: string) => `POST / HTTP/1.1\r\n${H}${fields}\r\n${body}`;
const chunked = (body: string) => post('Transfer-Encoding: chunked\r\n', body);

/** The bytes to send, and the expected responses: `status body`, in order. */
const REQUESTS: [bytes: string, ...answers: string[]][] = [
  [`\r\n\r\nGET /1 HTTP/1.1\r\n${H}\r\nGET /2 HTTP/1.1\r\n${H}\r\n`, '200 GET,/1,a,', '200 GET,/2,a,'],
  [post('Content-Length: 5\r\n', 'short'), '200 POST,/,a,short'],
  [post(`Content-Length: ${LONG.length}\r\n`, LONG), `200 POST,/,a,${LONG}`],
  [chunked('3;a="b"\r\nabc\r\n1\r\n!\r\n0\r\nX: y\r\n\r\n'), '200 POST,/,a,abc!'],
  [chunked(`5\r\nhello\r\n14\r\n${LONG}\r\n0\r\n\r\n`), `200 POST,/,a,hello${LONG}`],
  [post('Expect: 100-continue\r\nContent-Length: 2\r\n', 'ok'), '200 POST,/,a,ok'],
  [`HEAD / HTTP/1.1\r\n${H}\r\n`, '200 '],
  [`GET / HTTP/1.0\r\nConnection: keep-alive\r\n\r\n`, '200 GET,/,,'],
  [`GET http://b.c/d HTTP/1.1\r\n${H}\r\n`, '200 GET,http://b.c/d,b.c,'],
];
const REFUSALS: [bytes: string, status: number][] = [
  [`GET / HTTP/1.1\r\n${H}${H}\r\n`, 400],
  [`\nGET / HTTP/1.1\r\n${H}\r\n`, 400],
  [`GET / HTTP/2.0\r\n${H}\r\n`, 505],
  [`GET /${'a'.repeat(64)} HTTP/1.1\r\n${H}\r\n`, 414],
  [`GET / HTTP/1.1\r\n${H}A: ${'a'.repeat(256)}\r\n\r\n`, 431],
  [`GET / HTTP/1.1\r\n${H}${'A: b\r\n'.repeat(6)}\r\n`, 431],
  [post('Content-Length: 3\r\nTransfer-Encoding: chunked\r\n', '0\r\n\r\n'), 400],
  [post('Content-Length: 41\r\n', ''), 413],
  [chunked(`14\r\n${LONG}\r\n15\r\n${LONG}!\r\n0\r\n\r\n`), 413],
  [chunked('3\r\nabcd\r\n0\r\n\r\n'), 400],
];

describe.each([
  ['into our buffer', true],
  ['by copy', false],
])('read %s', (_, direct) => {
  test.each<[string, ...string[]]>(REQUESTS)('%j', async (bytes, ...answers) => {
    await everyWay(bytes + LAST, direct, (text) => {
      expect(answersOf(text)).toEqual([...answers, '200 GET,/last,a,']);
    });
  });

  test.each(REFUSALS)('%j causes %d, and later bytes are no request', async (bytes, status) => {
    const requests = await everyWay(bytes + LAST, direct, (text) => {
      expect(text).toMatch(new RegExp(`^HTTP/1\\.1 ${status} [^]*\r\nconnection: close\r\n`));
      expect(text.match(/HTTP\/1\.1 \d/g)).toHaveLength(1);
    });
    // A streaming body has begun before it is too long.
    if (!bytes.includes(LONG)) expect(requests).toBe(0);
  });
});

/**
 * Sends the bytes in every way and checks the responses. Returns the number of requests that an application received.
 */
async function everyWay(text: string, direct: boolean, check: (answer: string) => void): Promise<number> {
  // From here on a socket that should read into the shared buffer throws.
  if (!direct) await replaceUserBuffer(() => expect.fail('read into our buffer'));
  const { port, server } = await serve(ECHO, 1, LIMITS);
  const bytes = Buffer.from(text, 'latin1');
  const whole = await send(port, [bytes]);
  check(whole);
  expect(
    await send(
      port,
      [...bytes].map((byte) => Uint8Array.of(byte)),
    ),
  ).toBe(whole);
  const splits = Array.from({ length: bytes.length - 1 }, async (_, i) => {
    const answer = await send(port, [bytes.subarray(0, i + 1), bytes.subarray(i + 1)]);
    expect(answer, `split at ${i + 1}`).toBe(whole);
  });
  await Promise.all(splits);
  return server.stats().requests;
}

/** Writes each piece after the server has read the one before. The acceptor shares this event loop. */
async function send(port: number, pieces: Uint8Array[]): Promise<string> {
  const client = await Client.connect(port);
  for (const piece of pieces) {
    await client.write(piece);
    await turn();
    await turn();
  }
  const text = await client.rest();
  client.close();
  return text.replace(/date: [^\r]*\r\n/g, '').replace('HTTP/1.1 100 Continue\r\n\r\n', '');
}

function answersOf(text: string): string[] {
  const parts = text.split(/HTTP\/1\.1 (?=\d)/).slice(1);
  return parts.map((part) => `${part.slice(0, 3)} ${part.slice(part.indexOf('\r\n\r\n') + 4)}`);
}

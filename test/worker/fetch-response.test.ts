/**
 * What a fetch handler's Response becomes on the wire.
 */
import { describe, expect, test } from 'vitest';
import { appFile, serveFile } from '../support/server.ts';
import { exchange } from '../support/client.ts';

/** The head and the body of the answer of a handler that returns this expression. */
async function answer(
  expression: string,
  method = 'GET',
): Promise<{ head: string[]; body: string; log: string[] }> {
  const app = appFile(`export default { fetch: async (request) => ${expression} };`);
  const { port, log } = await serveFile(app);
  const text = await exchange(port, `${method} / HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n`);
  const [head, body] = text.split('\r\n\r\n');
  return { head: head!.split('\r\n'), body: body!, log };
}

describe('the status line', () => {
  test.each([
    ['new Response("a")', 'HTTP/1.1 200 OK'],
    ['new Response("a", { status: 404 })', 'HTTP/1.1 404 Not Found'],
    ['new Response("a", { status: 299 })', 'HTTP/1.1 299 unknown'],
    ['new Response("a", { status: 201, statusText: "Made Here" })', 'HTTP/1.1 201 Made Here'],
    ['Response.redirect("http://a/b")', 'HTTP/1.1 302 Found'],
  ])('%s: %s', async (expression, line) => {
    expect((await answer(expression)).head[0]).toBe(line);
  });
});

describe('the length', () => {
  test.each([
    ['new Response("täxt")', 5],
    ['Response.json({ a: 1 })', 7],
    ['new Response(new Uint8Array(3))', 3],
    ['new Response("")', 0],
  ])('of %s is told', async (expression, length) => {
    const { head } = await answer(expression);
    expect(head.filter((field) => /^content-length:/i.test(field)).map((field) => field.slice(16))).toEqual([
      String(length),
    ]);
    expect(head.join()).not.toMatch(/transfer-encoding/i);
  });

  test('of a stream is not', async () => {
    const { head, body } = await answer('new Response(ReadableStream.from([new Uint8Array([97])]))');
    expect(head).toContain('Transfer-Encoding: chunked');
    expect(body).toContain('a');
  });
});

test('a Response of a framework of its own is one', async () => {
  const own = `new (class Response {
    status = 203; statusText = ''; headers = new Headers({ 'x-own': '1' });
    body = new Blob(['its own']).stream();
  })()`;
  const { head, body } = await answer(own);
  expect(head[0]).toBe('HTTP/1.1 203 Non-Authoritative Information');
  expect(head).toContain('x-own: 1');
  expect(body).toContain('its own');
});

test.each(['"text"', 'undefined', 'null', '({ status: 200 })', '({ headers: new Headers() })'])(
  '%s is none, and the log says so',
  async (expression) => {
    const { head, log } = await answer(expression);
    expect(head[0]).toBe('HTTP/1.1 500 Internal Server Error');
    expect(log.join('\n')).toContain('The fetch handler must return a Response, and returned');
  },
);

test('what fetch returns is still a Response, and so is what a handler makes', async () => {
  const { body } = await answer(
    '(globalThis.made = new Response("x"), new Response([made instanceof Response, await fetch("data:,x") instanceof Response].join()))',
  );
  expect(body).toBe('true,true');
});

/**
 * The bytes on the wire for a fetch handler's Response.
 */
import { describe, expect, test } from 'vitest';
import { appFile, serveFile } from '../support/server.ts';
import { exchange } from '../support/client.ts';

/** The head and the body of the response of a handler that returns this expression. */
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

describe('the length of a body', () => {
  test.each([
    ['new Response("täxt")', 5],
    ['Response.json({ a: 1 })', 7],
    ['new Response(new Uint8Array(3))', 3],
    ['new Response("")', 0],
  ])('is stated for %s', async (expression, length) => {
    const { head } = await answer(expression);
    expect(head.filter((field) => /^content-length:/i.test(field)).map((field) => field.slice(16))).toEqual([
      String(length),
    ]);
    expect(head.join()).not.toMatch(/transfer-encoding/i);
  });

  test('is not stated for a stream that continues', async () => {
    const slow = `new ReadableStream({ async start(controller) {
      controller.enqueue(new Uint8Array([97]));
      // Later than the turn in which the response begins, however slow the machine is.
      for (let turn = 0; turn < 9; turn += 1) await new Promise((resolve) => setImmediate(resolve));
      controller.close();
    } })`;
    const { head, body } = await answer(`new Response(${slow})`);
    expect(head).toContain('Transfer-Encoding: chunked');
    expect(body).toContain('a');
  });

  test.each([
    [
      'a stream that is there at once',
      'new Response(ReadableStream.from([new Uint8Array([97]), "b"]))',
      'ab',
    ],
    ['a stream without bytes', 'new Response(ReadableStream.from([]))', ''],
    ['a clone', 'new Response("text").clone()', 'text'],
    [
      'a stream with a length of another body',
      'new Response(new Response("text").body, { headers: { "content-length": "9" } })',
      'text',
    ],
    [
      'a stream with the coding of another body',
      'new Response(new Response("text").body, { headers: { "content-encoding": "br", "content-length": "9" } })',
      'text',
    ],
  ])('is stated for %s', async (_, expression, body) => {
    const answered = await answer(expression);
    const fields = answered.head.filter((field) =>
      /^(?:content-length|transfer-encoding|content-encoding):/i.test(field),
    );
    expect([fields, answered.body]).toEqual([[`content-length: ${body.length}`], body]);
  });

  test('a text without threads has its length, whatever its handler states (C1)', async () => {
    const app = appFile(`export default { fetch: () =>
      new Response('text', { headers: { 'content-length': '9', 'content-encoding': 'br' } }) };`);
    const { port } = await serveFile(app, 0);
    const text = await exchange(port, 'GET / HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n');
    expect(text).toMatch(/\r\ncontent-length: 4\r\n/i);
    expect(text).toMatch(/\r\n\r\ntext$/);
    expect(text).not.toMatch(/content-encoding|transfer-encoding/i);
  });
});

test('a Trailer field of an upstream is dropped, because no trailer follows (C1)', async () => {
  for (const body of ['"text"', 'new Response("text").body']) {
    const { head, log } = await answer(
      `new Response(${body}, { headers: { trailer: 'x-sum', 'x-a': '1' } })`,
    );
    expect([head[0], log]).toEqual(['HTTP/1.1 200 OK', []]);
    expect(head).toContain('x-a: 1');
    expect(head.join()).not.toMatch(/trailer/i);
  }
});

test('a reason phrase that is not allowed is replaced', async () => {
  const own = `new (class Response {
    status = 200; statusText = 'caf\ufffd'; headers = new Headers(); body = null;
  })()`;
  expect((await answer(own)).head[0]).toBe('HTTP/1.1 200 OK');
});

test('a framework’s own Response class is accepted', async () => {
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
  '%s is no Response and causes an error in the log',
  async (expression) => {
    const { head, log } = await answer(expression);
    expect(head[0]).toBe('HTTP/1.1 500 Internal Server Error');
    expect(log.join('\n')).toContain('The fetch handler must return a Response, and returned');
  },
);

test('the results of fetch and of handlers are Response objects', async () => {
  const { body } = await answer(
    '(globalThis.made = new Response("x"), new Response([made instanceof Response, await fetch("data:,x") instanceof Response].join()))',
  );
  expect(body).toBe('true,true');
});

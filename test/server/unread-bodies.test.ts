/**
 * Responses to requests with an unread body: whether the connection continues, and whether the head announces it.
 */
import { describe, expect, onTestFinished, test } from 'vitest';
import { type Answer, Client } from '../support/client.ts';
import { appFile, serveFile } from '../support/server.ts';

const KIB = 1024;

const WHOLE = {
  tsgi: `export default (environ, startResponse) => { startResponse(200, []); return environ.PATH_INFO; };`,
  fetch: `export default { fetch: (request) => new Response(new URL(request.url).pathname) };`,
  node: `export default (request, response, next) => { response.end(request.url); };`,
};
const STREAMED = {
  tsgi: `export default (environ, startResponse) => {
    startResponse(200, []);
    return (async function* () {
      yield environ.PATH_INFO.slice(0, 2);
      await new Promise((resolve) => setTimeout(resolve, 5));
      yield environ.PATH_INFO.slice(2);
    })();
  };`,
  fetch: `export default { fetch: (request) => new Response(new ReadableStream({
    async start(controller) {
      const { pathname } = new URL(request.url);
      controller.enqueue(new TextEncoder().encode(pathname.slice(0, 2)));
      await new Promise((resolve) => setTimeout(resolve, 5));
      controller.enqueue(new TextEncoder().encode(pathname.slice(2)));
      controller.close();
    },
  })) };`,
  node: `export default (request, response, next) => {
    response.write(request.url.slice(0, 2));
    setTimeout(() => response.end(request.url.slice(2)), 5);
  };`,
};
const FILE = `import { fileURLToPath } from 'node:url';
  export default (environ, startResponse) => {
    if (environ.PATH_INFO !== '/first') { startResponse(200, []); return environ.PATH_INFO; }
    startResponse(200, []);
    return environ['tsgi.file_wrapper'](new URL(import.meta.url));
  };`;

function postOf(path: string, bytes: number, ...fields: string[]): string {
  const head = [`POST ${path} HTTP/1.1`, 'Host: a', `Content-Length: ${bytes}`, ...fields, '', ''];
  return head.join('\r\n') + 'x'.repeat(bytes);
}

function chunkedOf(path: string, bytes: number): string {
  const head = `POST ${path} HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n`;
  return `${head}${bytes.toString(16)}\r\n${'x'.repeat(bytes)}\r\n0\r\n\r\n`;
}

async function connect(port: number): Promise<Client> {
  const client = await Client.connect(port);
  onTestFinished(() => client.close());
  return client;
}

const NEXT = 'GET /next HTTP/1.1\r\nHost: a\r\n\r\n';

/** Sends a request and another one after it. Returns the responses. */
async function answersTo(port: number, request: string): Promise<Answer[]> {
  const client = await connect(port);
  await client.write(request + NEXT);
  const answers: Answer[] = [];
  while (answers.length < 2) {
    const answer = await client.answer();
    if (answer === undefined) break;
    answers.push(answer);
  }
  return answers;
}

/** The first response is complete. The connection ends after it if, and only if, its head announces the end. */
function expectHonest([first, next]: Answer[]): void {
  expect(first?.status).toBe(200);
  if (first!.headers['connection'] === 'close') expect(next).toBeUndefined();
  else expect(next?.body).toBe('/next');
}

describe.each([
  ['in one piece', WHOLE],
  ['as a stream', STREAMED],
])('a response %s', (_, sources) => {
  describe.each(Object.entries(sources))('by %s', (__, source) => {
    test.each([
      ['of known length', postOf('/first', 256 * KIB)],
      ['of unknown length', chunkedOf('/first', 256 * KIB)],
      [
        'of unknown length, in small chunks',
        chunkedOf('/first', 100).replace('0\r\n\r\n', '') +
          `3e8\r\n${'y'.repeat(1000)}\r\n`.repeat(200) +
          '0\r\n\r\n',
      ],
    ])('to a large unread body %s announces whether the connection ends (C4)', async (___, request) => {
      const { port } = await serveFile(appFile(source), 1);
      for (let i = 0; i < 3; i++) expectHonest(await answersTo(port, request));
    });

    test.each([
      ['of known length', postOf('/first', 30 * KIB)],
      ['of unknown length', chunkedOf('/first', 20 * KIB)],
    ])('to a small unread body %s keeps the connection (C4)', async (___, request) => {
      const { port } = await serveFile(appFile(source), 1, { bodyBuffer: 0 });
      for (let i = 0; i < 3; i++) {
        const [first, next] = await answersTo(port, request);
        expect([first?.body, first?.headers['connection'], next?.body]).not.toContain('close');
        expect([first?.body, next?.body]).toEqual(['/first', '/next']);
      }
    });
  });
});

test.each([
  ['TSGI', WHOLE.tsgi],
  ['TSGI, as a stream', STREAMED.tsgi],
  ['TSGI, as a file', FILE],
  ['fetch', WHOLE.fetch],
  ['Node', WHOLE.node],
])(
  'the head of a response by %s with 256 KiB unread announces the end of the connection (C4)',
  async (_, source) => {
    const { port } = await serveFile(appFile(source), 1);
    for (const request of [postOf('/first', 256 * KIB), chunkedOf('/first', 256 * KIB)]) {
      const [first, next] = await answersTo(port, request);
      expect([first?.headers['connection'], next]).toEqual(['close', undefined]);
    }
  },
);

test('the rest of a body may arrive slowly after a response that keeps the connection (C4)', async () => {
  const { port } = await serveFile(appFile(WHOLE.node), 1);
  const client = await connect(port);
  await client.write('POST /first HTTP/1.1\r\nHost: a\r\nContent-Length: 10\r\n\r\n', '12345');
  expect((await client.answer())?.body).toBe('/first');
  // Longer than one second, which was once the limit for the rest of a body.
  await new Promise((resolve) => setTimeout(resolve, 1100));
  await client.write(`67890${NEXT}`);
  expect((await client.answer())?.body).toBe('/next');
});

test('a body that stops after its response ends the connection after bodyTimeout, without another response (C4)', async () => {
  const { port } = await serveFile(appFile(WHOLE.node), 1, { bodyTimeout: 200 });
  const client = await connect(port);
  await client.write('POST /first HTTP/1.1\r\nHost: a\r\nContent-Length: 10\r\n\r\n', '12345');
  expect((await client.answer())?.body).toBe('/first');
  expect(await client.rest()).toBe('');
});

describe.each(Object.entries(WHOLE))('a needless Expect: 100-continue, by %s', (_, source) => {
  test.each([
    ['Content-Length: 0', postOf('/first', 0, 'Expect: 100-continue')],
    ['the body with the head', postOf('/first', 10, 'Expect: 100-continue')],
    ['the last chunk with the head', chunkedOf('/first', 10).replace('Host', 'Expect: 100-continue\r\nHost')],
  ])('keeps the connection: %s (C7)', async (__, request) => {
    const { port } = await serveFile(appFile(source), 1);
    const [first, next] = await answersTo(port, request);
    expect(first?.headers['connection']).not.toBe('close');
    expect([first?.body, next?.body]).toEqual(['/first', '/next']);
  });
});

test.each([
  [
    'TSGI',
    `export default async (environ, startResponse) => {
    while (environ.REQUEST_METHOD === 'POST' && !globalThis.sent) await new Promise((resolve) => setTimeout(resolve, 1));
    globalThis.sent = environ.PATH_INFO === '/sent';
    startResponse(200, []); return environ.PATH_INFO;
  };`,
  ],
  [
    'Node',
    `export default async (request, response, next) => {
    while (request.method === 'POST' && !globalThis.sent) await new Promise((resolve) => setTimeout(resolve, 1));
    globalThis.sent = request.url === '/sent';
    response.end(request.url);
  };`,
  ],
])('a client that did not wait for 100 Continue keeps its connection: %s (C7)', async (_, source) => {
  const { port, server } = await serveFile(appFile(source), 1);
  const client = await connect(port);
  const request = postOf('/first', 10, 'Expect: 100-continue');
  await client.write(request.slice(0, -10));
  await client.until(() => server.stats().inFlight > 0);
  await client.write(request.slice(-10) + NEXT);
  const other = await connect(port);
  await other.write('GET /sent HTTP/1.1\r\nHost: a\r\n\r\n');
  await other.answer();
  const first = await client.answer();
  expect([first?.headers['connection'], first?.body]).not.toContain('close');
  expect((await client.answer())?.body).toBe('/next');
});

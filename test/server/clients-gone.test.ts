/**
 * Clients that have left: an application can still read a body that arrived complete.
 */
import { describe, expect, test } from 'vitest';
import { Client } from '../support/client.ts';
import { appFile, serveFile, type TestServer } from '../support/server.ts';
import { until } from '../support/until.ts';

const READS = {
  'fetch, text': 'return (await request.text()).length;',
  'fetch, json': 'return JSON.stringify(await request.json()).length;',
  'fetch, arrayBuffer': 'return (await request.arrayBuffer()).byteLength;',
  'fetch, a stream': 'let n = 0; for await (const part of request.body) n += part.length; return n;',
  'fetch, a clone': 'return (await request.clone().text()).length;',
  'fetch, after a first part': `
    const reader = request.body.getReader();
    let n = (await reader.read()).value.length;
    await gone;
    for (let part; !(part = await reader.read()).done; ) n += part.value.length;
    return n;`,
};

function fetchApp(body: string): string {
  return `
    let seen = [];
    let leave;
    const gone = new Promise((resolve) => (leave = resolve));
    async function read(request) { ${body} }
    export default { async fetch(request) {
      if (request.method === 'GET') { const told = JSON.stringify(seen); return new Response(told); }
      // Waits until after all events of a client's disconnect.
      request.signal.addEventListener('abort', () => setTimeout(leave, 30));
      seen.push('called');
      ${body.includes('gone') ? '' : 'await gone;'}
      try { seen.push(await read(request), request.signal.aborted); } catch (error) { seen.push(String(error)); }
      return new Response('late');
    } };`;
}

const TSGI = `
  const seen = [];
  export default async (environ, startResponse) => {
    if (environ.REQUEST_METHOD === 'GET') { startResponse(200, []); return JSON.stringify(seen); }
    const signal = environ['tsgi.signal'];
    const gone = new Promise((resolve) => signal.addEventListener('abort', () => setTimeout(resolve, 30)));
    seen.push('called');
    await gone;
    try { seen.push((await environ['tsgi.input'].read()).length, signal.aborted); }
    catch (error) { seen.push(String(error)); }
    startResponse(200, []);
    return 'x'.repeat(1_000_000);
  };`;

/** The observations of the application, once `enough` accepts them. */
async function seenBy({ port }: TestServer, enough: number): Promise<unknown[]> {
  return until(async () => {
    const seen = (await (await fetch(`http://127.0.0.1:${port}`)).json()) as unknown[];
    return seen.length >= enough && seen;
  });
}

const SIZES = [10, 60_000, 70_000];

function requestOf(size: number, chunked: boolean): string {
  const body = `"${'x'.repeat(size - 2)}"`;
  const head = 'POST / HTTP/1.1\r\nHost: a\r\n';
  if (!chunked) return `${head}Content-Length: ${size}\r\n\r\n${body}`;
  return `${head}Transfer-Encoding: chunked\r\n\r\n${size.toString(16)}\r\n${body}\r\n0\r\n\r\n`;
}

/** Sends a complete request and leaves as soon as the application has it. */
async function sendAndLeave(served: TestServer, request: string): Promise<void> {
  const client = await Client.connect(served.port);
  await new Promise<void>((resolve) => client.socket.write(request, 'latin1', () => resolve()));
  await seenBy(served, 1);
  // A reset, which every interface treats as a disconnect.
  client.socket.resetAndDestroy();
}

const APPLICATIONS: Readonly<Record<string, string>> = {
  ...Object.fromEntries(Object.entries(READS).map(([name, body]) => [name, fetchApp(body)])),
  TSGI,
};

describe.each([1, 0])('with %i threads', (threads) => {
  describe.each(Object.entries(APPLICATIONS))('%s', (_, source) => {
    test.each(SIZES)(
      'a body of %i bytes that came whole is read after its client left (C8)',
      async (size) => {
        for (const chunked of [false, true]) {
          const served = await serveFile(appFile(source), threads, { bodyBuffer: 64 * 1024 });
          await sendAndLeave(served, requestOf(size, chunked));
          expect(await seenBy(served, 3)).toEqual(['called', size, true]);
          await until(() => served.server.stats().inFlight === 0 && served.server.stats().buffered === 0);
          await served.server.close();
        }
      },
    );
  });

  test.each([
    ['fetch', APPLICATIONS['fetch, text']!],
    ['TSGI', TSGI],
  ])('an incomplete body causes an error after its client left: %s (C8)', async (_, source) => {
    const served = await serveFile(appFile(source), threads, { bodyBuffer: 0 });
    await sendAndLeave(served, requestOf(50_000, false).slice(0, -10));
    const seen = await seenBy(served, 2);
    expect(seen[0]).toBe('called');
    expect(String(seen[1])).toMatch(/abort|left|gone/i);
    await until(() => served.server.stats().inFlight === 0 && served.server.stats().buffered === 0);
  });
});

/**
 * The notifications of an application when the server stops.
 *
 * A stream that only the application can end must not prevent its own notification.
 */
import { once } from 'node:events';
import { writeFileSync, existsSync, readFileSync } from 'node:fs';
import { describe, expect, test } from 'vitest';
import { Cli } from '../support/cli.ts';
import { Client } from '../support/client.ts';
import { appFile, serveFile } from '../support/server.ts';
import { until } from '../support/until.ts';

/** Opens an event stream, and resolves at its first event. */
async function open(port: number, path = '/'): Promise<Client> {
  const client = await Client.connect(port);
  await client.write(`GET ${path} HTTP/1.1\r\nHost: a\r\n\r\n`);
  await client.until(() => client.received.includes('data: first'));
  return client;
}

const portOf = (url: string) => Number(new URL(url).port);

/** Applications that end their event streams when they are notified of their end. */
const STREAMS = {
  'a program, in its SIGTERM listener': `
    import http from 'node:http';
    const streams = new Set();
    const server = http.createServer((request, response) => {
      response.writeHead(200, { 'content-type': 'text/event-stream' }).write('data: first\\n\\n');
      streams.add(response);
    });
    process.on('SIGTERM', () => {
      for (const response of streams) response.end('data: last\\n\\n');
      server.close(() => process.exit(0));
    });
    server.listen(0);`,
  'a TSGI application, in its hook': `
    let end;
    const ended = new Promise((resolve) => { end = resolve; });
    export const shutdown = () => end();
    export default async function* app(environ, startResponse) {
      startResponse(200, [['content-type', 'text/event-stream']]);
      yield 'data: first\\n\\n';
      await ended;
      yield 'data: last\\n\\n';
    }`,
  'a fetch handler, in its hook': `
    const ends = [];
    export const shutdown = () => { for (const end of ends) end(); };
    export default { fetch: () => new Response(new ReadableStream({
      start(controller) {
        controller.enqueue('data: first\\n\\n');
        ends.push(() => { controller.enqueue('data: last\\n\\n'); controller.close(); });
      },
    }).pipeThrough(new TextEncoderStream()), { headers: { 'content-type': 'text/event-stream' } }) };`,
  'a Node listener, in its hook': `
    const streams = [];
    export const shutdown = () => { for (const response of streams) response.end('data: last\\n\\n'); };
    export default { handler(request, response) {
      response.writeHead(200, { 'content-type': 'text/event-stream' }).write('data: first\\n\\n');
      streams.push(response);
    } };`,
};

describe.each(Object.entries(STREAMS))('%s, ends its event streams', (_, source) => {
  test('at once when the server stops (C16)', async () => {
    const cli = new Cli([appFile(source), '--port', '0', '--threads', '2', '--host', '127.0.0.1']);
    const port = portOf(await cli.url());
    const clients = await Promise.all([open(port), open(port), open(port)]);
    const started = performance.now();
    cli.child.kill('SIGTERM');
    for (const client of clients) expect(await client.rest()).toContain('data: last');
    expect(await cli.finished()).toMatchObject({ code: 0 });
    expect(performance.now() - started).toBeLessThan(5000);
  });

  test('at once when the application is reloaded (C16)', async () => {
    const { port, server } = await serveFile(appFile(source), 1);
    const client = await open(port);
    const exited = once(server, 'workerExit');
    const started = performance.now();
    await server.reload();
    await client.until(() => client.received.includes('data: last'));
    await exited;
    expect(performance.now() - started).toBeLessThan(5000);
    client.close();
  });
});

/** Answers /slow after a while, and notes its notifications in a file. */
const told = (file: string, body: string) => `
  import { appendFileSync } from 'node:fs';
  import http from 'node:http';
  const tell = (text) => appendFileSync(${JSON.stringify(file)}, text + '\\n');
  const server = http.createServer((request, response) => {
    tell('request ' + request.url);
    if (request.url === '/stream') return response.writeHead(200).write('data: first');
    setTimeout(() => response.end('answered'), request.url === '/slow' ? 300 : 0);
  });
  ${body}
  server.listen(0);`;

test('a health check turned off by a SIGTERM listener fails during --shutdown-delay (C16)', async () => {
  const app = appFile(`
    import http from 'node:http';
    let isHealthy = true;
    process.on('SIGTERM', () => { isHealthy = false; });
    http.createServer((request, response) => response.writeHead(isHealthy ? 200 : 503).end()).listen(0);`);
  const cli = new Cli([app, '--port', '0', '--threads', '2', '--shutdown-delay', '1s']);
  const url = await cli.url();
  expect((await fetch(url)).status).toBe(200);
  cli.child.kill('SIGTERM');
  await until(async () => (await fetch(url)).status === 503);
  expect((await fetch(url)).status).toBe(503);
  expect(await cli.finished()).toMatchObject({ code: 0 });
});

describe('a program whose SIGTERM listener calls process.exit at once', () => {
  const exits = `process.on('SIGTERM', () => { tell('told'); process.exit(0); });`;

  test('ends after its requests have their heads, and abandons its streams (C16)', async () => {
    const file = `${appFile('')}.told`;
    const cli = new Cli([appFile(told(file, exits)), '--port', '0', '--threads', '1']);
    const port = portOf(await cli.url());
    const stream = await open(port, '/stream');
    const slow = fetch(`http://127.0.0.1:${port}/slow`).then((response) => response.text());
    await until(() => existsSync(file) && readFileSync(file, 'utf8').includes('/slow'));
    const started = performance.now();
    cli.child.kill('SIGTERM');
    await until(() => readFileSync(file, 'utf8').includes('told'));
    expect(await slow).toBe('answered');
    expect(await cli.finished()).toMatchObject({ code: 0 });
    expect(performance.now() - started).toBeLessThan(5000);
    stream.close();
  });

  test('loses no request and no stream at a reload', async () => {
    const file = `${appFile('')}.told`;
    const source = told(file, `${exits} setTimeout(() => {}, 1e6);`);
    const app = appFile(
      source.replace(
        ".write('data: first')",
        ".write('data: first'), setTimeout(() => response.end('last'), 500)",
      ),
    );
    const { port, server } = await serveFile(app, 1);
    const stream = await open(port, '/stream');
    const slow = fetch(`http://127.0.0.1:${port}/slow`).then((response) => response.text());
    await until(() => readFileSync(file, 'utf8').includes('/slow'));
    const exited = once(server, 'workerExit');
    await server.reload();
    expect(await slow).toBe('answered');
    await stream.until(() => stream.received.includes('last'));
    await exited;
    stream.close();
  });
});

test('requests in the queue are answered before the hook is called', async () => {
  const file = `${appFile('')}.told`;
  const app = appFile(`
    import { appendFileSync } from 'node:fs';
    let isOpen = true;
    export const shutdown = () => { isOpen = false; };
    export default async (environ, startResponse) => {
      if (environ.PATH_INFO === '/stream') {
        startResponse(200, []);
        return (async function* () { yield 'data: first'; while (isOpen) await new Promise((go) => setTimeout(go, 5)); })();
      }
      await new Promise((resolve) => setTimeout(resolve, 50));
      startResponse(200, []);
      return isOpen ? 'in time' : 'too late';
    };`);
  writeFileSync(file, '');
  const { port, server } = await serveFile(app, 1, { concurrency: 1 });
  const stream = await open(port, '/stream');
  const answers = Promise.all(
    Array.from({ length: 6 }, async () => (await fetch(`http://127.0.0.1:${port}/`)).text()),
  );
  await until(() => server.stats().inFlight === 7);
  await server.close();
  expect(await answers).toEqual(Array.from({ length: 6 }, () => 'in time'));
  stream.close();
});

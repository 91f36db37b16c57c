/**
 * The clock of a handler's deadline: it stops while the application waits for the client, and it respects an extension.
 */
import { setTimeout as wait } from 'node:timers/promises';
import { describe, expect, test } from 'vitest';
import { Client } from '../support/client.ts';
import { appFile, serve, serveFile } from '../support/server.ts';
import { until } from '../support/until.ts';

const LIMITS = { handlerTimeout: 300, killGrace: 100 };
const headOf = (length: number) => `POST / HTTP/1.1\r\nHost: a\r\nContent-Length: ${length}\r\n\r\n`;
/** More bytes than are collected before the application is called. */
const MOST = 'x'.repeat(70_000);
const REST = 'x'.repeat(30_000);

/** Applications that read their body and answer with its length. */
const READERS = {
  tsgi: `export default async (environ, startResponse) => {
    const body = await environ['tsgi.input'].read();
    startResponse(200, []);
    return String(body.length);
  };`,
  'tsgi, blocking': `export default (environ, startResponse) => {
    const body = environ['tsgi.input'].readSync();
    startResponse(200, []);
    return String(body.length);
  };`,
  node: `export default { handler(request, response) {
    let length = 0;
    request.on('data', (chunk) => { length += chunk.length; });
    request.on('end', () => response.end(String(length)));
  } };`,
  fetch: `export default { async fetch(request) {
    return new Response(String((await request.arrayBuffer()).byteLength));
  } };`,
};

/** Applications that read a little, and then neither read nor answer. The body of a `Request` is always read ahead. */
const STOPPERS = {
  tsgi: `export default async (environ) => {
    await environ['tsgi.input'].read(1);
    await new Promise(() => {});
  };`,
  node: `export default { handler(request, response) { request.once('data', () => request.pause()); } };`,
};

describe.each(Object.entries(READERS))('%s', (_, source) => {
  test('the clock stops while the application waits for bytes of its client', async () => {
    const { port, log } = await serveFile(appFile(source), 1, LIMITS);
    const client = await Client.connect(port);
    await client.write(headOf(100_000), MOST);
    await wait(3 * LIMITS.handlerTimeout);
    expect(client.received.toString()).toBe('');
    await client.write(REST);
    expect(await client.answer()).toMatchObject({ status: 200, body: '100000' });
    expect(log).toEqual([]);
    client.close();
  });
});

describe.each(Object.entries(STOPPERS))('%s', (_, source) => {
  test('the clock runs while bytes of the client wait for the application, however slowly more arrive', async () => {
    const { port } = await serveFile(appFile(source), 1, LIMITS);
    const client = await Client.connect(port);
    await client.write(headOf(1_000_000), MOST);
    // Node's request reads 16 KiB ahead.
    const trickle = setInterval(() => void client.write('x'.repeat(2000)), 20);
    const before = performance.now();
    expect((await client.answer())?.status).toBe(504);
    expect(performance.now() - before).toBeLessThan(2000);
    clearInterval(trickle);
    client.close();
  });
});

test('the clock continues when the last byte has arrived', async () => {
  const { port } = await serve(`await environ['tsgi.input'].read(); await new Promise(() => {});`, 1, LIMITS);
  const client = await Client.connect(port);
  await client.write(headOf(100_000), MOST);
  await wait(2 * LIMITS.handlerTimeout);
  const before = performance.now();
  await client.write(REST);
  expect((await client.answer())?.status).toBe(504);
  expect(performance.now() - before).toBeLessThan(LIMITS.handlerTimeout + 250);
  client.close();
});

test('a handler with an extended deadline may block its loop for that time, and not longer', async () => {
  const { port, server, log } = await serve(
    `
    environ['tsgi_threads.worker'].extendDeadline(environ, 2500);
    const end = Date.now() + Number(environ.QUERY_STRING);
    while (Date.now() < end);
    startResponse(200, []);
    return 'burnt';
  `,
    1,
    LIMITS,
  );
  const get = async (milliseconds: number) => {
    const response = await fetch(`http://127.0.0.1:${port}/?${milliseconds}`);
    return `${response.status} ${await response.text()}`;
  };
  // The watchdog checks a loop once a second, and allows it a handler's time to respond.
  expect(await get(2000)).toBe('200 burnt');
  expect(log).toEqual([]);
  const exited = new Promise((resolve) => server.once('workerExit', resolve));
  expect(await get(60_000)).toMatch(/^504 /);
  await exited;
});

test('an extended deadline stays when another request of the worker is late', async () => {
  const { port, server } = await serve(
    `
    if (environ.PATH_INFO === '/never') await new Promise(() => {});
    environ['tsgi_threads.worker'].extendDeadline(environ, 2500);
    const end = Date.now() + 1000;
    while (Date.now() < end);
    startResponse(200, []);
    return 'burnt';
  `,
    1,
    LIMITS,
  );
  const url = `http://127.0.0.1:${port}`;
  const late = fetch(`${url}/never`);
  await until(() => server.stats().inFlight >= 1 && server.stats().pending === 0);
  const burnt = fetch(url);
  expect((await late).status).toBe(504);
  expect(await (await burnt).text()).toBe('burnt');
});

/**
 * The view of tracing agents: node's diagnostics channels and `http.Server.prototype.emit`, as under node:http.
 */
import http from 'node:http';
import type { AddressInfo } from 'node:net';
import path from 'node:path';
import { expect, onTestFinished, test } from 'vitest';
import { Client } from '../../support/client.ts';
import { appFile, serveFile } from '../../support/server.ts';

const APPLICATION = path.join(import.meta.dirname, 'fixtures', 'observed.mjs');

async function ask(port: number): Promise<string[]> {
  const client = await Client.connect(port);
  for (const target of ['/a', '/b?c']) {
    await client.write(`GET ${target} HTTP/1.1\r\nHost: a\r\n\r\n`);
    expect(await client.answer()).toMatchObject({ status: 201 });
  }
  await client.write(`GET /seen HTTP/1.1\r\nHost: a\r\n\r\n`);
  const { body } = (await client.answer())!;
  client.close();
  return JSON.parse(body) as string[];
}

test('channels and emit report equal events in equal order', async () => {
  const { port } = await serveFile(APPLICATION, 1, { interface: 'node' });
  const ours = await ask(port);
  const { default: listener } = (await import(APPLICATION)) as { default: http.RequestListener };
  const server = http.createServer(listener);
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  onTestFinished(() => void server.close());
  const theirs = await ask((server.address() as AddressInfo).port);
  expect(ours).toEqual(theirs);
  expect(ours.filter((line) => line.startsWith('emit'))).toHaveLength(2);
});

const AGENT = `
  import http from 'node:http';
  import diagnostics from 'node:diagnostics_channel';
  globalThis.traced = [];
  const { emit } = http.Server.prototype;
  http.Server.prototype.emit = function (name, ...rest) {
    if (name === 'request') globalThis.traced.push('emit');
    return emit.call(this, name, ...rest);
  };
  diagnostics.subscribe('http.server.request.start', () => globalThis.traced.push('start'));
`;
const TOLD = `globalThis.traced.join()`;

test.each([
  ['a listener', `export default (request, response) => response.end(${TOLD});`, 'node'],
  [
    'an http.Server',
    `import http from 'node:http'; export default http.createServer((_, response) => response.end(${TOLD}));`,
    'auto',
  ],
  ['a fetch handler', `export default { fetch: () => new Response(${TOLD}) };`, 'auto'],
] as const)('an agent of --import sees the requests of %s', async (_, source, name) => {
  const { port } = await serveFile(appFile(source), 1, {
    interface: name,
    import: [appFile(AGENT, 'agent.mjs')],
  });
  const client = await Client.connect(port);
  await client.write('GET / HTTP/1.1\r\nHost: a\r\n\r\n');
  expect((await client.answer())?.body).toBe('start,emit');
  client.close();
});

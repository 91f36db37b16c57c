/**
 * The unmodified server and client of graphql-ws give the same results on node and on two workers.
 */
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { fileURLToPath } from 'node:url';
import { type Client, createClient } from 'graphql-ws';
import { expect, onTestFinished, test } from 'vitest';
import { WebSocket } from 'ws';
import { Cli } from '../support/cli.ts';

const APP = fileURLToPath(new URL('fixtures/graphql-ws.mjs', import.meta.url));

async function onNode(): Promise<string> {
  const env = { ...process.env, PORT: '0' };
  const child = spawn(process.execPath, [APP], { env, stdio: ['ignore', 'pipe', 'ignore'] });
  onTestFinished(() => void child.kill('SIGKILL'));
  return /http:\S+/.exec(String((await once(child.stdout, 'data'))[0]))![0];
}

function onOurs(): Promise<string> {
  return new Cli([APP, '--threads', '2', '--port', '0', '--no-supervise']).url();
}

function connect(url: string, token = 'right'): Client {
  const client = createClient({
    url: `${url.replace('http', 'ws')}/graphql`,
    webSocketImpl: WebSocket,
    connectionParams: { token },
    retryAttempts: 0,
    lazy: false,
    onNonLazyError: () => {},
  });
  onTestFinished(() => void client.dispose());
  return client;
}

/** All messages that a client receives, in order. */
async function told(client: Client, query: string): Promise<unknown[]> {
  const all: unknown[] = [];
  try {
    for await (const result of client.iterate({ query })) all.push(result);
  } catch (error) {
    const { code, reason } = error as { code?: number; reason?: string };
    all.push(code === undefined ? JSON.parse(JSON.stringify(error)) : { code, reason });
  }
  return all;
}

const QUERIES = [
  '{ hello(name: "A") }',
  'query { hello(name: "B") }',
  '{ fails }',
  '{ nothing }',
  'subscription { count(to: 300) }',
  'subscription { count(to: 0) }',
  'subscription { count(to: "x") }',
];

/** All operations at once, on one connection. */
async function transcript(url: string, token?: string): Promise<unknown[][]> {
  const client = connect(url, token);
  return Promise.all(QUERIES.map((query) => told(client, query)));
}

test('twenty clients on any worker receive the same messages as one on node', async () => {
  const theirs = await transcript(await onNode());
  expect(theirs[4]).toHaveLength(300);
  const url = await onOurs();
  const ours = await Promise.all(Array.from({ length: 20 }, () => transcript(url)));
  for (const each of ours) expect(each).toEqual(theirs);
});

test('a client that may not connect, or sends an invalid query, is closed with the code of the library', async () => {
  const [node, ours] = [await onNode(), await onOurs()];
  const theirs = await transcript(node, 'wrong');
  expect(theirs[0]).toEqual([{ code: 4403, reason: 'Forbidden' }]);
  expect(await transcript(ours, 'wrong')).toEqual(theirs);
  const syntax = await told(connect(node), '{');
  expect(syntax).toEqual([{ code: 4500, reason: expect.stringContaining('Syntax Error') as string }]);
  expect(await told(connect(ours), '{')).toEqual(syntax);
});

test('a client that unsubscribes or leaves ends its subscription', async () => {
  const url = await onOurs();
  const clients = Array.from({ length: 8 }, () => connect(url));
  const endless = 'subscription { count(to: 1000000) }';
  const begun = clients.map(async (client, index) => {
    const iterator = client.iterate({ query: endless });
    for (let n = 0; n < 10; n++) await iterator.next();
    return async () => (index % 2 === 0 ? iterator.return?.() : client.terminate());
  });
  for (const stop of await Promise.all(begun)) await stop();
  const asking = clients.filter((_, index) => index % 2 === 0);
  const left = () => Promise.all(asking.map((client) => told(client, '{ open }')));
  await expect.poll(left).toEqual(asking.map(() => [{ data: { open: 0 } }]));
});

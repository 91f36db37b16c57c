/**
 * One application file, unchanged, on tsgi-threads, the reference server, Express, Deno and Bun: the same answers.
 * Deno and Bun come from npm's packages of those names, fetched when the test runs.
 */
import { spawn } from 'node:child_process';
import { createRequire } from 'node:module';
import path from 'node:path';
import express from 'express';
import { describe, expect, onTestFinished, test } from 'vitest';
import { toNodeListener } from '../../src/tsgi/node.ts';
import { simpleServer } from '../../src/tsgi/simple-server.ts';
import type { Application } from '../../src/tsgi/types.ts';
import { serveFile } from '../support/server.ts';

const FIXTURES = path.join(import.meta.dirname, 'fixtures');
const APPLICATION = path.join(FIXTURES, 'portable.mjs');
const DENO = 'deno@2.9.6';
const BUN = 'bun@1.4.5';

const quiet = { onError() {}, onLine() {} };

async function onReference(): Promise<string> {
  const server = await simpleServer(await application(), quiet);
  onTestFinished(() => server.close());
  return server.url;
}

async function application(): Promise<Application> {
  return ((await import(APPLICATION)) as { default: Application }).default;
}

async function onExpress(): Promise<string> {
  const app = express();
  app.use('/mounted', toNodeListener(await application(), quiet));
  const server = await new Promise<ReturnType<typeof app.listen>>((resolve) => {
    const listening = app.listen(0, '127.0.0.1', () => resolve(listening));
  });
  onTestFinished(() => void server.close());
  return `http://127.0.0.1:${(server.address() as { port: number }).port}/mounted`;
}

/** Starts a program of the fixtures by a runtime from npm; it prints its URL. */
async function onRuntime(name: string, args: readonly string[]): Promise<string> {
  const fetchHandler = createRequire(import.meta.url).resolve('tsgi-threads/tsgi/fetch');
  const command = [
    '-y',
    `--package=${name}`,
    '--',
    ...args,
    path.join(FIXTURES, 'serve-fetch.mjs'),
    fetchHandler,
  ];
  const child = spawn('npx', command, { stdio: ['ignore', 'pipe', 'pipe'], detached: true });
  onTestFinished(() => void process.kill(-child.pid!, 'SIGTERM'));
  let output = '';
  let errors = '';
  child.stderr.on('data', (bytes) => (errors += bytes));
  for await (const bytes of child.stdout) {
    output += bytes;
    const url = /http:\/\/\S+/.exec(output)?.[0];
    if (url !== undefined) return url;
  }
  throw new Error(`${name} did not serve: ${output}${errors}`);
}

const SERVERS: Record<string, () => Promise<string>> = {
  'tsgi-threads': async () => `http://127.0.0.1:${(await serveFile(APPLICATION, 2)).port}`,
  Express: onExpress,
  Deno: () => onRuntime(DENO, ['deno', 'run', '-A']),
  Bun: () => onRuntime(BUN, ['bun', 'run']),
};

const kinds = ['string', 'empty', 'bytes', 'array', 'nothing', 'generator', 'async', 'stream', 'large'];
const REQUESTS: [string, RequestInit?][] = [
  ['/a%20b/%C3%BC?case=environ&x=%C3%BC', { headers: { 'x-one': '1', cookie: 'a=1' } }],
  ...kinds.map((kind): [string] => [`/?case=body&kind=${kind}&status=201`]),
  ...kinds.map((kind): [string, RequestInit] => [`/?case=body&kind=${kind}`, { method: 'HEAD' }]),
  ...['lines', 'line', 'sizes', 'none', 'chunks'].map((how): [string, RequestInit] => [
    `/?case=read&how=${how}`,
    { method: 'POST', body: 'a\nbc\n\nd' },
  ]),
  ['/?case=body&kind=nothing&status=204'],
  ['/?case=headers'],
  ['/?case=write'],
  ['/?case=late'],
  ['/?case=throw'],
  ['/?case=undefined'],
];

async function ask(base: string, target: string, init: RequestInit = {}): Promise<unknown> {
  const response = await fetch(base + target, init);
  const { status, headers } = response;
  const text = await response.text();
  const own = headers.getSetCookie();
  // Where the application gives no type, a runtime may.
  const isTyped = /case=(?:environ|body|read)/.test(target);
  const names = ['x-case', 'x-early', 'x-late', ...(isTyped ? ['content-type'] : [])];
  const given = names.map((name) => headers.get(name));
  // What a client of the runtime's own adds, and where the application is mounted, is not the application's.
  const added = /"(?:HTTP_(?!X_ONE|COOKIE)[A-Z_]+|SCRIPT_NAME|REQUEST_URI)":"[^"]*",?/g;
  return { status, own, given, text: text.replaceAll(added, '') };
}

describe.each(Object.entries(SERVERS))('%s', (_, serve) => {
  test('answers as the reference server does', async () => {
    const [url, reference] = [await serve(), await onReference()];
    for (const [target, init] of REQUESTS) {
      expect(await ask(url, target, init), `${init?.method ?? 'GET'} ${target}`).toEqual(
        await ask(reference, target, init),
      );
    }
  }, 120_000);
});

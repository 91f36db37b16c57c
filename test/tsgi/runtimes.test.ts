/**
 * One unchanged application file on tsgi-threads, the reference server, Express, Deno and Bun.
 *
 * All must give equal responses and pass the conformance kit. Deno and Bun are the npm packages of those names.
 */
import { spawn } from 'node:child_process';
import { existsSync } from 'node:fs';
import { createRequire } from 'node:module';
import path from 'node:path';
import express from 'express';
import { describe, expect, onTestFinished, test } from 'vitest';
import { formatReport } from '../../src/tsgi/conformance/index.ts';
import { toNodeListener } from '../../src/tsgi/node.ts';
import type { Rule } from '../../src/tsgi/rules.ts';
import { simpleServer } from '../../src/tsgi/simple-server.ts';
import type { Application } from '../../src/tsgi/types.ts';
import { check, KIT } from '../support/kit.ts';
import { serveFile } from '../support/server.ts';

const FIXTURES = path.join(import.meta.dirname, 'fixtures');
const APPLICATION = path.join(FIXTURES, 'portable.mjs');

const quiet = { onError() {}, onLine() {} };

async function load(file: string): Promise<Application> {
  return ((await import(file)) as { default: Application }).default;
}

async function onReference(file: string): Promise<string> {
  const server = await simpleServer(await load(file), quiet);
  onTestFinished(() => server.close());
  return server.url;
}

async function onExpress(file: string): Promise<string> {
  const app = express();
  app.use('/mounted', toNodeListener(await load(file), quiet));
  const server = await new Promise<ReturnType<typeof app.listen>>((resolve) => {
    const listening = app.listen(0, '127.0.0.1', () => resolve(listening));
  });
  onTestFinished(() => void server.close());
  return `http://127.0.0.1:${(server.address() as { port: number }).port}/mounted`;
}

/** The folder of an installed package. */
function folderOf(name: string, from: string = import.meta.filename): string {
  return path.dirname(createRequire(from).resolve(`${name}/package.json`));
}

/**
 * A script of the package moves the binary for this machine to `bun.exe`. Without npm's scripts the binary is at its
 * original place.
 */
function bun(): string {
  const folder = folderOf('bun');
  const manifest = path.join(folder, 'package.json');
  const { optionalDependencies } = createRequire(manifest)('./package.json') as {
    optionalDependencies: Record<string, string>;
  };
  for (const name of Object.keys(optionalDependencies)) {
    try {
      const binary = path.join(folderOf(name, manifest), 'bin', 'bun');
      if (existsSync(binary)) return binary;
    } catch {
      // The binary is for another machine.
    }
  }
  return path.join(folder, 'bin', 'bun.exe');
}

/** Serves an application with the runtime's own server for fetch handlers, which prints its URL. */
async function onRuntime(command: string, args: readonly string[], file: string): Promise<string> {
  const fetchHandler = createRequire(import.meta.url).resolve('tsgi-threads/tsgi');
  const program = [path.join(FIXTURES, 'serve-fetch.mjs'), fetchHandler, file];
  const child = spawn(command, [...args, ...program], { stdio: ['ignore', 'pipe', 'pipe'], detached: true });
  onTestFinished(() => void process.kill(-child.pid!, 'SIGTERM'));
  let output = '';
  let errors = '';
  child.stderr.on('data', (bytes) => (errors += bytes));
  for await (const bytes of child.stdout) {
    output += bytes;
    const url = /http:\/\/\S+/.exec(output)?.[0];
    if (url !== undefined) return url;
  }
  throw new Error(`${command} did not serve: ${output}${errors}`);
}

type Serve = (file: string) => Promise<string>;

const onDeno: Serve = (file) =>
  onRuntime(process.execPath, [path.join(folderOf('deno'), 'bin.cjs'), 'run', '-A'], file);
const onBun: Serve = (file) => onRuntime(bun(), ['run'], file);

const SERVERS: Record<string, Serve> = {
  'tsgi-threads': async (file) => `http://127.0.0.1:${(await serveFile(file, 2)).port}`,
  Express: onExpress,
  Deno: onDeno,
  Bun: onBun,
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
  // A runtime may add a type if the application sets none.
  const isTyped = /case=(?:environ|body|read)/.test(target);
  const names = ['x-case', 'x-early', 'x-late', ...(isTyped ? ['content-type'] : [])];
  const given = names.map((name) => headers.get(name));
  // Fields added by the runtime's client and the mount point do not depend on the application.
  const added = /"(?:HTTP_(?!X_ONE|COOKIE)[A-Z_]+|SCRIPT_NAME|REQUEST_URI)":"[^"]*",?/g;
  return { status, own, given, text: text.replaceAll(added, '') };
}

describe.each(Object.entries(SERVERS))('%s', (_, serve) => {
  test('answers like the reference server', async () => {
    const [url, reference] = [await serve(APPLICATION), await onReference(APPLICATION)];
    for (const [target, init] of REQUESTS) {
      expect(await ask(url, target, init), `${init?.method ?? 'GET'} ${target}`).toEqual(
        await ask(reference, target, init),
      );
    }
  });
});

/** Parts that fetch hides or decides, so that no adapter can keep them: docs/reference/tsgi.md, head of "Servers". */
const HIDDEN_BY_FETCH: Rule[] = ['S4', 'S6', 'S8', 'S16', 'S35'];

test.each<[string, Serve, Rule[]]>([
  // Node writes repeated names in the letter case of the first.
  ['Express', onExpress, ['S35']],
  ['Deno', onDeno, HIDDEN_BY_FETCH],
  // Bun removes the length of a streamed response.
  ['Bun', onBun, [...HIDDEN_BY_FETCH, 'S32', 'S33']],
])(
  'the kit finds every rule kept on %s that can be kept there',
  async (_, serve, hidden) => {
    const findings = await check(await serve(KIT));
    const bad = findings.filter(({ rule, result }) => result !== 'kept' && !hidden.includes(rule));
    expect(bad, formatReport(bad)).toEqual([]);
  },
  60_000,
);

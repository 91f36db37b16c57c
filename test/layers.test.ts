/**
 * Who may import whom (ARCHITECTURE.md), and the other rules a tool can keep.
 */
import { readdirSync, readFileSync } from 'node:fs';
import path from 'node:path';
import { describe, expect, test } from 'vitest';

const SRC = path.join(import.meta.dirname, '..', 'src');

/** Room → what it may import besides itself and node's own modules. A file in src/ itself is a room of its own. */
const ROOMS: Record<string, readonly string[]> = {
  application: [
    'compile',
    'errors',
    'logger',
    'options',
    'output',
    'pool',
    'server-api',
    'version',
    'working-directory',
  ],
  caller: [],
  channel: [],
  hooks: ['tsgi'],
  node: ['acceptor', 'errors', 'logger', 'node-server', 'server', 'server-api', 'server-limits'],
  'node-server': [],
  'server-limits': [],
  'create-server': ['caller', 'errors', 'server', 'server-api'],
  index: ['create-server', 'errors', 'hooks', 'logger', 'options', 'server', 'server-api'],
  cli: [
    'compile',
    'error-text',
    'errors',
    'journal',
    'output',
    'listening',
    'options',
    'server',
    'signals',
    'supervisor',
    'version',
    'commander',
  ],
  server: [
    'acceptor',
    'application',
    'debugger',
    'errors',
    'journal',
    'listening',
    'logger',
    'node-server',
    'options',
    'pool',
    'reports',
    'server-api',
    'tsgi',
  ],
  'server-api': ['acceptor', 'journal', 'listening', 'logger', 'options', 'tsgi'],
  debugger: [],
  supervisor: ['debugger', 'journal', 'working-directory'],
  journal: ['ring'],
  'listen-error': ['errors'],
  listening: ['acceptor', 'listen-error', 'node-server', 'options'],
  reports: ['acceptor', 'logger', 'options'],
  pool: ['error-text', 'errors', 'hooks', 'node-server', 'ring', 'server-limits', 'worker', 'piscina'],
  options: ['errors'],
  logger: ['output'],
  output: ['ring'],
  signals: [],
  version: [],
  'working-directory': [],
  errors: [],
  'error-text': [],
  compile: ['errors', 'version', 'esbuild', 'es-module-lexer', 'get-tsconfig', 'import-meta-resolve'],
  tsgi: [],
  http: ['errors'],
  ring: ['errors'],
  acceptor: ['errors', 'http', 'journal', 'ring'],
  worker: [
    'error-text',
    'errors',
    'hooks',
    'http',
    'node-server',
    'output',
    'ring',
    'server-limits',
    'signals',
    'tsgi',
    'srvx/node',
  ],
};
/** Imports that must be types only: the worker's file is named by URL. */
const TYPES_ONLY = new Set([
  'application → logger',
  'application → options',
  'application → pool',
  'application → server-api',
  'pool → worker',
  'listening → acceptor',
  'node → acceptor',
  'server → server-api',
  'server → tsgi',
  'server-api → acceptor',
  'server-api → journal',
  'server-api → listening',
  'server-api → logger',
  'server-api → options',
  'server-api → tsgi',
  'hooks → tsgi',
  'reports → acceptor',
  'acceptor → journal',
]);

const files = readdirSync(SRC, { recursive: true, encoding: 'utf8' })
  .filter((file) => /\.c?ts$/.test(file))
  .map((file) => ({ file, text: readFileSync(path.join(SRC, file), 'utf8') }));

function roomOf(file: string): string {
  return file.split(path.sep)[0]!.replace(/\.ts$/, '');
}

function importsOf(text: string): { target: string; isType: boolean }[] {
  const statements = text.matchAll(/^(?:import|export)\b([^;]*?)\bfrom\s+'([^']+)'|import\('([^']+)'\)/gm);
  return [...statements].map((match) => ({
    target: match[2] ?? match[3]!,
    isType: (match[1] ?? '').startsWith(' type') || /typeof $/.test(text.slice(0, match.index)),
  }));
}

describe.each(files)('src/$file', ({ file, text }) => {
  const room = roomOf(file);

  test('imports only what its room may', () => {
    for (const { target, isType } of importsOf(text)) {
      if (target.startsWith('node:')) continue;
      const to = target.startsWith('.') ? roomOf(path.join(path.dirname(file), target)) : target;
      if (to === room) continue;
      expect(ROOMS[room], `${file} imports ${target}`).toContain(to);
      if (TYPES_ONLY.has(`${room} → ${to}`))
        expect(isType, `${file} imports ${target} as a value`).toBe(true);
    }
  });

  test('keeps to what its room may touch', () => {
    const code = text.replace(/\/\*[\s\S]*?\*\/|\/\/.*/g, '');
    if (room !== 'ring') expect(code).not.toMatch(/\bAtomics\.|new SharedArrayBuffer/);
    if (room !== 'acceptor' && !file.startsWith('tsgi/conformance/') && !file.startsWith('supervisor/'))
      expect(code).not.toMatch(/^import (?!type).*'node:net'/m);
    if (room !== 'cli') expect(code).not.toMatch(/\bprocess\.exit\b|\bconsole\./);
    if (room === 'worker') expect(code).not.toMatch(/http\/parser/);
  });

  test('opens with its law and stays below 400 lines', () => {
    expect(text.replace(/^#!.*\n/, '')).toMatch(/^\/\*\*\n/);
    expect(text.split('\n').length).toBeLessThanOrEqual(401);
  });
});

test('README gives each run-time dependency its reason', () => {
  const read = (name: string) => readFileSync(path.join(SRC, '..', name), 'utf8');
  const { dependencies } = JSON.parse(read('package.json')) as { dependencies: object };
  const section = read('README.md').split('\n## What it is made of\n')[1]!;
  expect([...section.matchAll(/\*\*([\w-]+)\*\* [a-z]+s /g)].map(([, name]) => name).sort()).toEqual(
    // Types are nothing at run time.
    Object.keys(dependencies)
      .filter((name) => !name.startsWith('@types/'))
      .sort(),
  );
});

test('each code of an error is thrown somewhere, and named in a test', () => {
  const tests = readdirSync(import.meta.dirname, { recursive: true, encoding: 'utf8' })
    .filter((file) => file.endsWith('.test.ts') && file !== 'layers.test.ts')
    .map((file) => readFileSync(path.join(import.meta.dirname, file), 'utf8'));
  const table = files.find(({ file }) => file === 'errors.ts')!.text;
  for (const [, code] of table.matchAll(/^ {2}(TSGI_ERR_\w+):/gm)) {
    const quoted = `'${code}'`;
    const thrown = files.some(({ file, text }) => file !== 'errors.ts' && text.includes(quoted));
    expect([code, thrown, tests.some((text) => text.includes(quoted))]).toEqual([code, true, true]);
  }
});

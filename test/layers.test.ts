/**
 * The permitted imports (docs/internals/architecture.md), and the other rules that a tool can check.
 */
import { readdirSync, readFileSync } from 'node:fs';
import path from 'node:path';
import { describe, expect, test } from 'vitest';
import { FOLDERS, ROOMS } from '../scripts/rooms.js';

const SRC = path.join(import.meta.dirname, '..', 'src');

interface Room {
  readonly imports: readonly string[];
  readonly typesOnly?: readonly string[];
}

const files = readdirSync(SRC, { recursive: true, encoding: 'utf8' })
  .filter((file) => /\.c?ts$/.test(file))
  .map((file) => ({ file, text: readFileSync(path.join(SRC, file), 'utf8') }));

function roomOf(file: string): string {
  return file.split(path.sep)[0]!.replace(/\.ts$/, '');
}

/** The folder in a room, or the file itself if it is in no folder. */
function folderOf(file: string): string {
  return file.split(path.sep)[1]!;
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

  test('imports only what its room may import', () => {
    for (const { target, isType } of importsOf(text)) {
      if (target.startsWith('node:')) continue;
      const to = target.startsWith('.') ? roomOf(path.join(path.dirname(file), target)) : target;
      if (to === room) continue;
      const { imports, typesOnly = [] } = (ROOMS as Record<string, Room>)[room]!;
      expect(isType ? [...imports, ...typesOnly] : imports, `${file} imports ${target}`).toContain(to);
    }
  });

  test('imports values only from lower folders', () => {
    const order = ((FOLDERS as Record<string, string[][]>)[room] ?? []).map(([name]) => name);
    const floor = order.indexOf(folderOf(file));
    for (const { target, isType } of importsOf(text)) {
      const to = path.join(path.dirname(file), target);
      if (isType || floor < 0 || !target.startsWith('.') || roomOf(to) !== room) continue;
      const toFloor = order.indexOf(folderOf(to));
      expect(toFloor >= 0 && toFloor <= floor, `${file} imports ${target}`).toBe(true);
    }
  });

  test('uses only what its room may use', () => {
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

test('no two files export the same name', () => {
  // `tsgi-threads/node` exports the names of `node:http`.
  const exported = files
    .filter(({ file }) => !file.startsWith('node-http'))
    .flatMap(({ text }) => {
      const matches = text.matchAll(
        /^export (?:abstract |async )*(?:class|interface|type|function|const) (\w+)/gm,
      );
      // An overloaded function has several declarations.
      return [...new Set([...matches].map(([, name]) => name))];
    });
  expect(exported.filter((name, at) => exported.indexOf(name) !== at)).toEqual([]);
});

test('README gives each run-time dependency its reason', () => {
  const read = (name: string) => readFileSync(path.join(SRC, '..', name), 'utf8');
  const { dependencies } = JSON.parse(read('package.json')) as { dependencies: object };
  const section = read('README.md').split('\n## What it is made of\n')[1]!;
  expect([...section.matchAll(/\*\*([\w-]+)\*\* [a-z]+s /g)].map(([, name]) => name).sort()).toEqual(
    // Types do not exist at run time.
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

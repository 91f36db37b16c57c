/**
 * Decorators with metadata that only tsc can write: the server warns once and starts.
 */
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { expect, onTestFinished, test } from 'vitest';
import { serveFile } from '../support/server.ts';

const CLASS = `
  const seen: string[] = [];
  const note = (target: Function) => void seen.push(target.name);
  @note class Service {}
  export const fetch = () => new Response(seen.join());`;
const PLAIN = `/* __decorateClass( is not called */ export const fetch = () => new Response('plain');`;
const FLAGS = '"experimentalDecorators": true, "emitDecoratorMetadata": true';

async function logOf(files: Record<string, string>): Promise<{ answer: string; log: string[] }> {
  const root = mkdtempSync(path.join(tmpdir(), 'tsgi-metadata-'));
  onTestFinished(() => rmSync(root, { recursive: true, force: true }));
  for (const [name, text] of Object.entries(files)) writeFileSync(path.join(root, name), text);
  const { log, port } = await serveFile(path.join(root, 'app.mts'), 1, { interface: 'fetch' });
  const answer = await fetch(`http://127.0.0.1:${port}/`);
  return { answer: await answer.text(), log };
}

const WARNING =
  /app\.mts has decorators .* \(emitDecoratorMetadata\), which only tsc can write\. .* compile with tsc/;

test.each([
  ['in its tsconfig.json', { 'tsconfig.json': `{ "compilerOptions": { ${FLAGS} } }` }],
  [
    'in one that it extends, among comments',
    {
      'tsconfig.json': '{ "extends": "./base.json", /* no more */ }',
      'base.json': `{ "compilerOptions": { // flags\n ${FLAGS}, } }`,
    },
  ],
])('a decorated class with metadata enabled %s causes one warning', async (_, files) => {
  const { answer, log } = await logOf({ ...files, 'app.mts': CLASS });
  expect(answer).toBe('Service');
  expect(log.filter((line) => WARNING.test(line))).toHaveLength(1);
  expect(log.join('\n')).not.toMatch(/\n.*\n/);
});

test.each([
  [
    'decorators without metadata',
    CLASS,
    { 'tsconfig.json': '{ "compilerOptions": { "experimentalDecorators": true } }' },
  ],
  ['a project without tsconfig.json', CLASS, {}],
  ['enabled metadata without decorators', PLAIN, { 'tsconfig.json': `{ "compilerOptions": { ${FLAGS} } }` }],
])('%s: no warning', async (_, source, files) => {
  const { log } = await logOf({ ...files, 'app.mts': source });
  expect(log.filter((line) => line.includes('decorator'))).toEqual([]);
});

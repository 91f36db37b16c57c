/**
 * The program on a version of Node that is too old.
 */
import { readFileSync } from 'node:fs';
import path from 'node:path';
import { expect, test } from 'vitest';
import { Cli } from '../support/cli.ts';

const ROOT = path.join(import.meta.dirname, '..', '..');
const read = (name: string): string => readFileSync(path.join(ROOT, name), 'utf8');

/** As in that version, no other file of the package can be loaded. */
function versioned(version: string): Cli {
  const preload = `data:text/javascript,Object.defineProperty(process.versions,'node',{value:'${version}'})`;
  return new Cli(['--version'], { node: ['--import', preload] });
}

test.each(['18.20.8', '20.18.3', '16.0.0'])(
  'Node %s causes one line with the needed version (C26)',
  async (version) => {
    const { code, stdout, stderr } = await versioned(version).finished();
    expect([code, stdout, stderr]).toEqual([
      1,
      '',
      `tsgi-threads: needs Node.js 20.19 or later, and this is Node.js ${version}. Install a newer Node.js.\n`,
    ]);
  },
);

test.each(['20.19.0', '22.0.0', '30.1.0'])('Node %s starts', async (version) => {
  expect((await versioned(version).finished()).code).toBe(0);
});

test('the program checks the version before it loads any other file (C26)', () => {
  const code = read('dist/cli/main.js').replace(/\/\*[\s\S]*?\*\//g, '');
  expect(code).not.toMatch(/^\s*(?:import\s*[\w{*'"]|export\s+.*\bfrom\b)/m);
  const { engines } = JSON.parse(read('package.json')) as { engines: { node: string } };
  expect(engines.node).toBe(`>=${/OLDEST = \[(\d+), (\d+)\]/.exec(code)!.slice(1, 3).join('.')}`);
});

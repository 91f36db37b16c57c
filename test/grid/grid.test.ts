/**
 * The rows of the grid that need only development dependencies. `npm run grid` runs all rows.
 */
import { spawnSync } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { expect, test } from 'vitest';
import { CELLS } from '../../lab/grid/cells.js';
import { compareCell } from '../../lab/grid/compare.js';

function manifest(name: string): {
  dependencies: Record<string, string>;
  devDependencies: Record<string, string>;
} {
  return JSON.parse(readFileSync(new URL(name, import.meta.url), 'utf8'));
}

test.each(CELLS.filter(({ quick }) => quick))(
  '$name answers as on node:http, in each form of start',
  { timeout: 60_000 },
  async (cell) => {
    const results = await compareCell(cell);
    expect(results.map(({ form }) => form)).toEqual(cell.forms.map(({ form }: { form: string }) => form));
    expect(results.filter(({ problems }) => problems.length > 0)).toEqual([]);
  },
);

test('packages of both the tests and the grid have one version', () => {
  const [ours, theirs] = [manifest('../../package.json'), manifest('package.json')];
  const needed = new Set(CELLS.filter(({ quick }) => quick).flatMap(({ packages }) => packages));
  for (const name of needed)
    expect([name, ours.devDependencies[name]]).toEqual([name, theirs.dependencies[name]]);
});

test('an unknown row causes an error that lists the rows', () => {
  const script = fileURLToPath(new URL('../../lab/grid.js', import.meta.url));
  const { status, stderr } = spawnSync(process.execPath, [script, '--only', 'Hono,Expr3s'], {
    encoding: 'utf8',
  });
  expect([status, stderr]).toEqual([
    2,
    expect.stringMatching(/^Unknown row Expr3s\. Choose from node:http, Express 5, /),
  ]);
});

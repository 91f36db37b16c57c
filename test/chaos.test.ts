/**
 * The error of `npm run chaos` for a wrong argument. Its scenarios in short are steps of `npm run check`.
 */
import { spawnSync } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import { expect, test } from 'vitest';

const SCRIPT = fileURLToPath(new URL('../lab/chaos.js', import.meta.url));

test('an unknown scenario causes an error that lists the scenarios', () => {
  const { status, stderr } = spawnSync(process.execPath, [SCRIPT, '--only', 'kils'], { encoding: 'utf8' });
  expect([status, stderr]).toEqual([
    2,
    'Unknown scenario kils. Choose from rings, kills, reloads, aborts, soak\n',
  ]);
});

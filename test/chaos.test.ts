/**
 * The short version of `npm run chaos`: real servers, real kills, every answer checked.
 */
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { fileURLToPath } from 'node:url';
import { expect, test } from 'vitest';

const SCRIPT = fileURLToPath(new URL('../scripts/chaos.js', import.meta.url));

test.each(['kills', 'reloads', 'aborts', 'soak'])(
  '%s: no request is lost, swapped, run twice or leaked',
  { timeout: 120_000 },
  async (name) => {
    const child = spawn(process.execPath, ['--expose-gc', SCRIPT, '--short', '--only', name], {
      stdio: ['ignore', 'pipe', 'inherit'],
    });
    let out = '';
    child.stdout.setEncoding('utf8').on('data', (text: string) => (out += text));
    await once(child, 'close');
    expect(out).toMatch(new RegExp(`^ok +${name}: `));
    expect(child.exitCode).toBe(0);
  },
);

test('an unknown scenario is told, with those that there are', async () => {
  const child = spawn(process.execPath, [SCRIPT, '--only', 'kils'], { stdio: ['ignore', 'ignore', 'pipe'] });
  let error = '';
  child.stderr.setEncoding('utf8').on('data', (text: string) => (error += text));
  await once(child, 'close');
  expect([child.exitCode, error]).toEqual([
    2,
    'Unknown scenario kils: choose from rings, kills, reloads, aborts, soak\n',
  ]);
});

/**
 * The short version of `npm run sockets`: a thousand open sockets, and a reload in the middle.
 */
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { fileURLToPath } from 'node:url';
import { expect, test } from 'vitest';

const SCRIPT = fileURLToPath(new URL('../../scripts/sockets.js', import.meta.url));

test('a thousand open sockets lose no message, through a reload', { timeout: 120_000 }, async () => {
  const child = spawn(process.execPath, [SCRIPT, '--short'], { stdio: ['ignore', 'pipe', 'inherit'] });
  let out = '';
  child.stdout.setEncoding('utf8').on('data', (text: string) => (out += text));
  await once(child, 'close');
  expect(out).toMatch(/^ok +sockets: 1000 open on 2 workers .* 0 lost\n/);
  expect(child.exitCode).toBe(0);
});

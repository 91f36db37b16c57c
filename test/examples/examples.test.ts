/**
 * Every example, by its one command.
 */
import { createHash } from 'node:crypto';
import { fileURLToPath } from 'node:url';
import { expect, test } from 'vitest';
import { Cli } from '../support/cli.ts';

async function start(example: string, ...args: string[]): Promise<{ cli: Cli; url: string }> {
  const app = fileURLToPath(new URL(`../../examples/${example}/app.ts`, import.meta.url));
  const cli = new Cli([app, '--port', '0', '--threads', '2', ...args]);
  return { cli, url: await cli.url() };
}

test('hello says hello', async () => {
  const { url, cli } = await start('hello');
  expect(await (await fetch(url)).text()).toBe('Hello, World!\n');
  expect(cli.stdout).toMatch(
    /^tsgi-threads \d+\.\d+\.\d+ listening on http:\S+ with 2 workers, ready in \d+ ms \(app\.ts as tsgi: .*\)\n$/,
  );
});

test('cpu hashes a password, and says what it wants otherwise', async () => {
  const { url } = await start('cpu');
  const answer = await fetch(url, { method: 'POST', body: 'secret' });
  expect(await answer.json()).toMatchObject({ hash: expect.stringMatching(/^[0-9a-f]{64}$/) });
  expect((await fetch(url)).status).toBe(405);
});

test('stream sends each event before the next is made', async () => {
  const { url } = await start('stream');
  const answer = await fetch(url);
  expect(answer.headers.get('content-type')).toBe('text/event-stream');
  const reader = answer.body!.getReader();
  const first = new TextDecoder().decode((await reader.read()).value);
  expect(first).toBe('event: tick\ndata: 1\n\n');
  await reader.cancel();
});

test('upload answers size and SHA-256 of what it read', async () => {
  const { url } = await start('upload');
  const body = Buffer.alloc(3_000_000, 'tsgi');
  const answer = await fetch(url, { method: 'POST', body });
  expect(await answer.json()).toEqual({
    bytes: body.length,
    sha256: createHash('sha256').update(body).digest('hex'),
  });
});

test('middleware adds its field and logs its line', async () => {
  const { url, cli } = await start('middleware');
  const answer = await fetch(`${url}/path`);
  expect(answer.headers.get('server-timing')).toMatch(/^app;dur=/);
  expect(await answer.text()).toBe('Hello from /path\n');
  cli.child.kill('SIGTERM');
  expect((await cli.finished()).stderr).toMatch(/GET \/path 200 [\d.]+ ms/);
});

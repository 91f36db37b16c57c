/**
 * The examples without npm packages, each run with its one command.
 *
 * `npm run examples -- --check` installs the packages of the others and checks them.
 */
import { createHash } from 'node:crypto';
import { fileURLToPath } from 'node:url';
import { expect, test } from 'vitest';
import { Cli } from '../support/cli.ts';

async function start(example: string, file = 'app.ts'): Promise<{ cli: Cli; url: string }> {
  const app = fileURLToPath(new URL(`../../examples/${example}/${file}`, import.meta.url));
  const cli = new Cli([app, '--port', '0', '--threads', '2']);
  return { cli, url: await cli.url() };
}

test('hello sends its greeting', async () => {
  const { url, cli } = await start('hello');
  expect(await (await fetch(url)).text()).toBe('Hello, World!\n');
  expect(cli.stdout).toMatch(
    /^tsgi-threads \d+\.\d+\.\d+ listening on http:\S+ with 2 workers, ready in \d+ ms \(app\.ts as tsgi: .*\)\n$/,
  );
});

test('password accepts the right password, and otherwise answers with the required fields', async () => {
  const { url } = await start('cpu/password', 'app.js');
  const login = (body: string) => fetch(`${url}/login`, { method: 'POST', body });
  const [right, wrong] = [await login('correct horse'), await login('incorrect horse')];
  expect([right.status, await right.text()]).toEqual([200, 'Welcome\n']);
  expect([wrong.status, await wrong.text()]).toEqual([401, 'Wrong password\n']);
  expect((await fetch(`${url}/login`)).status).toBe(405);
  expect(await (await fetch(`${url}/health`)).text()).toBe('ok\n');
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

test('upload answers with size and SHA-256 of the body', async () => {
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

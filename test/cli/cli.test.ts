/**
 * The command line from a user's view: its output and its exit codes.
 */

import { once } from 'node:events';
import { writeFileSync } from 'node:fs';
import path from 'node:path';
import { describe, expect, test } from 'vitest';
import { Cli } from '../support/cli.ts';
import { Client } from '../support/client.ts';
import { appFile } from '../support/server.ts';

const HELLO = `export default (environ, startResponse) => { startResponse(200, []); return 'hello'; };`;

describe('a running server', () => {
  test('--help and --version print and end with 0', async () => {
    const help = await new Cli(['--help']).finished();
    for (const flag of [
      '--port',
      '--host',
      '--threads',
      '--concurrency',
      '--max-body-size',
      '--handler-timeout',
    ]) {
      expect(help.stdout).toContain(flag);
    }
    expect(help.stdout.split('\n').filter((line) => line.length > 80)).toEqual([]);
    expect(help.code).toBe(0);
    expect((await new Cli(['--version']).finished()).stdout).toMatch(/^\d+\.\d+\.\d+\n$/);
  });

  test('app.ts:name, app.ts:name() and createApp choose the export', async () => {
    const app = appFile(`
      export const other = (environ, startResponse) => { startResponse(200, []); return 'other'; };
      export const make = async () => other;
      export const createApp = make;
    `);
    for (const spec of [`${app}:other`, `${app}:make()`, app]) {
      const url = await new Cli([spec, '--port', '0', '--threads', '1']).url();
      expect(await (await fetch(url)).text()).toBe('other');
    }
  });

  test('--threads 0 runs the application in the main thread', async () => {
    const app = appFile(`
      import { isMainThread } from 'node:worker_threads';
      export default (environ, startResponse) => { startResponse(200, []); return String(isMainThread); };
    `);
    const cli = new Cli([app, '--port', '0', '--threads', '0']);
    expect(await (await fetch(await cli.url())).text()).toBe('true');
    expect(cli.stdout).toContain('with the main thread');
    cli.child.kill('SIGTERM');
    expect((await cli.finished()).code).toBe(0);
  });

  test.each([
    ['--validate', ['--validate'], {}],
    ['TSGI_VALIDATE=1', [], { TSGI_VALIDATE: '1' }],
  ])('%s answers a broken rule with 500 and names it', async (_, flags, env) => {
    const app = appFile(`export default (environ, startResponse) => {
      const headers = [];
      startResponse(200, headers);
      headers.push(['x-late', 'yes']);
      return 'hello';
    };`);
    const cli = new Cli([app, '--port', '0', '--threads', '1', ...flags], { env });
    expect((await fetch(`${await cli.url()}/path`)).status).toBe(500);
    while (!cli.stderr.includes('rule A15')) await once(cli.child.stderr!, 'data');
    expect(cli.stderr).toContain('GET /path failed');
    expect(cli.stderr).toContain('Headers must not be changed after startResponse');
  });

  test('a boolean variable that is neither true nor false causes an error', async () => {
    const cli = new Cli([appFile(HELLO)], { env: { TSGI_VALIDATE: 'maybe' } });
    const { code, stderr } = await cli.finished();
    expect(stderr).toBe(
      'tsgi-threads: Option validate (TSGI_VALIDATE) is invalid: "maybe"; it takes true or false\n',
    );
    expect(code).toBe(2);
  });

  test('PORT in the environment opens the host, and a variable sets an option', async () => {
    const cli = new Cli([path.relative(process.cwd(), appFile(HELLO))], {
      env: { PORT: '0', TSGI_THREADS: '1' },
    });
    expect(await cli.url()).toMatch(/^http:\/\/0\.0\.0\.0:\d+$/);
    expect(cli.stdout).toContain('with 1 worker,');
  });

  test('arguments after -- are not for the server', async () => {
    const cli = new Cli([appFile(HELLO), '--port', '0', '--threads', '1', '--', '--port', '70000', 'x']);
    expect(await (await fetch(await cli.url())).text()).toBe('hello');
  });

  test.each([
    [undefined, /\(app\.mjs as tsgi: .*\), NODE_ENV is not set\n$/],
    ['', /\(app\.mjs as tsgi: .*\), NODE_ENV is not set\n$/],
    ['production', /\(app\.mjs as tsgi: .*\)\n$/],
  ])('the ready line with NODE_ENV %j, which stays unchanged', async (NODE_ENV, line) => {
    const app = appFile(
      `export default (environ, startResponse) => { startResponse(200, []); return String(process.env.NODE_ENV); };`,
    );
    const cli = new Cli([app, '--port', '0', '--threads', '1'], { env: { NODE_ENV } });
    expect(await (await fetch(await cli.url())).text()).toBe(String(NODE_ENV));
    expect(cli.stdout).toMatch(line);
  });

  test('SIGHUP reloads the application, and keeps the old one if the new one does not load', async () => {
    const app = appFile(HELLO);
    const cli = new Cli([app, '--port', '0', '--threads', '1']);
    const url = await cli.url();
    const said = async (text: string) => {
      while (!cli.stderr.includes(text)) await once(cli.child.stderr!, 'data');
    };
    writeFileSync(app, 'export default (');
    cli.child.kill('SIGHUP');
    await said('tsgi-threads: not reloaded, the old code stays in use: Cannot compile the application');
    expect(await (await fetch(url)).text()).toBe('hello');
    writeFileSync(app, HELLO.replace("'hello'", "'anew'"));
    cli.child.kill('SIGHUP');
    await said('tsgi-threads: reloaded in');
    expect(await (await fetch(url)).text()).toBe('anew');
    cli.child.kill('SIGTERM');
    expect((await cli.finished()).code).toBe(0);
  });

  test('SIGTERM answers requests in flight, logs a line, closes and exits with 0', async () => {
    const app = appFile(`export default async (environ, startResponse) => {
      environ['tsgi.errors'].write('begun\\n');
      await new Promise((resolve) => setTimeout(resolve, 300));
      startResponse(200, []);
      return 'finished';
    };`);
    const cli = new Cli([app, '--port', '0', '--threads', '1']);
    const client = await Client.connect(Number(new URL(await cli.url()).port));
    const idle = await Client.connect(Number(new URL(await cli.url()).port));
    await client.write('GET / HTTP/1.1\r\nHost: a\r\n\r\n');
    await client.until(() => cli.stderr.includes('begun'));
    cli.child.kill('SIGTERM');
    expect(await client.answer()).toMatchObject({ body: 'finished', headers: { connection: 'close' } });
    await idle.until(() => false);
    expect((await cli.finished()).code).toBe(0);
  });

  test('a signal more than a second after the first ends the server at once', async () => {
    const app = appFile(`export default (environ, startResponse) => { for (;;); };`);
    const cli = new Cli([app, '--port', '0', '--threads', '1']);
    const client = await Client.connect(Number(new URL(await cli.url()).port));
    await client.write('GET / HTTP/1.1\r\nHost: a\r\n\r\n');
    cli.child.kill('SIGINT');
    await client.until(() => cli.stderr.includes('again to end now'));
    // Signals within the first second count as one.
    const again = setInterval(() => cli.child.kill('SIGINT'), 100);
    expect((await cli.finished()).code).toBe(130);
    clearInterval(again);
  });
});

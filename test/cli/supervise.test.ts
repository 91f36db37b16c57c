/**
 * The command line under its supervisor: the serving process may die, and the address stays open.
 */
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { readdirSync, rmSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { setTimeout as wait } from 'node:timers/promises';
import { describe, expect, test } from 'vitest';
import { Cli } from '../support/cli.ts';
import { Client } from '../support/client.ts';
import { appFile } from '../support/server.ts';
import { until } from '../support/until.ts';

const app = () =>
  appFile(`
  import { execFileSync } from 'node:child_process';
  export default async (environ, startResponse) => {
    const path = environ.PATH_INFO;
    if (path === '/abort') process.kill(process.pid, 'SIGABRT');
    if (path === '/native') execFileSync('sleep', ['3']);
    if (path.startsWith('/wait')) console.error('has it');
    if (path.startsWith('/wait')) await new Promise((resolve) => setTimeout(resolve, path === '/wait' ? 300 : 60_000));
    startResponse(200, []);
    return String(process.pid);
  };
`);
const ARGS = ['--port', '0', '--threads', '1'];

async function start(
  ...args: string[]
): Promise<{ cli: Cli; url: string; port: number; pid: () => Promise<number> }> {
  const cli = new Cli([app(), ...ARGS, ...args]);
  const url = await cli.url();
  return {
    cli,
    url,
    port: Number(new URL(url).port),
    // Uses a new connection, because a kept one dies with its process.
    pid: async () => Number(await (await fetch(url, { headers: { connection: 'close' } })).text()),
  };
}

const runs = (pid: number) => {
  try {
    return process.kill(pid, 0);
  } catch {
    return false;
  }
};
const ended = async (pid: number) => {
  await until(() => !runs(pid));
};
const get = (path: string) => `GET ${path} HTTP/1.1\r\nHost: a\r\n\r\n`;

describe('the death of the serving process', () => {
  test('refuses no connection, starts another process, and logs the lost requests', async () => {
    const { cli, port, pid } = await start();
    const first = await pid();
    expect(first).not.toBe(cli.child.pid);
    const lost = await Client.connect(port);
    await lost.write(get('/wait/for-ever?a=1'));
    const answered = await Client.connect(port);
    await answered.write(get('/wait'));
    expect((await answered.answer())?.status).toBe(200);
    const abort = await Client.connect(port);
    await abort.write(get('/abort'));
    expect(await abort.answer()).toBeUndefined();
    const before = performance.now();
    const waiting = await Promise.all(Array.from({ length: 20 }, () => pid()));
    // The back-off and the start of the process. The rest is for a busy machine.
    expect(performance.now() - before).toBeLessThan(3000);
    expect(new Set(waiting).size).toBe(1);
    expect(waiting[0]).not.toBe(first);
    while (!cli.stderr.includes('serves again')) await once(cli.child.stderr!, 'data');
    expect(cli.stderr.replaceAll('has it\n', '')).toMatch(
      /^tsgi-threads: The server process \d+ died by SIGABRT and is started again; 2 requests were lost:\n {4}\w+-\w+ GET \/wait\/for-ever\?a=1\n {4}\w+-\w+ GET \/abort\ntsgi-threads: The server serves again after \d+ ms\n$/,
    );
  });

  test('in a loop restarts it each time, and a signal to end works meanwhile', async () => {
    const mark = `${appFile('')}.broken`;
    const broken = appFile(`
      import { existsSync } from 'node:fs';
      if (existsSync(${JSON.stringify(mark)})) process.kill(process.pid, 'SIGKILL');
      export default (environ, startResponse) => { startResponse(200, []); return String(process.pid); };
    `);
    const cli = new Cli([broken, ...ARGS]);
    const url = await cli.url();
    writeFileSync(mark, '');
    process.kill(Number(await (await fetch(url)).text()), 'SIGKILL');
    while ((cli.stderr.match(/died by SIGKILL/g) ?? []).length < 4) await once(cli.child.stderr!, 'data');
    rmSync(mark);
    expect(await (await fetch(url)).text()).toMatch(/^\d+$/);
    writeFileSync(mark, '');
    process.kill(Number(await (await fetch(url)).text()), 'SIGKILL');
    while ((cli.stderr.match(/died by SIGKILL/g) ?? []).length < 6) await once(cli.child.stderr!, 'data');
    cli.child.kill('SIGTERM');
    expect((await cli.finished()).code).toBeTypeOf('number');
  });

  test('at the first start gives its code and its line, without a second try', async () => {
    const { code, stderr } = await new Cli([appFile('throw new Error("no database")'), ...ARGS]).finished();
    expect([code, stderr.match(/no database/g)?.length]).toEqual([1, 1]);
    const usage = await new Cli([app(), '--threads', 'many']).finished();
    expect([usage.code, usage.stderr.split('\n').length]).toEqual([2, 2]);
  });
});

describe('signals', () => {
  test.each(['SIGTERM', 'SIGINT'] as const)(
    '%s answers requests in flight and ends with 0',
    async (signal) => {
      const { cli, port, pid } = await start();
      const child = await pid();
      const client = await Client.connect(port);
      await client.write(get('/wait'));
      await cli.says('has it');
      cli.child.kill(signal);
      expect(await client.answer()).toMatchObject({ status: 200, headers: { connection: 'close' } });
      expect((await cli.finished()).code).toBe(0);
      expect(runs(child)).toBe(false);
      await expect(Client.connect(port)).rejects.toThrow('ECONNREFUSED');
    },
  );

  test('Ctrl-C in a terminal reaches both processes and counts once; the second ends the server at once', async () => {
    const cli = new Cli([app(), ...ARGS], { detached: true });
    const port = Number(new URL(await cli.url()).port);
    const client = await Client.connect(port);
    await client.write(get('/wait/for-ever'));
    const short = await Client.connect(port);
    await short.write(get('/wait'));
    await until(() => cli.stderr.match(/has it/g)?.length === 2);
    process.kill(-cli.child.pid!, 'SIGINT');
    expect((await short.answer())?.status).toBe(200);
    expect(cli.child.exitCode).toBeNull();
    // Within the first second a second signal counts as the same one.
    await wait(1000);
    process.kill(-cli.child.pid!, 'SIGINT');
    expect((await cli.finished()).code).toBe(130);
    expect(cli.stderr.match(/Send it again to end now/g)).toHaveLength(1);
  });

  test('a SIGTERM to both processes, as a service manager sends it, counts once', async () => {
    const cli = new Cli([app(), ...ARGS], { detached: true });
    const port = Number(new URL(await cli.url()).port);
    const client = await Client.connect(port);
    await client.write(get('/wait'));
    await cli.says('has it');
    process.kill(-cli.child.pid!, 'SIGTERM');
    expect((await client.answer())?.status).toBe(200);
    expect((await cli.finished()).code).toBe(0);
  });

  test.each(['--supervise', '--no-supervise'])(
    'SIGTERM while the application loads ends with 0: %s',
    async (flag) => {
      const slow = appFile(`
        console.error('loads');
        await new Promise((resolve) => setTimeout(resolve, 500));
        export default (environ, startResponse) => '';
      `);
      const cli = new Cli([slow, ...ARGS, flag]);
      while (!cli.stderr.includes('loads')) await once(cli.child.stderr!, 'data');
      cli.child.kill('SIGTERM');
      const { code, stdout } = await cli.finished();
      expect([code, stdout]).toEqual([0, '']);
    },
  );

  test('SIGTERM to only the serving process closes it, and another is started', async () => {
    const { cli, pid } = await start();
    const first = await pid();
    process.kill(first, 'SIGTERM');
    await ended(first);
    expect(await pid()).not.toBe(first);
    expect(cli.stderr).toContain('exited with code 0 and is started again; no request was lost');
  });

  test('SIGHUP reloads the application', async () => {
    const { cli, pid } = await start();
    const first = await pid();
    cli.child.kill('SIGHUP');
    while (!/reloaded in \d+ ms/.test(cli.stderr)) await once(cli.child.stderr!, 'data');
    expect(await pid()).toBe(first);
  });

  test('SIGQUIT ends both at once', async () => {
    const { cli, port, pid } = await start();
    const child = await pid();
    const client = await Client.connect(port);
    await client.write(get('/wait/for-ever'));
    cli.child.kill('SIGQUIT');
    expect((await cli.finished()).code).toBe(131);
    await ended(child);
  });

  test('a thread in a native call does not delay the exit, and the code is 0', async () => {
    const { cli, port } = await start('--handler-timeout', '100ms', '--kill-grace', '50ms');
    const client = await Client.connect(port);
    await client.write(get('/native'));
    expect((await client.answer())?.status).toBe(504);
    client.close();
    const before = performance.now();
    cli.child.kill('SIGTERM');
    expect((await cli.finished()).code).toBe(0);
    expect(performance.now() - before).toBeLessThan(2500);
  });
});

test('a full heap costs the request that filled it, and the log gives the reason', async () => {
  const file = appFile(`
    const kept = [];
    export default (environ, startResponse) => {
      if (environ.PATH_INFO === '/grow') for (;;) kept.push(new Array(10_000).fill(kept.length));
      startResponse(200, []);
      return String(process.pid);
    };
  `);
  const cli = new Cli([file, ...ARGS], { env: { NODE_OPTIONS: '--max-old-space-size=150' } });
  const url = await cli.url();
  const pid = await (await fetch(url)).text();
  expect((await fetch(`${url}/grow`)).status).toBe(502);
  expect(await (await fetch(url)).text()).toBe(pid);
  expect(cli.stderr).toMatch(/Worker 1 exited with code 1 \(.*heap out of memory\): a replacement starts/);
});

test('a dead parent makes the serving process answer requests in flight and end', async () => {
  const { cli, port, pid } = await start();
  const child = await pid();
  const client = await Client.connect(port);
  await client.write(get('/wait'));
  await cli.says('has it');
  cli.child.kill('SIGKILL');
  expect((await client.answer())?.status).toBe(200);
  await ended(child);
  await expect(Client.connect(port)).rejects.toThrow('ECONNREFUSED');
});

test('too many threads that cannot be ended cause a replacement of the process, and no connection is refused', async () => {
  const limits = ['--handler-timeout', '100ms', '--kill-grace', '50ms', '--max-zombies', '0'];
  const { cli, url, pid } = await start(...limits);
  const first = await pid();
  expect((await fetch(`${url}/native`)).status).toBe(504);
  let now = first;
  while (now === first) now = await pid();
  await ended(first);
  expect(await pid()).toBe(now);
  expect(cli.stderr).toMatch(/The server process is replaced: 1 threads were killed and have not ended/);
});

test.each([
  [['--no-supervise'], {}],
  [[], { TSGI_SUPERVISE: 'false' }],
  [['--threads', '0'], {}],
])('%j %j: one process', async (args, env) => {
  const cli = new Cli([app(), ...ARGS, ...args], { env });
  expect(await (await fetch(await cli.url())).text()).toBe(String(cli.child.pid));
});

test('options of node are passed on, and no file is left behind, not even after SIGKILL', async () => {
  const file = appFile(
    `export default (environ, startResponse) => { startResponse(200, []); return process.title + process.env.TSGI_SUPERVISED; };`,
  );
  const folder = path.dirname(appFile(''));
  const script = new URL('../../dist/cli/main.js', import.meta.url).pathname;
  const child = spawn(process.execPath, ['--title=passed-on', script, file, ...ARGS], {
    stdio: ['ignore', 'pipe', 'inherit'],
    env: { ...process.env, TMPDIR: folder },
  });
  const [line] = (await once(child.stdout.setEncoding('utf8'), 'data')) as [string];
  expect(await (await fetch(/http:\/\/\S+/.exec(line)![0])).text()).toBe('passed-onundefined');
  child.kill('SIGKILL');
  await once(child, 'exit');
  expect(readdirSync(folder)).toEqual(['app.mjs']);
});

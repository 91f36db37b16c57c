/**
 * Signals that end the server, also twice or while the application loads, and signals that the server does not use.
 */
import { existsSync } from 'node:fs';
import { setTimeout as wait } from 'node:timers/promises';
import { createServer } from 'tsgi-threads';
import { describe, expect, test } from 'vitest';
import { Cli } from '../support/cli.ts';
import { Client } from '../support/client.ts';
import { appFile } from '../support/server.ts';
import { until } from '../support/until.ts';

const FLAGS = ['--supervise', '--no-supervise'] as const;
const SLOW = `
  export default async (environ, startResponse) => {
    console.error('has ' + environ.PATH_INFO);
    await new Promise((resolve) => setTimeout(resolve, Number(environ.QUERY_STRING)));
    startResponse(200, []);
    return String(process.pid);
  };
`;
const get = (path: string) => `GET ${path} HTTP/1.1\r\nHost: a\r\n\r\n`;

describe.each(FLAGS)('signals that end the server, %s', (flag) => {
  const start = async () => {
    const cli = new Cli([appFile(SLOW), '--port', '0', '--threads', '1', flag]);
    const client = await Client.connect(Number(new URL(await cli.url()).port));
    return { cli, client };
  };

  test.each([
    ['SIGTERM', 'SIGTERM'],
    ['SIGINT', 'SIGTERM'],
    ['SIGTERM', 'SIGINT'],
    ['SIGINT', 'SIGINT'],
  ] as const)('%s and %s within a second are one (C18)', async (one, two) => {
    const { cli, client } = await start();
    await client.write(get('/a?1500'));
    await cli.says('has /a');
    cli.child.kill(one);
    await cli.says('received');
    cli.child.kill(two);
    expect((await client.answer())?.status).toBe(200);
    expect((await cli.finished()).code).toBe(0);
    expect(cli.stderr.match(/received/g)).toHaveLength(1);
  });

  test('a second signal after a second ends the server at once (C18)', async () => {
    const { cli, client } = await start();
    await client.write(get('/a?60000'));
    await cli.says('has /a');
    cli.child.kill('SIGTERM');
    await cli.says('received');
    // Within the first second a second signal counts as the same one.
    await wait(1050);
    cli.child.kill('SIGTERM');
    expect((await cli.finished()).code).toBe(143);
    expect(await client.answer()).toBeUndefined();
  });
});

/** Prints from within the native call. */
const NATIVE = ['-c', 'echo loads >&2; exec sleep 20 >/dev/null 2>&1'];

describe.each(FLAGS)('SIGTERM during the start, %s', (flag) => {
  test.each([
    ['that awaits', 'await new Promise((resolve) => setTimeout(resolve, 60_000));'],
    ['that blocks', 'while (true);'],
    [
      'in a native call',
      `(await import('node:child_process')).execFileSync('sh', ${JSON.stringify(NATIVE)}, { stdio: 'inherit' });`,
    ],
    ['in init', '', 'export const init = () => new Promise((resolve) => setTimeout(resolve, 60_000));'],
  ])('a signal to an application %s acts at once, and the code is 0 (C15)', async (_, blocks, more = '') => {
    const mark = blocks.includes('execFileSync') ? '' : "process.stderr.write('loads\\n');";
    const source = `${mark} ${blocks} export default (environ, startResponse) => ''; ${more}`;
    const cli = new Cli([appFile(source), '--port', '0', '--threads', '2', flag]);
    await cli.says('loads');
    const before = performance.now();
    cli.child.kill('SIGTERM');
    const { code, stdout } = await cli.finished();
    // Without a supervisor that returns the code, a process with a thread in a native call kills itself by SIGKILL.
    const isKilled = flag === '--no-supervise' && blocks.includes('execFileSync');
    expect([code, stdout]).toEqual([isKilled ? null : 0, '']);
    expect(performance.now() - before).toBeLessThan(5000);
  });
});

test('SIGTERM while a replacement loads acts at once (C15)', async () => {
  const mark = `${appFile('')}.mark`;
  const app = appFile(`
    import { existsSync, writeFileSync } from 'node:fs';
    if (existsSync(${JSON.stringify(mark)})) { process.stderr.write('loads again\\n'); while (true); }
    writeFileSync(${JSON.stringify(mark)}, '');
    export default (environ, startResponse) => '';
  `);
  const cli = new Cli([app, '--port', '0', '--threads', '1']);
  await cli.url();
  cli.child.kill('SIGHUP');
  await cli.says('loads again');
  const before = performance.now();
  cli.child.kill('SIGTERM');
  expect((await cli.finished()).code).toBe(0);
  expect(performance.now() - before).toBeLessThan(5000);
});

test.each([
  ['loads', 'await new Promise((resolve) => setTimeout(resolve, 60_000));', 1],
  ['blocks', 'while (true);', 1],
  ['loads in this thread', 'await new Promise((resolve) => setTimeout(resolve, 60_000));', 0],
])(
  'close() while the application %s resolves at once, and listen rejects (C15)',
  async (_, source, threads) => {
    const mark = `${appFile('')}.mark`;
    const begun = `(await import('node:fs')).writeFileSync(${JSON.stringify(mark)}, '');`;
    const server = createServer(threads, { app: appFile(begun + source) });
    const listening = server.listen({ port: 0 }).then(
      () => 'listens',
      (error: Error) => error.message,
    );
    await until(() => existsSync(mark));
    const before = performance.now();
    await server.close();
    expect(await listening).toBe('Cannot listen: the server was closed while it started');
    expect(performance.now() - before).toBeLessThan(3000);
  },
);

const LISTENS = `
  process.on('SIGUSR2', (name, number) => console.error('on ' + name + ' ' + number + ' in ' + process.env.TSGI_WORKER_INDEX));
  process.once('SIGUSR2', () => console.error('once in ' + process.env.TSGI_WORKER_INDEX));
  process.on('SIGUSR1', (name) => console.error('on ' + name));
  export default (environ, startResponse) => {
    if (environ.PATH_INFO === '/kill') process.kill(process.pid, 'SIGUSR2');
    if (environ.PATH_INFO === '/off') process.removeAllListeners('SIGUSR2');
    startResponse(200, []);
    return String(process.pid);
  };
`;

const count = (cli: Cli, what: RegExp): number => cli.stderr.match(what)?.length ?? 0;

describe.each(FLAGS)('signals that the server does not use, %s', (flag) => {
  const start = async (source: string, threads = '2') => {
    const cli = new Cli([appFile(source), '--port', '0', '--threads', threads, flag]);
    return { cli, url: await cli.url() };
  };

  test('reach the program’s listeners in every worker (C19)', async () => {
    const { cli, url } = await start(LISTENS);
    cli.child.kill('SIGUSR2');
    await cli.says('on SIGUSR2 12 in 0');
    await cli.says('on SIGUSR2 12 in 1');
    cli.child.kill('SIGUSR2');
    await until(() => count(cli, /on SIGUSR2/g) === 4);
    // The process counts a signal from the parent and one from itself as one within 100 ms (`SAME_MS`).
    await new Promise((resolve) => setTimeout(resolve, 150));
    await fetch(`${url}/kill`);
    await until(() => count(cli, /on SIGUSR2/g) === 6);
    expect(count(cli, /once in/g)).toBe(2);
    cli.child.kill('SIGUSR1');
    await cli.says('on SIGUSR1');
    expect(cli.stderr).not.toContain('Debugger listening');
    expect((await fetch(url)).status).toBe(200);
  });

  test('are ignored with a line if the program has no listener (any more) (C19)', async () => {
    const { cli, url } = await start(LISTENS, '1');
    await fetch(`${url}/off`);
    cli.child.kill('SIGUSR2');
    await cli.says(
      'tsgi-threads: SIGUSR2 received: ignored, because the application does not listen for it\n',
    );
    cli.child.kill('SIGALRM');
    await cli.says('tsgi-threads: SIGALRM received: ignored');
    cli.child.kill('SIGPIPE');
    cli.child.kill('SIGWINCH');
    expect((await fetch(url)).status).toBe(200);
    expect(cli.stderr).not.toContain('SIGPIPE');
  });

  test('SIGUSR1 starts the inspector of the serving process (C19)', async () => {
    const cli = new Cli([appFile(SLOW), '--port', '0', '--threads', '1', flag], {
      env: { NODE_OPTIONS: '--inspect-port=127.0.0.1:0' },
    });
    await cli.url();
    cli.child.kill('SIGUSR1');
    await cli.says('Debugger listening on ws://127.0.0.1:');
  });

  test('reach the program in the main thread with 0 threads (C19)', async () => {
    const { cli, url } = await start(LISTENS, '0');
    cli.child.kill('SIGUSR2');
    await cli.says('on SIGUSR2 12 in');
    expect((await fetch(url)).status).toBe(200);
    expect(cli.stderr).not.toContain('ignored');
  });
});

test('a signal to the process group reaches the program once (C19)', async () => {
  const cli = new Cli([appFile(LISTENS), '--port', '0', '--threads', '1'], { detached: true });
  const url = await cli.url();
  process.kill(-cli.child.pid!, 'SIGUSR2');
  await cli.says('on SIGUSR2');
  // A second delivery has this long to arrive: nothing announces that there is none.
  await wait(200);
  expect(cli.stderr.match(/on SIGUSR2/g)).toHaveLength(1);
  expect((await fetch(url)).status).toBe(200);
});

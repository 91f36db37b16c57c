/**
 * Workers that fail before they serve, for a reason outside the application.
 *
 * The tests use a copy of the package with a broken file, and a process that cannot start threads.
 */
import { spawnSync } from 'node:child_process';
import { copyFileSync, cpSync, existsSync, mkdtempSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { setTimeout as wait } from 'node:timers/promises';
import { fileURLToPath, pathToFileURL } from 'node:url';
import type { createServer } from 'tsgi-threads';
import { describe, expect, onTestFinished, test } from 'vitest';
import { Cli } from '../support/cli.ts';
import { appFile } from '../support/server.ts';

const ROOT = fileURLToPath(new URL('../..', import.meta.url));
const EXITS = `export default (environ, startResponse) => {
  if (environ.PATH_INFO === '/exit') process.exit(3);
  startResponse(200, []);
  return 'alive';
};`;
const EXITS_AS_FETCH = `export default {
  fetch(request) {
    if (request.url.endsWith('/exit')) process.exit(3);
    return new Response('alive');
  },
};`;

/** A copy of the built package, with a file that can be damaged. */
function copyOfPackage(broken: string) {
  const folder = mkdtempSync(path.join(tmpdir(), 'tsgi-copy-'));
  onTestFinished(() => rmSync(folder, { recursive: true, force: true }));
  cpSync(path.join(ROOT, 'dist'), path.join(folder, 'dist'), { recursive: true });
  copyFileSync(path.join(ROOT, 'package.json'), path.join(folder, 'package.json'));
  symlinkSync(path.join(ROOT, 'node_modules'), path.join(folder, 'node_modules'));
  const file = path.join('dist', 'worker', broken);
  // A file that the build does not write cannot be damaged: the server would start, and the test would never end.
  expect(existsSync(path.join(ROOT, file)), file).toBe(true);
  return {
    folder,
    damage: () => writeFileSync(path.join(folder, file), "import './nothing.js';"),
    mend: () => copyFileSync(path.join(ROOT, file), path.join(folder, file)),
  };
}

/** A server of the copy with one worker, and its log lines about failed replacements. */
async function serveCopy(folder: string, app: string) {
  const { href } = pathToFileURL(path.join(folder, 'dist', 'index.js'));
  const copy = (await import(href)) as { createServer: typeof createServer };
  const failures: string[] = [];
  let onFailure = () => {};
  const error = (line: string) => {
    if (!line.startsWith('A replacement worker did not start')) return;
    failures.push(line);
    onFailure();
  };
  const server = copy.createServer(1, { app: appFile(app), logger: { info() {}, warn() {}, error } });
  await server.listen({ port: 0 });
  onTestFinished(() => server.close());
  const failed = (times: number) =>
    new Promise<void>((resolve) => {
      onFailure = () => failures.length >= times && resolve();
      onFailure();
    });
  return { server, failures, failed };
}

const CASES: [name: string, broken: string, app: string, told: string][] = [
  ['the file that it loads', 'thread.js', EXITS, 'A thread could not be started: '],
  [
    'a file that it loads later',
    'thread-interface.js',
    EXITS_AS_FETCH,
    'The application threw while it loaded: ',
  ],
];

describe.each(CASES)('%s is broken', (_, broken, app, told) => {
  test('at the start: the first line gives the reason, and the process ends', () => {
    const { folder, damage } = copyOfPackage(broken);
    damage();
    const args = [path.join(folder, 'dist', 'cli', 'main.js'), appFile(app), '--port', '0', '--threads', '2'];
    const { status, stderr } = spawnSync(process.execPath, args, { encoding: 'utf8' });
    expect(stderr).toMatch(new RegExp(`^tsgi-threads: ${told}.*nothing\\.js.*\n`));
    expect(stderr.match(/^tsgi-threads: /gm)).toHaveLength(1);
    expect(status).toBe(1);
  });

  test('later: the server retries until a thread starts', async () => {
    const { folder, damage, mend } = copyOfPackage(broken);
    const { server, failures, failed } = await serveCopy(folder, app);
    damage();
    expect((await fetch(`${server.url}/exit`)).status).toBe(502);
    await failed(2);
    expect(failures[1]).toContain(told);
    mend();
    while (server.stats().workers === 0) await wait(10);
    expect(await (await fetch(server.url)).text()).toBe('alive');
  });
});

test('a thread loads no ES module with require(), because terminate() would then abort the process', async () => {
  const cli = new Cli([appFile(EXITS), '--port', '0', '--threads', '1'], {
    node: ['--trace-require-module=all'],
    env: { NODE_OPTIONS: '--trace-require-module=all' },
  });
  expect(await (await fetch(await cli.url())).text()).toBe('alive');
  expect(cli.stderr).not.toContain('using require()');
});

test('a server closes at once while a thread fails to start', async () => {
  const { folder, damage } = copyOfPackage('thread.js');
  const { server, failures } = await serveCopy(folder, EXITS);
  damage();
  const started = performance.now();
  const exited = new Promise((resolve) => server.once('workerExit', resolve));
  expect((await fetch(`${server.url}/exit`)).status).toBe(502);
  await exited;
  // The first replacement starts in this turn.
  await new Promise((resolve) => setTimeout(resolve, 0));
  await server.close();
  expect(performance.now() - started).toBeLessThan(5000);
  expect(failures).toEqual([]);
});

test('a server without free threads in the system retries, and failed starts do no harm', async () => {
  const threads = createRequire(import.meta.url)('node:worker_threads') as { Worker: unknown };
  const { Worker } = threads;
  onTestFinished(() => void (threads.Worker = Worker));
  const { server, failures, failed } = await serveCopy(copyOfPackage('thread.js').folder, EXITS);
  // Node's error if pthread_create fails. A real limit of the system would affect all tests.
  threads.Worker = function Failing() {
    throw Object.assign(new Error('Worker initialization failure: EAGAIN'), {
      code: 'ERR_WORKER_INIT_FAILED',
    });
  };
  expect((await fetch(`${server.url}/exit`)).status).toBe(502);
  await failed(3);
  expect(failures[2]).toContain('A thread could not be started: Worker initialization failure: EAGAIN');
  threads.Worker = Worker;
  while (server.stats().workers === 0) await wait(10);
  for (let i = 0; i < 3; i++) {
    expect((await fetch(`${server.url}/exit`)).status).toBe(502);
    while (server.stats().workers === 0) await wait(10);
    expect(await (await fetch(server.url)).text()).toBe('alive');
  }
});

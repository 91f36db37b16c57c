/**
 * Threads that do not get as far as our own code: tried with a copy of the package whose worker's file is broken.
 */
import { spawnSync } from 'node:child_process';
import { copyFileSync, cpSync, mkdtempSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { setTimeout as wait } from 'node:timers/promises';
import { fileURLToPath, pathToFileURL } from 'node:url';
import type { createServer } from 'tsgi-threads';
import { expect, onTestFinished, test } from 'vitest';
import { appFile } from '../support/server.ts';

const ROOT = fileURLToPath(new URL('../..', import.meta.url));
const EXITS = `export default (environ, startResponse) => {
  if (environ.PATH_INFO === '/exit') process.exit(3);
  startResponse(200, []);
  return 'alive';
};`;

/** A copy of the built package, and its worker's file. */
function copyOfPackage() {
  const folder = mkdtempSync(path.join(tmpdir(), 'tsgi-copy-'));
  onTestFinished(() => rmSync(folder, { recursive: true, force: true }));
  cpSync(path.join(ROOT, 'dist'), path.join(folder, 'dist'), { recursive: true });
  copyFileSync(path.join(ROOT, 'package.json'), path.join(folder, 'package.json'));
  symlinkSync(path.join(ROOT, 'node_modules'), path.join(folder, 'node_modules'));
  const worker = path.join(folder, 'dist', 'worker', 'thread.js');
  return {
    folder,
    damage: () => writeFileSync(worker, "import './nothing.js';"),
    mend: () => copyFileSync(path.join(ROOT, 'dist', 'worker', 'thread.js'), worker),
  };
}

test('at the start: one line says why, and the process ends', () => {
  const { folder, damage } = copyOfPackage();
  damage();
  const args = [path.join(folder, 'dist', 'cli.js'), appFile(EXITS), '--port', '0', '--threads', '2'];
  const { status, stderr } = spawnSync(process.execPath, args, { encoding: 'utf8' });
  expect(stderr).toMatch(/^tsgi-threads: A thread could not be started: .*nothing\.js.*\n$/);
  expect(status).toBe(1);
});

test('later: it is tried again until a thread starts', async () => {
  const { folder, damage, mend } = copyOfPackage();
  const { href } = pathToFileURL(path.join(folder, 'dist', 'index.js'));
  const copy = (await import(href)) as { createServer: typeof createServer };
  const failures: string[] = [];
  let failed = () => {};
  const logger = {
    info() {},
    warn() {},
    error(line: string) {
      if (!line.startsWith('A replacement worker did not start')) return;
      failures.push(line);
      failed();
    },
  };
  const server = copy.createServer(1, { app: appFile(EXITS), logger });
  await server.listen({ port: 0 });
  onTestFinished(() => server.close());
  damage();
  const twice = new Promise<void>((resolve) => (failed = () => failures.length >= 2 && resolve()));
  expect((await fetch(`${server.url}/exit`)).status).toBe(502);
  await twice;
  expect(failures[1]).toContain('A thread could not be started: ');
  mend();
  while (server.stats().workers === 0) await wait(10);
  expect(await (await fetch(server.url)).text()).toBe('alive');
});

/**
 * `npm start`: from a fresh clone to a running server. It installs missing packages, builds, and serves the hello
 * example on 127.0.0.1:8000. `npm start -- other.ts --threads 2` serves another file with other options.
 *
 * This file imports only Node's own modules: no package is installed when it starts.
 */
import { spawn, spawnSync } from 'node:child_process';
import { existsSync, statSync } from 'node:fs';
import path from 'node:path';
import { fileURLToPath } from 'node:url';

const root = fileURLToPath(new URL('..', import.meta.url));
const HELLO = path.join(root, 'examples', 'hello', 'app.ts');

function step(text, command, args) {
  process.stderr.write(`tsgi-threads: ${text}\n`);
  const { status, signal } = spawnSync(command, args, {
    cwd: root,
    stdio: ['ignore', 'inherit', 'inherit'],
    shell: process.platform === 'win32',
  });
  if (status !== 0) process.exit(status ?? (signal === null ? 1 : 130));
}

/** Whether node_modules is absent, or older than the lock file. */
function isStale() {
  const installed = path.join(root, 'node_modules', '.package-lock.json');
  if (!existsSync(installed)) return true;
  return statSync(installed).mtimeMs < statSync(path.join(root, 'package-lock.json')).mtimeMs;
}

if (isStale())
  step('installing dependencies (once)', 'npm', ['ci', '--no-audit', '--no-fund', '--loglevel=error']);
step('building', process.execPath, [path.join(root, 'scripts', 'build.js')]);

const given = process.argv.slice(2);
const app = given.length > 0 && !given[0].startsWith('-') ? [] : [HELLO];
const child = spawn(process.execPath, [path.join(root, 'dist', 'cli', 'main.js'), ...app, ...given], {
  stdio: 'inherit',
});
// A terminal also sends its signals to the child. Other signals are forwarded here.
process.on('SIGINT', () => {});
for (const signal of ['SIGTERM', 'SIGHUP', 'SIGQUIT']) process.on(signal, () => child.kill(signal));
child.on('exit', (code, signal) => process.exit(code ?? (signal === 'SIGINT' ? 130 : 143)));

/**
 * Builds dist/ from src/: the TypeScript, one file for the worker, one for what it installs, and the parser's
 * WebAssembly. Does nothing if nothing has changed.
 */
import { spawnSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import { chmodSync, existsSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import path from 'node:path';
import { fileURLToPath } from 'node:url';
import { bundleRuntime, bundleWorker } from './bundle.js';
import { embedLlhttp } from './llhttp.js';

const root = fileURLToPath(new URL('..', import.meta.url));
const dist = path.join(root, 'dist');
const stamp = path.join(dist, '.built-from');

function inputs() {
  const hash = createHash('sha256');
  const add = (file) => hash.update(file).update(readFileSync(path.join(root, file)));
  const sources = readdirSync(path.join(root, 'src'), { recursive: true }).filter((file) =>
    /\.c?ts$/.test(file),
  );
  for (const file of sources.sort()) add(path.join('src', file));
  for (const file of [
    'package.json',
    'tsconfig.json',
    'scripts/build.js',
    'scripts/bundle.js',
    'scripts/llhttp.js',
  ])
    add(file);
  for (const file of ['native/shim.wasm', 'native/trampoline.wasm']) add(file);
  return hash.digest('hex');
}

const state = inputs();
if (!existsSync(stamp) || readFileSync(stamp, 'utf8') !== state) {
  rmSync(dist, { recursive: true, force: true });
  const tsc = path.join(
    path.dirname(createRequire(import.meta.url).resolve('typescript/package.json')),
    'bin',
    'tsc',
  );
  const { status } = spawnSync(process.execPath, [tsc, '-p', 'tsconfig.json'], {
    cwd: root,
    stdio: 'inherit',
  });
  if (status !== 0) process.exit(status ?? 1);
  await bundleWorker(dist);
  await bundleRuntime(dist);
  embedLlhttp(path.join(dist, 'http'));
  chmodSync(path.join(dist, 'cli', 'main.js'), 0o755);
  writeFileSync(stamp, state);
}

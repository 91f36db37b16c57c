/**
 * Everything except the tests: format, lint, types, generated docs, the native rebuild, the short forms of the
 * laboratories, the examples, the package.
 *
 * Each step prints how long it took. All steps run, and the exit code is 1 if one failed.
 */
import { spawnSync } from 'node:child_process';
import { fileURLToPath } from 'node:url';

const root = fileURLToPath(new URL('..', import.meta.url));
const STEPS = [
  ['build', 'node scripts/build.js'],
  ['format', 'npx --no-install prettier --check --log-level warn .'],
  ['lint', 'npx --no-install eslint .'],
  ['English of documents', 'node scripts/prose.js --check'],
  ['types', 'npm run -s types'],
  ['docs fresh', 'node scripts/docs.js --check'],
  ['grid docs fresh', 'node lab/grid.js --check'],
  ['native compiler', 'npm ci --prefix native --no-audit --no-fund --loglevel=error'],
  ['native rebuild', 'node native/build.js --check'],
  ['worst inputs in short', 'node lab/worst.js --short'],
  ['chaos in short', 'node --expose-gc lab/chaos.js --short --only kills,reloads,aborts,soak'],
  ['a thousand open sockets', 'node lab/sockets.js --short'],
  ['examples', 'node lab/examples/main.js --check'],
  ['package', 'node scripts/check-package.js'],
];

let failed = 0;
for (const [name, command] of STEPS) {
  const start = performance.now();
  const { status } = spawnSync(command, { cwd: root, shell: true, stdio: 'inherit' });
  const seconds = ((performance.now() - start) / 1000).toFixed(1);
  console.log(`${status === 0 ? 'ok    ' : 'FAILED'} ${name} (${seconds} s)`);
  if (status !== 0) failed += 1;
}
console.log(`${STEPS.length - failed} checks passed, ${failed} failed`);
process.exitCode = failed === 0 ? 0 : 1;

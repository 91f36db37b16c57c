/**
 * Runs the suite on the other supported major versions of Node, which come from npm's `node` package. Each run prints
 * its version.
 *
 * These versions are no dependencies: an installed `node` package would shadow `node` in every script.
 */
import { spawnSync } from 'node:child_process';
import { fileURLToPath } from 'node:url';

const root = fileURLToPath(new URL('..', import.meta.url));
const versions = process.argv.length > 2 ? process.argv.slice(2) : ['22', '24', '26'];
let failed = 0;
for (const version of versions) {
  const suite = 'console.log("Node " + process.version); await import("./node_modules/vitest/vitest.mjs")';
  const args = ['-y', `node@${version}`, '--input-type=module', '-e', suite, '--', 'run'];
  const { status } = spawnSync('npx', args, { cwd: root, stdio: 'inherit' });
  console.log(`Node ${version}: ${status === 0 ? 'passed' : `failed with ${status}`}`);
  if (status !== 0) failed += 1;
}
process.exitCode = failed === 0 ? 0 : 1;

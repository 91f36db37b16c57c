/**
 * Runs the test suites of other projects on node:http and on this server, and lists the tests that only node:http passes.
 *
 * `npm run suites -- --express ../express --ws ../ws --node ../node`: each path is a checkout in which its own dependencies
 * are installed (`npm install`); Node's needs none. The checkouts stay as they are: `node --import
 * tsgi-threads/node/register` puts this server below them.
 */
import { existsSync } from 'node:fs';
import path from 'node:path';
import { parseArgs } from 'node:util';
import { runFiles } from './suites/files.js';
import { runMocha } from './suites/mocha.js';

/** How each project runs its tests, from its own package.json. */
const SUITES = {
  express: (folder, register) =>
    runMocha(folder, ['--require', 'test/support/env', 'test/', 'test/acceptance/'], register),
  ws: (folder, register) => runMocha(folder, ['test/*.test.js'], register),
  supertest: (folder, register) => runMocha(folder, ['--exit', 'test/'], register),
  morgan: (folder, register) => runMocha(folder, ['test/'], register),
  koa: (folder, register) => runFiles(folder, /^__tests__\/.*\.test\.js$/, register),
  node: (folder, register) => runFiles(folder, /^test\/parallel\/test-http-[^/]*\.js$/, register),
};

const { values } = parseArgs({
  options: Object.fromEntries(Object.keys(SUITES).map((name) => [name, { type: 'string' }])),
});
if (Object.keys(values).length === 0) {
  console.error(
    `Give the path of a checkout: ${Object.keys(SUITES)
      .map((name) => `--${name} <path>`)
      .join(', ')}.`,
  );
  process.exit(1);
}
const register = import.meta.resolve('tsgi-threads/node/register');
let lost = 0;
for (const [name, folder] of Object.entries(values)) {
  if (!existsSync(folder)) {
    console.error(
      `Cannot run the suite ${name}: ${path.resolve(folder)} does not exist. Give the path of a checkout.`,
    );
    process.exit(1);
  }
  const theirs = await SUITES[name](path.resolve(folder), null);
  const ours = await SUITES[name](path.resolve(folder), register);
  const missing = [...theirs].filter((title) => !ours.has(title));
  console.log(`${name}: ${theirs.size - missing.length} of the ${theirs.size} tests that pass on node:http`);
  for (const title of missing) console.log(`  ${title}`);
  lost += missing.length;
}
process.exitCode = lost === 0 ? 0 : 1;

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
import { runNodeTest, runPrograms } from './suites/files.js';
import { runMocha, runVitest } from './suites/reports.js';

/** How each project runs its tests, from its own package.json: the runner, and its files and options. */
const SUITES = {
  express: [runMocha, ['--require', 'test/support/env', 'test/', 'test/acceptance/']],
  ws: [runMocha, ['test/*.test.js']],
  supertest: [runMocha, ['--require', 'should', 'test/']],
  morgan: [runMocha, ['test/']],
  'engine.io': [runMocha, ['test/index.js']],
  koa: [runNodeTest, /^__tests__\/.*\.test\.js$/],
  fastify: [runNodeTest, /^test\/.*\.test\.m?js$/],
  hono: [runVitest, []],
  srvx: [runVitest, ['--typecheck.enabled=false']],
  node: [runPrograms, /^test\/parallel\/test-http-[^/]*\.m?js$/],
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
  const [run, what] = SUITES[name];
  const theirs = numbered(await run(path.resolve(folder), what, null));
  const ours = new Set(numbered(await run(path.resolve(folder), what, register)));
  const missing = theirs.filter((title) => !ours.has(title));
  console.log(
    `${name}: ${theirs.length - missing.length} of the ${theirs.length} tests that pass on node:http`,
  );
  for (const title of missing) console.log(`  ${title}`);
  lost += missing.length;
}
process.exitCode = lost === 0 ? 0 : 1;

/** A title that occurs several times becomes `title`, `title (2)`, `title (3)`. */
function numbered(titles) {
  const counts = new Map();
  return titles.toSorted().map((title) => {
    const count = (counts.get(title) ?? 0) + 1;
    counts.set(title, count);
    return count === 1 ? title : `${title} (${count})`;
  });
}

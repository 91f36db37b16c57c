/**
 * `npm run examples`: installs what the examples need, runs each on node:http and on tsgi-threads under the same load,
 * and prints what it changes. About two minutes.
 *
 *   npm run examples                       all of them
 *   npm run examples -- react pdf          those that are named
 *   npm run examples -- --write            writes the table into examples/README.md too
 *   npm run examples -- --check            no load: whether each answers on both, rightly and equally
 *
 * Only node's own modules are imported before the installation.
 */
import { spawnSync } from 'node:child_process';
import { existsSync, statSync } from 'node:fs';
import { createRequire } from 'node:module';
import { availableParallelism, loadavg } from 'node:os';
import path from 'node:path';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';
import { check } from './check.js';
import { EXAMPLES } from './examples.js';
import { measure } from './measure.js';
import { HEAD, LEGEND, row, write } from './report.js';
import { prepare } from './servers.js';

const folder = (name) => fileURLToPath(new URL(`../../examples/cpu/${name}`, import.meta.url));

function run(command, args) {
  const { status } = spawnSync(command, args, {
    stdio: ['ignore', 'inherit', 'inherit'],
    shell: process.platform === 'win32',
  });
  if (status !== 0) process.exit(status ?? 1);
}

/** node_modules is absent, or older than the lock file. */
function install() {
  const installed = folder('node_modules/.package-lock.json');
  if (existsSync(installed) && statSync(installed).mtimeMs >= statSync(folder('package-lock.json')).mtimeMs)
    return;
  // NODE_ENV may say production, and then npm leaves out what runs the .tsx.
  run('npm', ['ci', '--prefix', folder('.'), '--include=dev', '--no-audit', '--no-fund', '--loglevel=error']);
}

async function compare(examples, isWritten) {
  const [others] = loadavg();
  const machine =
    `Node ${process.versions.node}, ${availableParallelism()} cores, shared with the client and other programs ` +
    `(load average before the run: ${others.toFixed(1)}).`;
  const lines = [...HEAD];
  HEAD.forEach((line) => console.log(line));
  for (const example of examples) {
    lines.push(row(example, await measure(example)));
    console.log(lines.at(-1));
  }
  console.log(`\n${LEGEND} ${machine}`);
  if (isWritten) write([...lines, '', `${LEGEND} ${machine}`]);
}

/** The .tsx as its authors' editor sees it. */
function checkTypes() {
  const typescript = createRequire(import.meta.url).resolve('typescript/package.json');
  run(process.execPath, [path.join(path.dirname(typescript), 'bin', 'tsc'), '-p', folder('tsconfig.json')]);
}

const all = EXAMPLES.map(({ name }) => name);
const { values, positionals } = parseArgs({
  allowPositionals: true,
  options: { check: { type: 'boolean' }, write: { type: 'boolean' } },
});
const unknown = positionals.find((name) => !all.includes(name));
if (unknown !== undefined) {
  console.error(`Unknown example ${unknown}: choose from ${all.join(', ')}`);
  process.exit(2);
}
for (const signal of ['SIGINT', 'SIGTERM']) process.once(signal, () => process.exit(130));
install();
if (values.check) checkTypes();
prepare();
const examples = EXAMPLES.filter(({ name }) => positionals.length === 0 || positionals.includes(name));
if (!values.check) await compare(examples, values.write);
else if ((await check(examples)) > 0) process.exitCode = 1;

/**
 * `npm run grid`: compares real applications under this server with the same applications on node:http.
 *
 * Prints a line for each way to start an application. The exit code is 1 if a response differs.
 *
 *   --only Hono,Koa     some rows, by their names
 *   --without NestJS    all but some; the beginning of a name is enough for both
 *   --report            writes docs/internals/grid.md when all rows hold
 *   --check             only says whether docs/internals/grid.md is what --report would write
 */
import { spawnSync } from 'node:child_process';
import { existsSync, readFileSync, statSync, writeFileSync } from 'node:fs';
import { availableParallelism } from 'node:os';
import path from 'node:path';
import { parseArgs } from 'node:util';
import { CELLS } from './grid/cells.js';
import { compareCell } from './grid/compare.js';
import { page } from './grid/page.js';
import { GRID } from './grid/start.js';

const PAGE = path.join(GRID, '..', '..', 'docs', 'internals', 'grid.md');
const MOST_PROBLEMS = 10;
const LONGEST = 1000;

const { values } = parseArgs({
  options: {
    only: { type: 'string', default: '' },
    without: { type: 'string', default: '' },
    report: { type: 'boolean', default: false },
    check: { type: 'boolean', default: false },
  },
});

if (values.check) checkPage();
else process.exitCode = await run();

function checkPage() {
  if (readFileSync(PAGE, 'utf8') === page()) return;
  console.error('docs/internals/grid.md is stale. Run npm run grid -- --report and commit the result.');
  process.exitCode = 1;
}

async function run() {
  const chosen = choose();
  prepare(chosen);
  const rows = [];
  const left = [...chosen];
  const work = async () => {
    for (let cell = left.shift(); cell !== undefined; cell = left.shift()) rows.push(...(await rowsOf(cell)));
  };
  const started = performance.now();
  await Promise.all(Array.from({ length: Math.min(availableParallelism(), 4) }, work));
  const failed = rows.filter(({ problems }) => problems.length > 0).length;
  console.log(`${rows.length - failed} of ${rows.length} answer as on node:http (${seconds(started)} s)`);
  if (values.report && failed === 0 && chosen.length === CELLS.length) writeFileSync(PAGE, page());
  return failed === 0 ? 0 : 1;
}

function choose() {
  const [only, without] = [values.only, values.without].map((list) => list.split(',').filter(Boolean));
  const names = (cell, list) => list.some((name) => cell.name.startsWith(name));
  const unknown = [...only, ...without].filter((name) => !CELLS.some((cell) => names(cell, [name])));
  if (unknown.length > 0) {
    console.error(`Unknown row ${unknown[0]}. Choose from ${CELLS.map(({ name }) => name).join(', ')}`);
    process.exit(2);
  }
  return CELLS.filter((cell) => (only.length === 0 || names(cell, only)) && !names(cell, without));
}

/** Installs missing or stale packages, and builds the applications that need a build. */
function prepare(cells) {
  for (const project of new Set(cells.map((cell) => cell.project))) {
    const folder = path.join(GRID, project);
    if (isStale(folder)) step('installing', 'npm ci --no-audit --no-fund --loglevel=error', folder);
    if (cells.some((cell) => cell.project === project && cell.built))
      step('building', 'npm run -s build', folder);
  }
}

function isStale(folder) {
  const installed = path.join(folder, 'node_modules', '.package-lock.json');
  return (
    !existsSync(installed) ||
    statSync(installed).mtimeMs < statSync(path.join(folder, 'package-lock.json')).mtimeMs
  );
}

function step(text, command, cwd) {
  const started = performance.now();
  const env = { ...process.env, NEXT_TELEMETRY_DISABLED: '1' };
  const { status, stdout, stderr } = spawnSync(command, { cwd, env, shell: true, encoding: 'utf8' });
  const where = path.relative(process.cwd(), cwd);
  console.log(`${status === 0 ? 'ok    ' : 'FAILED'} ${text} ${where} (${seconds(started)} s)`);
  if (status === 0) return;
  console.error(stdout + stderr);
  process.exit(1);
}

async function rowsOf(cell) {
  const started = performance.now();
  const results = await compareCell(cell).catch((error) => [{ form: 'node:http', problems: [error.stack] }]);
  for (const { form, problems } of results) {
    const what = `${cell.requests.length} requests, ${seconds(started)} s`;
    console.log(`${problems.length === 0 ? 'ok    ' : 'FAILED'} ${cell.name}: ${form} (${what})`);
    for (const problem of problems.slice(0, MOST_PROBLEMS))
      console.log(`       ${problem.slice(0, LONGEST)}`);
    if (problems.length > MOST_PROBLEMS) console.log(`       and ${problems.length - MOST_PROBLEMS} more`);
  }
  return results;
}

function seconds(since) {
  return ((performance.now() - since) / 1000).toFixed(1);
}

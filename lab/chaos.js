/**
 * `npm run chaos`: explores the rings, injects faults into real servers and counts the damage.
 *
 * Prints a line for each scenario. The exit code is 1 if a scenario found a problem.
 * - `--only kills,reloads` runs some of: rings, kills, reloads, aborts, soak.
 * - `--short` is the form of `npm run check`. It takes about a minute.
 * - `--seed 1` repeats the same random choices.
 * - `--soak 3600` is the length of the soak, s.
 * - `--report` keeps the results in docs/internals/reliability.json and writes docs/internals/reliability.md from them.
 */
import { existsSync, readFileSync, writeFileSync } from 'node:fs';
import { availableParallelism, totalmem } from 'node:os';
import { parseArgs } from 'node:util';
import { aborts } from './chaos/aborts.js';
import { kills } from './chaos/kills.js';
import { reloads } from './chaos/reloads.js';
import { report } from './chaos/report.js';
import { rings } from './chaos/rings.js';
import { soak } from './chaos/soak.js';

const { values } = parseArgs({
  options: {
    only: { type: 'string', default: 'rings,kills,reloads,aborts,soak' },
    short: { type: 'boolean', default: false },
    seed: { type: 'string', default: '1' },
    soak: { type: 'string', default: '3600' },
    report: { type: 'boolean', default: false },
  },
});
const seed = Number(values.seed);
const SCENARIOS = {
  rings: (more) => rings({ seed, short: values.short, ...more }),
  kills: (more) => kills({ seed, kills: values.short ? 100 : 10_000, ...more }),
  reloads: (more) =>
    reloads({ seed, reloads: values.short ? 5 : 100, requests: values.short ? 20_000 : 1_000_000, ...more }),
  aborts: (more) => aborts({ seed, aborts: values.short ? 8 : 1000, ...more }),
  soak: (more) =>
    soak({ seed, seconds: values.short ? 14 : Number(values.soak), looks: values.short ? 6 : 12, ...more }),
};

const results = {};
for (const name of values.only.split(',')) {
  const scenario = SCENARIOS[name];
  if (scenario === undefined) {
    console.error(`Unknown scenario ${name}. Choose from ${Object.keys(SCENARIOS).join(', ')}`);
    process.exit(2);
  }
  results[name] = await scenario({ progress: progressOf(name) });
  const { problems, ...figures } = results[name];
  // This text is for the report only.
  delete figures.markdown;
  console.log(`${problems.length === 0 ? 'ok    ' : 'FAILED'} ${name}: ${JSON.stringify(figures)}`);
  for (const problem of problems.slice(0, 20)) console.log(`       ${problem}`);
}
const machine = `Node ${process.version}, ${availableParallelism()} cores, ${Math.round(totalmem() / 2 ** 30)} GiB`;
if (values.report) writeReport(results);
process.exit(Object.values(results).some(({ problems }) => problems.length > 0) ? 1 : 0);

/** On a terminal, one line that each update overwrites. Otherwise, one line now and then. */
function progressOf(name) {
  let last = performance.now();
  return (text) => {
    if (performance.now() - last < (process.stderr.isTTY ? 200 : 15_000)) return;
    last = performance.now();
    process.stderr.write(process.stderr.isTTY ? `\r\x1b[K${name}: ${text}` : `${name}: ${text}\n`);
  };
}

/** Keeps the earlier results of scenarios that did not run now. */
function writeReport(found) {
  const at = (name) => new URL(`../docs/internals/${name}`, import.meta.url);
  const all = existsSync(at('reliability.json'))
    ? JSON.parse(readFileSync(at('reliability.json'), 'utf8'))
    : {};
  for (const [name, result] of Object.entries(found)) all[name] = { ...result, seed, machine };
  writeFileSync(at('reliability.json'), `${JSON.stringify(all, null, 2)}\n`);
  writeFileSync(at('reliability.md'), report(all));
}

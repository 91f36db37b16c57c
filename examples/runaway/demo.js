/**
 * A handler that enters `while (true)`: the behaviour of node:cluster and of tsgi-threads.
 *
 * Both serve the same application under the same load with two workers, one server after the other. The demo takes
 * about half a minute.
 *
 *   npm ci && npm run build      (once)
 *   node examples/runaway/demo.js
 *
 * `--quick` takes half the time. Every figure is measured in this run.
 */
import { existsSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { measure } from './measure.js';
import { Subject } from './subject.js';

const file = (name) => fileURLToPath(new URL(name, import.meta.url));
const CLI = file('../../dist/cli/main.js');
const WORKERS = 2;
/** One process without a supervisor, so that its CPU time is easy to read. */
const LIMITS = ['--handler-timeout', '1s', '--kill-grace', '200ms', '--no-supervise'];
const TIMES = process.argv.includes('--quick')
  ? { calm: 1100, after: 2200, silence: 1000 }
  : { calm: 2100, after: 5000, silence: 2000 };

const SERVERS = [
  { name: 'node:cluster', command: [file('cluster.js')] },
  {
    name: 'tsgi-threads',
    command: [CLI, file('app.ts'), '--port', '0', '--threads', String(WORKERS), ...LIMITS],
  },
];

async function main() {
  if (!existsSync(CLI)) {
    console.error('The package is not built. Run npm ci && npm run build first.');
    process.exit(1);
  }
  for (const signal of ['SIGINT', 'SIGTERM']) process.once(signal, () => process.exit(130));
  console.log('50 ordinary requests a second; two requests run into while (true).');
  const results = [];
  for (const { name, command } of SERVERS) results.push(await trial(name, command));
  summary(results);
}

async function trial(name, command) {
  const subject = new Subject(name, command, (line) => console.log(`   | ${line}`));
  await subject.ready();
  console.log(`\n${name}, ${WORKERS} workers, ${subject.url}, processes ${subject.pids.join(' ')}`);
  const figures = await measure(subject, TIMES, (line) => console.log(line));
  await subject.end();
  return figures;
}

function summary(results) {
  const rows = [
    ['', ({ name }) => name],
    ['first runaway', ({ runaways }) => runaways[0]],
    ['second runaway', ({ runaways }) => runaways[1]],
    ['ordinary requests', ({ sent }) => sent],
    ['  answered', ({ answered }) => answered],
    ['  failed', ({ failed }) => failed],
    ['  never answered', ({ waiting }) => waiting],
    ['  longest wait of one answered', ({ longest }) => `${longest.toFixed(0)} ms`],
    ['workers that answer afterwards', ({ workers }) => `${workers} of ${WORKERS}`],
    ['CPU while nobody asks', ({ cores }) => (Number.isNaN(cores) ? '?' : `${cores.toFixed(2)} cores`)],
  ];
  console.log(
    '\nWhat was measured (who has no answer waits for it and asks nothing else, so a server that hangs',
  );
  console.log('is asked less):');
  for (const [title, cell] of rows)
    console.log(
      `  ${title.padEnd(34)}${results
        .map((result) => String(cell(result)).padEnd(26))
        .join('')
        .trimEnd()}`,
    );
}

await main();

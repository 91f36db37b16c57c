/**
 * docs/internals/grid.md, made from the table, the versions in the lock files, and what is known not to work.
 *
 * Law: text. It says that the rows hold, so it is written after a run in which all of them did.
 */
import { readFileSync } from 'node:fs';
import path from 'node:path';
import { CELLS } from './cells.js';
import { BURST } from './compare.js';
import { GRID } from './start.js';

/** What does not work → why, and what to do. */
const LIMITS = [
  [
    'Upgrades and `CONNECT` in fetch handlers',
    'sockets belong to the acceptor, which passes on those that a Node server takes over in its `upgrade` or `connect` event ([docs/guide/websockets.md](../guide/websockets.md)); a fetch handler has no way to say so',
  ],
  [
    'State in memory that all requests are to see: rate limits, caches, GraphQL `pubSub`, what json-server writes',
    'every worker has its own, as every process has with `node:cluster`: keep it in a store outside, tell the others ([docs/guide/websockets.md](../guide/websockets.md)), or run `--threads 1`. Sessions in a `MemoryStore` need `--affinity cookie:connect.sid`',
  ],
  [
    'Timers and start-up jobs that must run once',
    "every worker runs the program: guard them by `process.env.TSGI_WORKER_INDEX === '0'`",
  ],
  [
    'NestJS, TypeORM and others that read `emitDecoratorMetadata`, straight from TypeScript',
    'a transpiler reads one file at a time and does not know the types: the server says so in one line when it starts; compile with `tsc` and serve its output',
  ],
  [
    '`node:https` and `node:http2` servers',
    'the server speaks HTTP/1.1 without TLS: the error says so; listen with `node:http`, and put TLS in front',
  ],
  ['A Unix socket or a file descriptor to listen on', 'the acceptor serves TCP ports: the error says so'],
  ['`cluster.fork()`', '`--threads` takes its place: the error says so'],
  [
    '`process.chdir()` to another folder (the standalone server of Next.js does it)',
    'threads share the directory of the process: start the server there, `cd .next/standalone`',
  ],
  [
    'Native add-ons that cannot be loaded twice in one process',
    'they know no worker threads: the error says so; update them, or run `--threads 0`',
  ],
  [
    'Answers that begin more than 30 seconds after their request, bodies above 10 MiB',
    'limits that plain Node does not have: `--handler-timeout` and `--max-body-size` raise them (docs/reference/options.md)',
  ],
];

export function page() {
  const locks = new Map();
  const requests = CELLS.reduce((sum, { requests, forms }) => sum + requests.length * forms.length, 0);
  return `# What runs

Made by \`npm run grid -- --report\` from the rows in \`lab/grid/\`, after a run in which all of them held; the applications
are in \`test/grid/apps\`.

Each row is an application with its packages from npm. The same files are started by plain Node, and as it says here by
\`tsgi-threads file --threads 2\`, and both are sent the same requests as raw bytes: pages, \`HEAD\`, what is missing, JSON,
forms, uploads, chunked bodies, ranges and conditions, redirects, cookies, streams and events, compression, errors, HTTP/1.0,
a connection that is kept and one that is closed, and ${BURST} requests at once. Their answers must be the same: status, reason,
header fields as they were sent in any order, bytes, trailers, interim answers. \`Date\`, \`Connection\` and \`Keep-Alive\` are left
out. ${requests} answers are compared.

\`exported\`: the file exports the application. \`program\`: it listens by itself, unmodified.

${table(
  ['application', 'versions', 'started as', 'requests'],
  rowsOf(
    CELLS.filter(({ published }) => !published),
    locks,
  ),
)}

Where the exported application is a fetch handler (Hono, h3, React and tRPC through fetch, GraphQL Yoga) and the program serves
it with an adapter for node:http, names count without their case, and framing and an empty reason do not count: a \`Response\`
knows neither case nor framing and need have no reason, so they are the server's.

## Programs from npm

Run unmodified, with their arguments behind \`--\`: \`tsgi-threads node_modules/.bin/http-server -- . --gzip\`.

${table(
  ['program', 'version', 'workers', 'requests'],
  programsOf(
    CELLS.filter(({ published }) => published),
    locks,
  ),
)}

json-server keeps what is written in memory, so it is run with one worker.

## What does not work, and why

${table(['what', 'why, and what to do'], LIMITS)}
`;
}

function rowsOf(cells, locks) {
  return cells.map((cell) => [
    cell.name,
    cell.packages.map((name) => versionOf(cell.project, name, locks)).join(', '),
    cell.forms.map(startOf).join('; '),
    cell.requests.length,
  ]);
}

function startOf({ form, flags }) {
  return flags === undefined ? form : `${form} (\`${flags.join(' ')}\`)`;
}

function programsOf(cells, locks) {
  return cells.map((cell) => [
    cell.name,
    cell.packages.map((name) => versionOf(cell.project, name, locks)).join(', '),
    cell.threads ?? 2,
    cell.requests.length,
  ]);
}

/** As its lock has it; an alias by the name of what it stands for. */
function versionOf(project, name, locks) {
  const file = path.join(GRID, project, 'package-lock.json');
  if (!locks.has(file)) locks.set(file, JSON.parse(readFileSync(file, 'utf8')).packages);
  const found = locks.get(file)[`node_modules/${name}`];
  return `${found.name ?? name} ${found.version}`;
}

function table(names, rows) {
  const lines = [names, names.map(() => '---'), ...rows].map((cells) => `| ${cells.join(' | ')} |`);
  return lines.join('\n');
}

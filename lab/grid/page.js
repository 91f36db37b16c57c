/**
 * docs/internals/grid.md, made from the table, the versions in the lock files, and what is known not to work.
 *
 * Law: text. The page reports that the rows hold, so `--report` writes it after a run in which all of them did.
 */
import { readFileSync } from 'node:fs';
import path from 'node:path';
import { CELLS } from './cells.js';
import { BURST } from './compare.js';
import { GRID } from './start.js';

/** A limitation → its reason and the remedy. */
const LIMITS = [
  [
    'Upgrades and `CONNECT` in fetch handlers',
    'Sockets belong to the acceptor. It passes a socket on if a Node server takes it over in its `upgrade` or `connect` event. A fetch handler cannot do that. See [WebSockets and state](../guide/websockets.md).',
  ],
  [
    'State in memory that all requests must see: rate limits, caches, GraphQL `pubSub`, the writes of json-server',
    'Every worker has its own, as every process has with `node:cluster`. Keep it in a store outside, use a [channel](../guide/websockets.md#between-workers), or run `--threads 1`. Sessions in a `MemoryStore` need `--affinity cookie:connect.sid`.',
  ],
  [
    'Timers and start-up jobs that must run once',
    "Every worker runs the program. Guard them by `process.env.TSGI_WORKER_INDEX === '0'`.",
  ],
  [
    'NestJS, TypeORM and others that read `emitDecoratorMetadata`, straight from TypeScript',
    'A transpiler reads one file at a time and does not know the types. The server logs one line when it starts. Compile with `tsc` and serve its output.',
  ],
  [
    '`node:https` and `node:http2` servers',
    'The server speaks HTTP/1.1 without TLS. Listen with `node:http`, and put TLS in front.',
  ],
  ['A Unix socket or a file descriptor to listen on', 'The acceptor serves TCP ports. Listen on a port.'],
  ['`cluster.fork()`', 'Use `--threads` instead.'],
  [
    '`process.chdir()` to another folder (the standalone server of Next.js does it)',
    'Threads share the directory of the process. Start the server there: `cd .next/standalone`.',
  ],
  [
    'Native add-ons that cannot be loaded twice in one process',
    'They do not support worker threads. Update them, or run `--threads 0`.',
  ],
  [
    'Responses that begin more than 30 seconds after their request, bodies above 10 MiB',
    'Plain Node has no such limits. `--handler-timeout` and `--max-body-size` [raise them](../reference/options.md).',
  ],
];

export function page() {
  const locks = new Map();
  const requests = CELLS.reduce((sum, { requests, forms }) => sum + requests.length * forms.length, 0);
  return `# Grid

\`npm run grid -- --report\` writes this page from the rows in \`lab/grid/\`, after a run in which all of them held. The applications are in \`test/grid/apps\`.

Each row is an application with its packages from npm. Plain Node starts the same files as \`tsgi-threads file --threads 2\`. Both receive the same requests as raw
bytes:

- pages, \`HEAD\`, missing pages, JSON, forms, uploads, chunked bodies;
- ranges and conditions, redirects, cookies, streams and events, compression, errors;
- HTTP/1.0, a connection that stays and one that closes, and ${BURST} requests at once.

Both must answer with the same status, reason, header fields in any order, bytes, trailers and interim responses. \`Date\`, \`Connection\` and \`Keep-Alive\` may
differ. The run compares ${requests} answers.

\`exported\`: the file exports the application. \`program\`: the file listens by itself, unmodified.

${table(
  ['application', 'versions', 'started as', 'requests'],
  rowsOf(
    CELLS.filter(({ published }) => !published),
    locks,
  ),
)}

Some rows export a fetch handler, and their program serves it with an adapter for node:http: Hono, h3, React and tRPC through fetch, GraphQL Yoga. There the case of
names, the framing and an empty reason may differ. A \`Response\` knows neither case nor framing and need have no reason, so they are the server's.

## Programs from npm

Run unmodified, with their arguments behind \`--\`: \`tsgi-threads node_modules/.bin/http-server -- . --gzip\`.

${table(
  ['program', 'version', 'workers', 'requests'],
  programsOf(
    CELLS.filter(({ published }) => published),
    locks,
  ),
)}

json-server keeps its data in memory, so it runs with one worker.

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

/** The version in the lock file. An alias is resolved to the package that it names. */
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

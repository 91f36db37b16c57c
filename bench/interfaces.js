/**
 * Benchmarks of existing applications.
 *
 * Each runs against the same file on node:http in one process. With several workers it also runs against as many
 * processes of node:cluster.
 */
import { fileURLToPath } from 'node:url';
import { generator, inTurns, Subject } from './load.js';

const file = (name) => fileURLToPath(new URL(name, import.meta.url));
const CLI = file('../dist/cli/main.js');
/** CPU time to render the page, ms. */
const RENDER = 5;

async function compare({ app, peer = app, threads = 1, env = {}, ...options }) {
  const all = { NODE_ENV: 'production', ...env };
  const args = [CLI, file(app), '--port', '0', '--threads', String(threads), '--no-supervise'];
  const subjects = [
    await new Subject('tsgi-threads', args, all).ready(),
    await new Subject('node:http', [file(peer)], all).ready(),
  ];
  if (threads > 1) {
    const peers = { ...all, WORKERS: String(threads) };
    subjects.push(await new Subject('node:cluster', [file('cluster.js'), file(peer)], peers).ready());
  }
  await mustAgree(subjects);
  const result = await inTurns(subjects, options);
  for (const subject of subjects) await subject.end();
  const [a, b, ceiling] = subjects.map(({ name }) => result[name]);
  const rate = (a.perSecond / b.perSecond).toFixed(2);
  const cpu = (a.cpu / b.cpu).toFixed(2);
  const compared = `${rate}× the requests of node:http (${a.perSecond.toFixed(0)} : ${b.perSecond.toFixed(0)} a second), ${cpu}× its CPU a request (${a.cpu.toFixed(1)} : ${b.cpu.toFixed(1)} µs)`;
  if (ceiling === undefined) return compared;
  return `${compared}; node:cluster, as many processes that share nothing, makes ${(ceiling.perSecond / b.perSecond).toFixed(2)}× of it`;
}

/** Rejects a server that answers with an error page, which would be quick on both. */
async function mustAgree(subjects) {
  const pages = subjects.map(async ({ name, url }) => {
    const response = await fetch(url);
    if (!response.ok) throw new Error(`${name} answers with ${response.status}`);
    return response.text();
  });
  if (new Set(await Promise.all(pages)).size > 1) throw new Error('They answer different pages');
}

const answer = (what, compared) => `${what}, one worker, 64 connections, ${generator}: ${compared}`;

/** Does the server run a fetch handler as fast as srvx on node:http? */
export async function fetchHello() {
  return answer('fetch hello', await compare({ app: 'fetch-app.js', peer: 'fetch-peer.js' }));
}

/** Is Express with routing faster than on node:http? */
export async function expressHello() {
  return answer('Express hello', await compare({ app: 'programs.js', env: { BENCH_KIND: 'express' } }));
}

/** Is Fastify, which adds little work of its own, faster than on node:http? */
export async function fastifyHello() {
  return answer('Fastify hello', await compare({ app: 'programs.js', env: { BENCH_KIND: 'fastify' } }));
}

/** How many times as many pages of 5 ms of CPU do two workers render? */
export async function render() {
  // React reads NODE_ENV when it is loaded.
  process.env.NODE_ENV = 'production';
  const { rowsFor } = await import('./table.js');
  const rows = rowsFor(RENDER);
  const env = { BENCH_KIND: 'render', BENCH_ROWS: String(rows) };
  const compared = await compare({ app: 'programs.js', threads: 2, env, connections: 16 });
  return `React table of ${rows} rows (${RENDER} ms), two workers, 16 connections, ${generator}: ${compared}`;
}

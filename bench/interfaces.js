/**
 * Questions about applications that people already have, each against the same file on node:http in one process.
 */
import { fileURLToPath } from 'node:url';
import { generator, inTurns, Subject } from './load.js';

const file = (name) => fileURLToPath(new URL(name, import.meta.url));
const CLI = file('../dist/cli.js');
/** What a page takes to render, ms. */
const RENDER = 5;

async function compare({ app, peer = app, threads = 1, env = {}, ...options }) {
  const all = { NODE_ENV: 'production', ...env };
  const args = [CLI, file(app), '--port', '0', '--threads', String(threads), '--no-supervise'];
  const subjects = [
    await new Subject('tsgi-threads', args, all).ready(),
    await new Subject('node:http', [file(peer)], all).ready(),
  ];
  await mustAgree(subjects);
  const result = await inTurns(subjects, options);
  for (const subject of subjects) await subject.end();
  const [a, b] = subjects.map(({ name }) => result[name]);
  const rate = (a.perSecond / b.perSecond).toFixed(2);
  const cpu = (a.cpu / b.cpu).toFixed(2);
  return `${rate}× the requests of node:http (${a.perSecond.toFixed(0)} : ${b.perSecond.toFixed(0)} a second), ${cpu}× its CPU a request (${a.cpu.toFixed(1)} : ${b.cpu.toFixed(1)} µs)`;
}

/** A page of an error would be quick on either. */
async function mustAgree(subjects) {
  const pages = subjects.map(async ({ name, url }) => {
    const response = await fetch(url);
    if (!response.ok) throw new Error(`${name} answers ${response.status}`);
    return response.text();
  });
  const [ours, theirs] = await Promise.all(pages);
  if (ours !== theirs) throw new Error('tsgi-threads and node:http answer different pages');
}

const answer = (what, compared) => `${what}, one worker, 64 connections, ${generator}: ${compared}`;

/** Is a fetch handler served as fast as by srvx on node:http? */
export async function fetchHello() {
  return answer('fetch hello', await compare({ app: 'fetch-app.js', peer: 'fetch-peer.js' }));
}

/** Is Express, routing and all, faster than on node:http alone? */
export async function expressHello() {
  return answer('Express hello', await compare({ app: 'programs.js', env: { BENCH_KIND: 'express' } }));
}

/** And Fastify, which does little itself? */
export async function fastifyHello() {
  return answer('Fastify hello', await compare({ app: 'programs.js', env: { BENCH_KIND: 'fastify' } }));
}

/** How much more of a page that takes 5 ms do two workers render? */
export async function render() {
  // React reads it when it is loaded.
  process.env.NODE_ENV = 'production';
  const { rowsFor } = await import('./table.js');
  const rows = rowsFor(RENDER);
  const env = { BENCH_KIND: 'render', BENCH_ROWS: String(rows) };
  const compared = await compare({ app: 'programs.js', threads: 2, env, connections: 16 });
  return `React table of ${rows} rows (${RENDER} ms), two workers, 16 connections, ${generator}: ${compared}`;
}

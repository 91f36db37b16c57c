/**
 * Terminates threads from outside at random moments under load. The acceptor answers the requests that ran on them with
 * 502, once.
 *
 * No other request is lost, runs twice, gets the wrong response or leaks.
 */
import { fileURLToPath } from 'node:url';
import { setEnvironmentData } from 'node:worker_threads';
import { createServer } from '../../dist/index.js';
import { Load, until, wait } from './load.js';
import { randomOf } from './random.js';

const APP = fileURLToPath(new URL('./app.js', import.meta.url));
const THREADS = 4;
const MOST_THREADS = 100_000;
const MOST_REQUESTS = 4_000_000;
const KINDS = [
  ['/', 10],
  ['/await', 5],
  ['/cpu', 3],
  ['/stream', 2],
  ['/read', 1],
];
const silent = { error() {}, warn() {}, info() {} };

export async function kills({ seed, kills: wanted, progress }) {
  const marks = new Int32Array(new SharedArrayBuffer(MOST_REQUESTS * 12));
  setEnvironmentData('marks', marks);
  const called = new Int32Array(new SharedArrayBuffer(4 * MOST_THREADS));
  setEnvironmentData('called', called);
  const threads = new Set();
  const killed = new Set();
  const onWorker = (worker) => {
    worker.once('online', () => threads.add(worker));
    worker.once('exit', () => threads.delete(worker));
  };
  process.on('worker', onWorker);
  const server = createServer(THREADS, { app: APP, logger: silent });
  await server.listen({ port: 0 });
  const idle = server.stats().buffered;
  const load = new Load({
    port: server.address.port,
    connections: 64,
    seed,
    kinds: KINDS,
    leave: 0.02,
    requests: MOST_REQUESTS,
  });
  const random = randomOf(seed);
  const started = performance.now();
  let done = 0;
  while (done < wanted && load.sent < MOST_REQUESTS - 100_000) {
    await wait(random.below(100));
    // Kills only threads that have served. A thread that dies before its first call would count as a crash loop.
    const victims = [...threads].filter(
      ({ threadId }) => Atomics.load(called, threadId) === 1 && !killed.has(threadId),
    );
    const victim = victims[random.below(victims.length)];
    if (victim === undefined) continue;
    killed.add(victim.threadId);
    void victim.terminate();
    done += 1;
    progress(`${done} kills, ${load.sent} requests`);
  }
  const result = await load.stop();
  const problems = [...result.bad, ...problemsOf(result, marks, killed)];
  const settled = await until(() => isIdle(server.stats(), idle));
  if (!settled) problems.push(`leaked: ${JSON.stringify(server.stats())}`);
  await server.close();
  process.off('worker', onWorker);
  setEnvironmentData('marks', undefined);
  return {
    kills: done,
    requests: result.sent,
    statuses: result.statuses,
    truncated: result.truncated,
    left: result.left,
    seconds: (performance.now() - started) / 1000,
    problems,
  };
}

function problemsOf(result, marks, killed) {
  const problems = [];
  for (let id = 0; id < result.sent; id++) {
    if (marks[id * 3] > 1) problems.push(`run ${marks[id * 3]} times: request ${id}`);
  }
  for (const id of result.ids[502] ?? []) {
    // 0 begins: the thread was killed after its claim on the request and before the call of the application.
    if (marks[id * 3] === 1 && !killed.has(marks[id * 3 + 2]))
      problems.push(`502 though its worker lived: request ${id}`);
  }
  const others = Object.keys(result.statuses).filter((status) => status !== '200' && status !== '502');
  for (const status of others) problems.push(`${result.statuses[status]} answers ${status}`);
  return problems;
}

function isIdle(stats, buffered) {
  const { inFlight, pending, zombies, workers, uploads } = stats;
  return inFlight + pending + zombies + uploads === 0 && stats.buffered === buffered && workers === THREADS;
}

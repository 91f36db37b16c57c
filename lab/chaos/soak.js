/**
 * Mixed faults for a long time. At the end, memory, descriptors, slots and timers must be where they were after the
 * beginning.
 */
import { readdirSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { createServer } from '../../dist/index.js';
import { Load, until, wait } from './load.js';

const APP = fileURLToPath(new URL('./app.js', import.meta.url));
const KINDS = [
  ['/', 4000],
  ['/await', 2000],
  ['/cpu', 600],
  ['/stream', 600],
  ['/read', 300],
  ['/throw', 50],
  ['/exit', 3],
  ['/reject', 3],
  ['/late', 3],
  ['/loop', 1],
];
/** The allowed drift of memory: a fraction, and megabytes. */
const DRIFT = 0.1;
const DRIFT_MB = 10;
/**
 * Time before the first look. Until then a process grows to its size, with compiled code and the heaps of its threads.
 */
const WARM_UP_SECONDS = 20;
/** The longest interval between reloads, ms. */
const RELOAD_MS = 20_000;
const silent = { error() {}, warn() {}, info() {} };

/** @param looks the number of times that resources are looked at, besides the first time */
export async function soak({ seed, seconds, looks: wanted, progress }) {
  const part = seconds / (wanted + 1);
  const server = createServer(2, {
    app: APP,
    logger: silent,
    handlerTimeout: 1000,
    killGrace: 200,
    maxRequests: 20_000,
  });
  await server.listen({ port: 0 });
  const looks = [];
  const problems = [];
  const statuses = {};
  let requests = 0;
  const started = performance.now();
  for (let look = 0; look <= wanted; look++) {
    const { port } = server.address;
    const load = new Load({
      port,
      connections: 48,
      seed: seed + look,
      kinds: KINDS,
      leave: 0.01,
      seconds: look === 0 ? Math.max(part, WARM_UP_SECONDS) : part,
    });
    const reloading = setInterval(
      () => void server.reload().catch(() => {}),
      Math.min(RELOAD_MS, part * 500),
    );
    const result = await load.finished();
    clearInterval(reloading);
    problems.push(...result.bad);
    requests += result.sent;
    for (const [status, count] of Object.entries(result.statuses))
      statuses[status] = (statuses[status] ?? 0) + count;
    if (!(await until(() => isIdle(server.stats()))))
      problems.push(`not idle: ${JSON.stringify(server.stats())}`);
    looks.push(await resources(server));
    progress(`${look} of ${wanted} looks, ${requests} requests, ${JSON.stringify(looks.at(-1))}`);
  }
  problems.push(...driftOf(looks));
  await server.close();
  return { requests, statuses, seconds: (performance.now() - started) / 1000, looks, problems };
}

/** Growth raises the minimum: the lowest value of the last third is compared with the lowest of the first third. */
function driftOf(looks) {
  const third = Math.ceil(looks.length / 3);
  const lowest = (some, name) => Math.min(...some.map((look) => look[name]));
  return Object.keys(looks[0]).flatMap((name) => {
    const [before, after] = [looks.slice(0, third), looks.slice(-third)].map((some) => lowest(some, name));
    const isMemory = name === 'rss' || name === 'heap';
    const most = isMemory ? before * (1 + DRIFT) + DRIFT_MB : before + 2;
    return after > most ? [`${name} went from ${before} to ${after}${isMemory ? ' MB' : ''}`] : [];
  });
}

function isIdle({ inFlight, pending, zombies, workers, uploads, connections }) {
  return inFlight + pending + zombies + uploads + connections === 0 && workers === 2;
}

async function resources(server) {
  // A worker that was just replaced may still exist.
  await wait(1000);
  globalThis.gc?.();
  const { rss, heapUsed } = process.memoryUsage();
  const active = process.getActiveResourcesInfo();
  const count = (name) => active.filter((resource) => resource === name).length;
  return {
    rss: Math.round(rss / 1e6),
    heap: Math.round(heapUsed / 1e6),
    descriptors: process.platform === 'linux' ? readdirSync('/proc/self/fd').length : 0,
    timers: count('Timeout') + count('Immediate'),
    ports: count('MessagePort'),
    buffered: server.stats().buffered,
  };
}

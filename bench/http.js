/**
 * Benchmarks of the whole server. Each result is a ratio to a peer in the same run.
 */
import { fileURLToPath } from 'node:url';
import { openLoop } from './overload.js';
import { generator, inTurns, load, median, Subject } from './load.js';

const file = (name) => fileURLToPath(new URL(name, import.meta.url));
const CLI = file('../dist/cli/main.js');

function ours(kind, threads, ...flags) {
  const args = [
    CLI,
    file('apps.js'),
    '--port',
    '0',
    '--threads',
    String(threads),
    '--no-supervise',
    ...flags,
  ];
  return new Subject(['tsgi-threads', ...flags].join(' '), args, { BENCH_KIND: kind }).ready();
}

function peer(name, kind, workers) {
  return new Subject(name, [file('node-http.js')], { BENCH_KIND: kind, WORKERS: String(workers) }).ready();
}

/** Does a request cost less CPU than with node:http? */
export async function hello(threads = 1) {
  const subjects = [await ours('hello', threads), await peer('node:http', 'hello', 0)];
  const result = await inTurns(subjects);
  for (const subject of subjects) await subject.end();
  const [a, b] = subjects.map(({ name }) => result[name]);
  const rate = (a.perSecond / b.perSecond).toFixed(2);
  const cpu = (a.cpu / b.cpu).toFixed(2);
  return `hello, 64 connections, ${threads} worker(s), ${generator}: ${rate}× the requests of node:http (${a.perSecond.toFixed(0)} : ${b.perSecond.toFixed(0)} a second), ${cpu}× its CPU a request (${a.cpu.toFixed(1)} : ${b.cpu.toFixed(1)} µs)`;
}

/** How much does the journal of a supervised server cost? */
export async function supervised() {
  const subjects = [await ours('hello', 1, '--supervise'), await ours('hello', 1)];
  const result = await inTurns(subjects, { rounds: 5 });
  for (const subject of subjects) await subject.end();
  const [a, b] = subjects.map(({ name }) => result[name]);
  const rate = (a.perSecond / b.perSecond).toFixed(2);
  return `hello, supervised with its journal: ${rate}× the requests of the same without, ${(a.cpu - b.cpu).toFixed(2)} µs more CPU a request (${a.cpu.toFixed(1)} : ${b.cpu.toFixed(1)} µs)`;
}

/** A process that lives longer than this does not count as a crash loop, ms. */
const LIFE_MS = 1100;

/** How long does no server answer after a worker exits, and after the whole process dies under its supervisor? */
export async function replaced() {
  const worker = await ours('mortal', 1);
  const workers = await absences(worker, '/exit', { times: 30, life: 0 });
  await worker.end();
  const supervised = await ours('mortal', 1, '--supervise');
  const processes = await absences(supervised, '/kill', { times: 8, life: LIFE_MS });
  await supervised.end();
  const show = (times) =>
    `${median(times).toFixed(0)} ms (median), ${Math.max(...times).toFixed(0)} ms (longest)`;
  return `a worker that exits: a replacement answers after ${show(workers)}; a process that dies under its supervisor: another answers after ${show(processes)}`;
}

/** Milliseconds from a request that ends its server to the response to the next request. */
async function absences({ url }, path, { times, life }) {
  const found = [];
  const ask = (at) => fetch(url + at, { headers: { connection: 'close' } }).then((answer) => answer.text());
  for (let i = 0; i < times; i++) {
    await new Promise((resolve) => setTimeout(resolve, life));
    const start = performance.now();
    await ask(path).catch(() => {});
    await ask('/');
    found.push(performance.now() - start);
  }
  return found;
}

/**
 * Ten times the load that a handler of 5 ms can serve. Does the goodput stay, and are excess requests rejected quickly?
 */
export async function overload() {
  const subject = await ours('cpu5', 1);
  const peak = await openLoop(subject.url, 250, 4);
  const over = await openLoop(subject.url, 2000, 6);
  await subject.end();
  const share = (100 * over.goodput) / peak.goodput;
  const at = (part) => over.refused[Math.floor(over.refused.length * part)]?.toFixed(1);
  return `2,000 requests a second where 200 can be answered: goodput ${share.toFixed(1)} % of the peak (${over.goodput.toFixed(0)} : ${peak.goodput.toFixed(0)} a second), ${over.refused.length} answered 503 within ${at(0.5)} ms (median), ${at(0.99)} ms (p99), ${over.failed} connections failed`;
}

/**
 * Which share of a busy worker's time does the application get?
 *
 * Measured twice: soon after the start, and after enough requests for V8 to compile the server's own code. At 200
 * requests a second this warm-up would take minutes, so it uses quick requests.
 */
export async function saturated() {
  const subject = await ours('cpu5', 1);
  const early = await shareInside(subject.url);
  const { requests } = await load(`${subject.url}/quick`, { seconds: 3 });
  const share = await shareInside(subject.url);
  await subject.end();
  return `5 ms of CPU a request, one worker, saturated: ${share} % of the wall time is inside the application (${early} % at first, before ${requests} quick requests)`;
}

/** In percent, as the application reports it in the middle of a load. */
async function shareInside(url) {
  const running = load(url, { seconds: 5, connections: 16 });
  const wait = (milliseconds) => new Promise((resolve) => setTimeout(resolve, milliseconds));
  const busy = async () => (await fetch(`${url}/busy`)).json();
  await wait(1000);
  const from = await busy();
  await wait(3000);
  const to = await busy();
  await running;
  return ((100 * (to.busy - from.busy)) / (to.now - from.now)).toFixed(1);
}

/** Do the workers share the load if handlers await and then use CPU? */
export async function spread() {
  const subject = await ours('awaits', 2);
  const times = [];
  for (let round = 0; round < 5; round++) {
    const start = performance.now();
    await Promise.all(Array.from({ length: 40 }, async () => (await fetch(subject.url)).text()));
    times.push(performance.now() - start);
  }
  await subject.end();
  const ideal = (40 * 20) / 2;
  return `40 × (5 ms await, 20 ms CPU), two workers: ${(median(times) / ideal).toFixed(2)}× the ideal ${ideal} ms (median of ${times.length})`;
}

/** How much does one slow request at a time delay cheap requests on the same server? */
export async function beside() {
  const subjects = [await ours('mixed', 2), await peer('node:cluster', 'mixed', 2)];
  const p99 = {};
  for (const subject of subjects) {
    let stop = false;
    const slow = (async () => {
      while (!stop) await (await fetch(`${subject.url}/slow`)).text();
    })();
    p99[subject.name] = percentile99(await cheapRequests(subject.url, 4));
    stop = true;
    await slow;
    await subject.end();
  }
  const [a, b] = subjects.map(({ name }) => p99[name]);
  return `cheap requests beside one of 120 ms at a time, two workers, 64 connections: p99 ${a.toFixed(1)} ms, node:cluster ${b.toFixed(1)} ms, ${(b / a).toFixed(1)}× lower`;
}

/** Sends about 400 requests a second over 64 connections and returns the time of each. */
async function cheapRequests(url, seconds) {
  const { Agent, get } = await import('node:http');
  const agent = new Agent({ keepAlive: true, maxSockets: 64 });
  const times = [];
  const one = () =>
    new Promise((resolve) => {
      const start = performance.now();
      get(url, { agent }, (response) => {
        response.resume().on('end', () => {
          times.push(performance.now() - start);
          resolve();
        });
      }).on('error', resolve);
    });
  const pending = new Set();
  const end = performance.now() + seconds * 1000;
  while (performance.now() < end) {
    for (let i = 0; i < 2; i++) {
      const request = one();
      pending.add(request);
      request.then(() => pending.delete(request));
    }
    await new Promise((resolve) => setTimeout(resolve, 5));
  }
  await Promise.all(pending);
  agent.destroy();
  return times;
}

function percentile99(times) {
  return [...times].sort((a, b) => a - b)[Math.floor(times.length * 0.99)];
}

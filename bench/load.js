/**
 * Load from another process, and CPU time as the operating system counts it. The generator is wrk if it is installed,
 * otherwise autocannon.
 */
import { spawn, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { readFileSync } from 'node:fs';
import { createRequire } from 'node:module';

const hasWrk = spawnSync('wrk', ['-v']).error === undefined;
export const generator = hasWrk ? 'wrk' : 'autocannon';

/** Requests a second and latency (ms) over `seconds`. Default: 64 keep-alive connections. */
export async function load(url, { seconds = 4, connections = 64 } = {}) {
  return hasWrk ? byWrk(url, seconds, connections) : byAutocannon(url, seconds, connections);
}

async function byWrk(url, seconds, connections) {
  const text = await output('wrk', ['-t1', `-c${connections}`, `-d${seconds}`, '--latency', url]);
  const number = (pattern) => Number(pattern.exec(text)?.[1] ?? 0);
  return {
    requests: number(/(\d+) requests in/),
    perSecond: number(/Requests\/sec:\s+([\d.]+)/),
    p99: milliseconds(/99%\s+([\d.]+\w+)/.exec(text)?.[1] ?? '0ms'),
    errors: number(/Non-2xx or 3xx responses: (\d+)/),
  };
}

function milliseconds(text) {
  const value = Number.parseFloat(text);
  if (text.endsWith('us')) return value / 1000;
  return text.endsWith('ms') ? value : value * 1000;
}

async function byAutocannon(url, seconds, connections) {
  const cli = createRequire(import.meta.url).resolve('autocannon');
  const text = await output(process.execPath, [cli, '-j', '-c', connections, '-d', seconds, url].map(String));
  const result = JSON.parse(text);
  return {
    requests: result.requests.total,
    perSecond: result.requests.average,
    p99: result.latency.p99,
    errors: result.non2xx,
  };
}

async function output(command, args) {
  const child = spawn(command, args, { stdio: ['ignore', 'pipe', 'ignore'] });
  let text = '';
  child.stdout.setEncoding('utf8').on('data', (more) => (text += more));
  await once(child, 'close');
  return text;
}

/** A server process that prints its address. */
export class Subject {
  constructor(name, args, env = {}) {
    this.name = name;
    this.child = spawn(process.execPath, args, {
      stdio: ['ignore', 'pipe', 'inherit'],
      env: { ...process.env, ...env },
    });
  }

  async ready() {
    let text = '';
    this.child.stdout.setEncoding('utf8');
    while (!/http:\/\/\S+/.test(text)) text += (await once(this.child.stdout, 'data'))[0];
    this.child.stdout.resume();
    this.url = /http:\/\/\S+/.exec(text)[0];
    return this;
  }

  /** User and system time of all threads so far, µs. 0 if the operating system does not report it. */
  cpu() {
    try {
      const pids = [this.child.pid, ...childrenOf(this.child.pid)];
      return pids.reduce((sum, pid) => sum + cpuOf(pid), 0);
    } catch {
      return 0;
    }
  }

  async end() {
    this.child.kill('SIGKILL');
    await once(this.child, 'exit');
  }
}

function cpuOf(pid) {
  const fields = readFileSync(`/proc/${pid}/stat`, 'utf8').split(') ')[1].split(' ');
  return (Number(fields[11]) + Number(fields[12])) * 10_000;
}

function childrenOf(pid) {
  return readFileSync(`/proc/${pid}/task/${pid}/children`, 'utf8')
    .trim()
    .split(/\s+/)
    .filter(Boolean)
    .map(Number);
}

export function median(values) {
  const sorted = [...values].sort((a, b) => a - b);
  return sorted[Math.floor(sorted.length / 2)];
}

/** Loads each subject in turn, `rounds` times. Returns the medians by name, with the CPU time per request. */
export async function inTurns(subjects, { rounds = 3, path = '/', ...options } = {}) {
  const results = new Map(subjects.map((subject) => [subject.name, []]));
  for (const subject of subjects) await load(subject.url + path, { ...options, seconds: 1 });
  for (let round = 0; round < rounds; round++) {
    for (const subject of subjects) {
      const before = subject.cpu();
      const result = await load(subject.url + path, options);
      results.get(subject.name).push({ ...result, cpu: (subject.cpu() - before) / result.requests });
    }
  }
  const middle = (runs, key) => median(runs.map((run) => run[key]));
  return Object.fromEntries(
    [...results].map(([name, runs]) => [
      name,
      { perSecond: middle(runs, 'perSecond'), cpu: middle(runs, 'cpu'), p99: middle(runs, 'p99') },
    ]),
  );
}

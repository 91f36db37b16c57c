/**
 * SIGKILL and SIGABRT end the serving process under its supervisor. The supervisor refuses no connection, and a new
 * process serves each time.
 */
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { fileURLToPath } from 'node:url';
import { Load, until, wait } from './load.js';
import { randomOf } from './random.js';

const CLI = fileURLToPath(new URL('../../dist/cli/main.js', import.meta.url));
const APP = fileURLToPath(new URL('./app.js', import.meta.url));
const SERVERS = 2;
/** A process that lives longer does not count as a crash loop, so that its successor starts immediately. */
const LIFE_MS = 1100;

class Supervised {
  #child = spawn(process.execPath, [CLI, APP, '--port', '0', '--threads', '1'], {
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  #out = '';
  #err = '';
  #ready = 0;

  async start() {
    this.#child.stdout.setEncoding('utf8').on('data', (text) => {
      this.#out += text;
      this.#ready += (text.match(/listening on/g) ?? []).length;
    });
    this.#child.stderr.setEncoding('utf8').on('data', (text) => (this.#err += text));
    await until(() => this.#ready > 0);
    this.port = Number(/:(\d+) with/.exec(this.#out)[1]);
    return this;
  }

  /** Ends the serving process. Resolves with the milliseconds until another process serves. */
  async abort(signal) {
    const [pid] = await childrenOf(this.#child.pid);
    const before = this.#ready;
    const at = performance.now();
    process.kill(pid, signal);
    return (await until(() => this.#ready > before)) ? performance.now() - at : undefined;
  }

  get told() {
    return (this.#err.match(/is started again/g) ?? []).length;
  }

  async end() {
    this.#child.kill('SIGTERM');
    if (this.#child.exitCode === null) await once(this.#child, 'exit');
    return this.#child.exitCode;
  }
}

async function childrenOf(pid) {
  const ps = spawn('ps', ['-o', 'pid=', '--ppid', String(pid)], { stdio: ['ignore', 'pipe', 'inherit'] });
  let text = '';
  ps.stdout.setEncoding('utf8').on('data', (more) => (text += more));
  await once(ps, 'close');
  return text.trim().split(/\s+/).map(Number);
}

export async function aborts({ seed, aborts: wanted, progress }) {
  const started = performance.now();
  const times = [];
  const problems = [];
  const totals = { requests: 0, lost: 0, connects: 0 };
  const random = randomOf(seed);
  await Promise.all(
    Array.from({ length: SERVERS }, async (_, index) => {
      const server = await new Supervised().start();
      const load = new Load({
        port: server.port,
        connections: 4,
        seed: seed + index,
        kinds: [['/await', 1]],
        fresh: true,
      });
      let mine = 0;
      while (mine < wanted / SERVERS) {
        await wait(LIFE_MS + random.below(200));
        const time = await server.abort(random.next() < 0.5 ? 'SIGKILL' : 'SIGABRT');
        if (time === undefined) problems.push('it did not serve again');
        else times.push(time);
        mine += 1;
        progress(`${times.length} aborts`);
      }
      const result = await load.stop();
      totals.requests += result.sent;
      // Requests in flight are lost with their process, and the log names them. No other request may be lost.
      totals.lost += result.bad.filter((text) => text.startsWith('lost')).length;
      problems.push(...result.bad.filter((text) => !text.startsWith('lost')));
      if (result.refused > 0) problems.push(`${result.refused} connects were refused`);
      if (server.told !== mine) problems.push(`${mine} aborts, and ${server.told} in the log`);
      const code = await server.end();
      if (code !== 0) problems.push(`exit code ${code}`);
    }),
  );
  times.sort((a, b) => a - b);
  return {
    aborts: times.length,
    ...totals,
    median: times[times.length >> 1],
    longest: times.at(-1),
    seconds: (performance.now() - started) / 1000,
    problems,
  };
}

/**
 * A server of a build in its own process, which reports its CPU time and memory.
 *
 * Law: runs as the child (`node subject.js DIST APP OPTIONS`) and is the parent's handle of it. The parent kills a
 * child that does not answer in time.
 */
import { fork } from 'node:child_process';
import { once } from 'node:events';
import path from 'node:path';
import { fileURLToPath, pathToFileURL } from 'node:url';

const FILE = fileURLToPath(import.meta.url);
const SAMPLE_MS = 5;

export class Subject {
  #child;
  port = 0;

  static async start(dist, app, options) {
    const subject = new Subject();
    const args = [dist, app, JSON.stringify(options)];
    subject.#child = fork(FILE, args, {
      stdio: ['ignore', 'ignore', 'inherit', 'ipc'],
    });
    const [port] = await once(subject.#child, 'message');
    subject.port = port;
    return subject;
  }

  /** Starts to count CPU time and memory. */
  begin() {
    return this.#ask('begin');
  }

  /** Returns { ms, memory } since `begin`. `memory` is the peak above the memory at that time. */
  end() {
    return this.#ask('end');
  }

  async #ask(what) {
    this.#child.send(what);
    const [answer] = await once(this.#child, 'message', { signal: AbortSignal.timeout(10_000) });
    return answer;
  }

  kill() {
    this.#child.kill('SIGKILL');
  }
}

if (process.argv[1] === FILE) await serve(...process.argv.slice(2));

async function serve(dist, app, options) {
  const { createServer } = await import(pathToFileURL(path.join(dist, 'index.js')).href);
  const silent = { error() {}, warn() {}, info() {} };
  const { threads, ...rest } = JSON.parse(options);
  const server = createServer(threads, { ...rest, app, port: 0, logger: silent });
  await server.listen();
  let from;
  let most = 0;
  const used = () => {
    const { heapUsed, external } = process.memoryUsage();
    return heapUsed + external;
  };
  process.on('message', (what) => {
    if (what === 'begin') {
      most = 0;
      from = { cpu: process.cpuUsage(), memory: used() };
      return process.send('begun');
    }
    const { user, system } = process.cpuUsage(from.cpu);
    return process.send({ ms: (user + system) / 1000, memory: most });
  });
  setInterval(() => {
    if (from !== undefined) most = Math.max(most, used() - from.memory);
  }, SAMPLE_MS);
  process.send(server.address.port);
}

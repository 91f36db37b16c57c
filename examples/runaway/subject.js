/**
 * A server in its own process: starts it, reads its CPU time, ends it.
 *
 * No process of the demo survives it, however the demo ends: a process in a loop would use a core forever.
 */
import { execFileSync, spawn } from 'node:child_process';
import { once } from 'node:events';
import { readFileSync } from 'node:fs';
import { createInterface } from 'node:readline';

const running = new Set();
process.on('exit', () => running.forEach((subject) => subject.kill()));

export class Subject {
  url = '';
  #child;
  #pids = [];
  #exited;

  /** `say` receives each line that the server writes to standard error. */
  constructor(name, args, say) {
    this.name = name;
    // The channel closes when this process ends, so that the child notices. It carries no message.
    this.#child = spawn(process.execPath, args, { stdio: ['ignore', 'pipe', 'pipe', 'ipc'] });
    this.#pids.push(this.#child.pid);
    this.#exited = once(this.#child, 'exit');
    running.add(this);
    createInterface(this.#child.stderr).on('line', say);
  }

  get pids() {
    return this.#pids;
  }

  /** Resolves when the server listens. By then workers that are processes have printed their pids. */
  async ready() {
    const lines = createInterface(this.#child.stdout);
    const listens = new Promise((resolve) => lines.on('line', (line) => this.#read(line, resolve)));
    const gone = this.#exited.then(([code]) => {
      throw new Error(`${this.name} ended with ${code} before it listened`);
    });
    await Promise.race([listens, gone]);
    gone.catch(() => {});
  }

  #read(line, listens) {
    const worker = /^worker (\d+)$/.exec(line);
    if (worker !== null) this.#pids.push(Number(worker[1]));
    const url = /http:\/\/\S+/.exec(line);
    if (url === null) return;
    this.url = url[0];
    listens();
  }

  /** Seconds of CPU that its processes have used so far. NaN if the operating system does not report it. */
  cpu() {
    return this.#pids.reduce((sum, pid) => sum + cpuOf(pid), 0);
  }

  /** Kills the parent first, because it would replace its workers. */
  kill() {
    for (const pid of this.#pids) {
      try {
        process.kill(pid, 'SIGKILL');
      } catch {}
    }
    running.delete(this);
  }

  async end() {
    this.kill();
    await this.#exited;
  }
}

function cpuOf(pid) {
  try {
    return process.platform === 'linux' ? fromProc(pid) : fromPs(pid);
  } catch {
    return NaN;
  }
}

function fromProc(pid) {
  const fields = readFileSync(`/proc/${pid}/stat`, 'utf8').split(') ')[1].split(' ');
  return (Number(fields[11]) + Number(fields[12])) / 100;
}

/** `0:01.25`, or `00:00:01`. */
function fromPs(pid) {
  const text = execFileSync('ps', ['-o', 'time=', '-p', String(pid)], { encoding: 'utf8' });
  return text.split(':').reduce((sum, part) => sum * 60 + Number(part), 0);
}

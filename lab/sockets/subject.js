/**
 * A server in its own process: starts it, measures its cost, ends it. Memory and CPU are NaN except on Linux.
 */
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';

const file = (name) => fileURLToPath(new URL(name, import.meta.url));
const TICKS_A_SECOND = 100;
/** The same backlog as in `echo.js`: many clients reconnect at once. */
const BACKLOG = 4096;

export class Subject {
  url = '';
  #child;
  #output = '';

  constructor(args) {
    this.#child = spawn(process.execPath, args, { stdio: ['ignore', 'pipe', 'pipe'] });
    for (const stream of [this.#child.stdout, this.#child.stderr])
      stream.setEncoding('utf8').on('data', (text) => (this.#output += text));
  }

  static async onNode() {
    const subject = new Subject([file('echo.js')]);
    [subject.url] = await subject.#says(/http:\/\/127\S+/);
    return subject;
  }

  static async onOurs(threads, sockets) {
    const flags = ['--threads', threads, '--max-connections', sockets + 1000, '--backlog', BACKLOG];
    const args = [file('../../dist/cli/main.js'), file('echo.js'), '--port', 0, '--no-supervise', ...flags];
    const subject = new Subject(args.map(String));
    await subject.#says(/listening on/);
    [subject.url] = await subject.#says(/http:\/\/127\S+/);
    return subject;
  }

  /** Reloads the application. Resolves when the new workers serve. */
  async reload() {
    this.#child.kill('SIGHUP');
    await this.#says(/reloaded in|not reloaded/);
  }

  /** Resident memory, bytes. */
  get memory() {
    return fromProc(() => 1024 * Number(/VmRSS:\s+(\d+)/.exec(this.#read('status'))[1]));
  }

  /** CPU seconds of all its threads so far. */
  get cpu() {
    return fromProc(() => {
      const fields = this.#read('stat').split(') ')[1].split(' ');
      return (Number(fields[11]) + Number(fields[12])) / TICKS_A_SECOND;
    });
  }

  get log() {
    return this.#output;
  }

  async end() {
    this.#child.kill('SIGKILL');
    if (this.#child.exitCode === null) await once(this.#child, 'exit');
  }

  #read(name) {
    return readFileSync(`/proc/${this.#child.pid}/${name}`, 'utf8');
  }

  async #says(pattern) {
    let found;
    while ((found = pattern.exec(this.#output)) === null) {
      if (this.#child.exitCode !== null) throw new Error(`the server ended:\n${this.#output}`);
      await Promise.race([once(this.#child.stdout, 'data'), once(this.#child.stderr, 'data')]);
    }
    return found;
  }
}

function fromProc(read) {
  return process.platform === 'linux' ? read() : NaN;
}

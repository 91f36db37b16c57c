/**
 * The real command line, started for a test and ended with it.
 */
import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { fileURLToPath } from 'node:url';
import { onTestFinished } from 'vitest';

const CLI = fileURLToPath(new URL('../../dist/cli/main.js', import.meta.url));

const READY = /^tsgi-threads \S+ listening on (\S+) .*\n/m;

export interface Finished {
  readonly code: number | null;
  readonly stdout: string;
  readonly stderr: string;
}

export class Cli {
  readonly child: ChildProcess;
  stdout = '';
  stderr = '';
  readonly #closed: Promise<unknown>;

  constructor(
    args: readonly string[],
    options: {
      cwd?: string;
      env?: Record<string, string | undefined>;
      detached?: boolean;
      node?: string[];
      /** The limit of open files. */
      openFiles?: number;
      uid?: number;
      gid?: number;
    } = {},
  ) {
    const env = { ...process.env, ...options.env };
    const command = [process.execPath, ...(options.node ?? []), CLI, ...args];
    if (options.openFiles !== undefined)
      command.unshift('sh', '-c', `ulimit -n ${options.openFiles} && exec "$@"`, 'sh');
    this.child = spawn(command[0]!, command.slice(1), {
      ...options,
      env,
      stdio: ['ignore', 'pipe', 'pipe'],
    });
    this.child.stdout!.setEncoding('utf8').on('data', (text: string) => (this.stdout += text));
    this.child.stderr!.setEncoding('utf8').on('data', (text: string) => (this.stderr += text));
    this.#closed = once(this.child, 'close');
    onTestFinished(() => void this.child.kill('SIGKILL'));
  }

  /** Resolves with the address of the ready line. */
  async url(): Promise<string> {
    let found: RegExpExecArray | null;
    while ((found = READY.exec(this.stdout)) === null) {
      await Promise.race([once(this.child.stdout!, 'data'), this.#closed]);
      if (this.child.exitCode !== null) throw new Error(`exited with ${this.child.exitCode}: ${this.stderr}`);
    }
    return found[1]!;
  }

  /** Resolves when standard output or standard error contains `text`, or matches it. */
  async says(text: string | RegExp): Promise<void> {
    const found = (all: string) => (typeof text === 'string' ? all.includes(text) : text.test(all));
    while (!found(this.stdout + this.stderr)) {
      const [out, error] = [this.child.stdout!, this.child.stderr!];
      await Promise.race([once(out, 'data'), once(error, 'data'), this.#closed]);
      if (this.child.exitCode !== null) throw new Error(`exited with ${this.child.exitCode}: ${this.stderr}`);
    }
  }

  async finished(): Promise<Finished> {
    await this.#closed;
    return { code: this.child.exitCode, stdout: this.stdout, stderr: this.stderr };
  }
}

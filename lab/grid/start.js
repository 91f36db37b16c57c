/**
 * Starts a program on plain Node or under the command line of this server.
 *
 * Law: processes and folders. It does not know the responses. Each program gets its own copy of the files that it may
 * change.
 */
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { cpSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { fileURLToPath } from 'node:url';

const root = fileURLToPath(new URL('../..', import.meta.url));
const CLI = path.join(root, 'dist', 'cli', 'main.js');
const ON_NODE = new URL('./on-node.js', import.meta.url).href;
/** The longest time until a program listens, and until it has ended, ms. */
const PATIENCE_MS = 60_000;
const END_MS = 10_000;

export const GRID = path.join(root, 'test', 'grid');

/** `file`, relative to the grid, and `args` as the program itself receives them. */
export function startOnNode({ file, args = [], ...place }) {
  return new Started(['--import', ON_NODE, path.join(GRID, file), ...args], place);
}

export function startOnThreads({ file, args = [], threads, flags = [], ...place }) {
  const own = [
    path.join(GRID, file),
    '--threads',
    String(threads),
    '--host',
    '127.0.0.1',
    '--port',
    '0',
    ...flags,
  ];
  return new Started([CLI, ...own, '--', ...args], place);
}

class Started {
  #child;
  #folder;
  #closed;
  #port;
  output = '';

  /** Runs in a temporary folder with a copy of `data`. If the row has `folder`, the program starts there instead. */
  constructor(args, { env = {}, data, folder }) {
    this.#folder = mkdtempSync(path.join(tmpdir(), 'tsgi-grid-'));
    if (data !== undefined)
      cpSync(path.join(GRID, data), this.#folder, { recursive: true, preserveTimestamps: true });
    this.#child = spawn(process.execPath, args, {
      cwd: folder === undefined ? this.#folder : path.join(GRID, folder),
      env: { ...cleaned(process.env), NODE_ENV: 'production', ...env },
      stdio: ['ignore', 'pipe', 'pipe', 'ipc'],
    });
    this.#closed = once(this.#child, 'close');
    this.#port = new Promise((resolve) => {
      this.#child.on('message', ({ port }) => port !== undefined && resolve(port));
      const read = (text) => {
        this.output += text;
        const [, port] = /listening on http:\/\/\S+:(\d+) with /.exec(this.output) ?? [];
        if (port !== undefined) resolve(Number(port));
      };
      for (const stream of [this.#child.stdout, this.#child.stderr])
        stream.setEncoding('utf8').on('data', read);
    });
  }

  /** Resolves with the port on which the program listens. */
  async port() {
    const late = { timer: undefined };
    const failed = new Promise((_, reject) => {
      late.timer = setTimeout(() => reject(new Error(`does not listen:\n${this.output}`)), PATIENCE_MS);
      void this.#closed.then(([code]) => reject(new Error(`ended with ${code}:\n${this.output}`)));
    });
    try {
      return await Promise.race([this.#port, failed]);
    } finally {
      clearTimeout(late.timer);
    }
  }

  /** Resolves when the program has ended: 0 if it ended by itself, otherwise the code or signal. */
  async end() {
    this.#child.kill('SIGTERM');
    const timer = setTimeout(() => this.#child.kill('SIGKILL'), END_MS);
    const [code, signal] = await this.#closed;
    clearTimeout(timer);
    rmSync(this.#folder, { recursive: true, force: true });
    return { code, signal };
  }
}

/** The environment without variables that name another port or another server. */
function cleaned(env) {
  return Object.fromEntries(
    Object.entries(env).filter(
      ([name]) => !/^(?:TSGI_|PORT$|HOST(?:NAME)?$|VITEST|NODE_OPTIONS$)/.test(name),
    ),
  );
}

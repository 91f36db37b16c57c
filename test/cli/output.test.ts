/**
 * Output whose reader has stopped or has left, or that goes to a full disk.
 */
import { execFileSync, spawn, spawnSync } from 'node:child_process';
import { closeSync, constants, openSync } from 'node:fs';
import net from 'node:net';
import path from 'node:path';
import type { Readable } from 'node:stream';
import { setTimeout as wait } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { describe, expect, onTestFinished, test } from 'vitest';
import { Cli } from '../support/cli.ts';
import { appFile } from '../support/server.ts';
import { until } from '../support/until.ts';

const CLI = fileURLToPath(new URL('../../dist/cli/main.js', import.meta.url));
const REQUESTS = 40;
const LINES = 20;

/**
 * A request prints lines of a kilobyte: a worker to one of its streams, or the acceptor, which writes `tsgi.errors`.
 */
const app = () =>
  appFile(`
  export default (environ, startResponse) => {
    const to = { '/stdout': process.stdout, '/stderr': process.stderr, '/acceptor': environ['tsgi.errors'] };
    for (let i = 0; i < ${LINES}; i++) to[environ.PATH_INFO]?.write('x'.repeat(1000) + '\\n');
    startResponse(200, []);
    return 'ok';
  };
`);

/** The bytes of a stream, as far as they are read. */
class Reader {
  text = '';
  readonly #stream: Readable;

  constructor(stream: Readable) {
    this.#stream = stream;
    stream.setEncoding('utf8').on('data', (text: string) => (this.text += text));
  }

  async until(found: RegExp): Promise<RegExpExecArray> {
    return until(() => found.exec(this.text));
  }

  stop(): void {
    this.#stream.pause();
  }

  go(): void {
    this.#stream.resume();
  }
}

interface Served {
  readonly url: string;
  readonly stdout: Reader;
  readonly stderr: Reader;
}

/** A pipe as in a shell: a pipe in the file system has the same kind of descriptor as `|`. */
function pipe(): { readable: Readable; fd: number } {
  const file = path.join(path.dirname(appFile('')), 'pipe');
  execFileSync('mkfifo', [file]);
  const readable = new net.Socket({ fd: openSync(file, constants.O_RDONLY | constants.O_NONBLOCK) });
  return { readable, fd: openSync(file, constants.O_WRONLY) };
}

const STARTS: Record<string, (args: string[]) => [Readable, Readable]> = {
  // Node connects a child by sockets.
  sockets(args) {
    const child = spawn(process.execPath, [CLI, ...args], { stdio: ['ignore', 'pipe', 'pipe'] });
    onTestFinished(() => void child.kill('SIGKILL'));
    return [child.stdout, child.stderr];
  },
  pipes(args) {
    const [out, error] = [pipe(), pipe()];
    const child = spawn(process.execPath, [CLI, ...args], { stdio: ['ignore', out.fd, error.fd] });
    onTestFinished(() => void child.kill('SIGKILL'));
    closeSync(out.fd);
    closeSync(error.fd);
    return [out.readable, error.readable];
  },
};

async function start(kind: string, flag: string): Promise<Served> {
  const [out, error] = STARTS[kind]!([app(), '--port', '0', '--threads', '1', flag]);
  const [stdout, stderr] = [new Reader(out), new Reader(error)];
  const [, url] = await stdout.until(/listening on (\S+)/);
  return { url: url!, stdout, stderr };
}

const printed = (text: string) => text.match(/^x{1000}$/gm)?.length ?? 0;
const dropped = (text: string) =>
  [...text.matchAll(/(\d+) lines of standard \w+ were dropped/g)].reduce((sum, [, n]) => sum + Number(n), 0);

describe.each(['sockets', 'pipes'])('a stopped reader of %s', (kind) => {
  test.each([
    ['/stderr', '--supervise'],
    ['/stdout', '--supervise'],
    ['/acceptor', '--supervise'],
    ['/stderr', '--no-supervise'],
    ['/acceptor', '--no-supervise'],
  ])('%s: clients get responses, and the log counts the dropped lines, %s (A12)', async (where, flag) => {
    const { url, stdout, stderr } = await start(kind, flag);
    const reader = where === '/stdout' ? stdout : stderr;
    reader.stop();
    for (let i = 0; i < REQUESTS; i++)
      expect((await fetch(url + where, { signal: AbortSignal.timeout(5000) })).status).toBe(200);
    reader.go();
    await stderr.until(
      /tsgi-threads: \d+ lines of standard \w+ were dropped within [\d.]+ s, because its reader/,
    );
    expect((await fetch(url)).status).toBe(200);
    await until(() => printed(reader.text) + dropped(stderr.text) >= REQUESTS * LINES);
    expect(printed(reader.text) + dropped(stderr.text)).toBe(REQUESTS * LINES);
    expect(printed(reader.text)).toBeGreaterThan(50);
  });
});

test('a slow reader loses nothing, because a worker waits for it (A12)', async () => {
  const { url, stdout } = await start('pipes', '--no-supervise');
  stdout.stop();
  const answers = Array.from({ length: 10 }, () => fetch(`${url}/stdout`));
  // How long the reader is slow.
  await wait(200);
  stdout.go();
  for (const answer of answers) expect((await answer).status).toBe(200);
  await until(() => printed(stdout.text) >= 10 * LINES);
});

test('a paused terminal delays no client (A12)', async (context) => {
  if (spawnSync('script', ['--version']).stdout?.includes('util-linux') !== true) return context.skip();
  const command = `${process.execPath} ${CLI} ${app()} --port 0 --threads 1`;
  const terminal = spawn('script', ['-qefc', command, '/dev/null'], { stdio: ['pipe', 'pipe', 'inherit'] });
  onTestFinished(() => void terminal.kill('SIGKILL'));
  const shown = new Reader(terminal.stdout);
  const [, url] = await shown.until(/listening on (\S+)/);
  shown.stop();
  for (const where of ['/stderr', '/acceptor'])
    for (let i = 0; i < REQUESTS; i++)
      expect((await fetch(url + where, { signal: AbortSignal.timeout(5000) })).status).toBe(200);
  shown.go();
  await shown.until(/lines of standard error were dropped/);
});

test('a full disk costs lines and no request (A12)', async () => {
  const child = spawn(process.execPath, [CLI, app(), '--port', '0', '--threads', '1'], {
    stdio: ['ignore', 'pipe', openSync('/dev/full', 'w')],
  });
  onTestFinished(() => void child.kill('SIGKILL'));
  const stdout = new Reader(child.stdout!);
  const [, url] = await stdout.until(/listening on (\S+)/);
  for (const where of ['/stderr', '/acceptor'])
    for (let i = 0; i < REQUESTS; i++) expect((await fetch(url + where)).status).toBe(200);
});

test('a reader that has left costs no request, and the exit code is right (A12)', async () => {
  const cli = new Cli([app(), '--port', '0', '--threads', '1']);
  const url = await cli.url();
  cli.child.stdout!.destroy();
  cli.child.stderr!.destroy();
  for (const where of ['/stdout', '/stderr', '/acceptor'])
    for (let i = 0; i < REQUESTS; i++) expect((await fetch(url + where)).status).toBe(200);
  cli.child.kill('SIGTERM');
  expect((await cli.finished()).code).toBe(0);
});

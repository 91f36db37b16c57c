/**
 * The supervisor and its socket: bound at the child's request, kept when the child dies.
 */
import { once } from 'node:events';
import { renameSync, rmSync, symlinkSync } from 'node:fs';
import net from 'node:net';
import { fileURLToPath } from 'node:url';
import { expect, onTestFinished, test, vi } from 'vitest';
import { Supervisor } from '../../dist/supervisor/supervisor.js';
import { appFile } from '../support/server.ts';
import { until } from '../support/until.ts';

const CHILD = fileURLToPath(new URL('./fixtures/child.mjs', import.meta.url));

type Asks = readonly (readonly ['reserve' | 'bind', number])[];

/** Runs the supervisor for a child that requests these addresses. Resolves with the exit code. */
function run(
  asks: Asks,
  program: string = process.execPath,
): { supervisor: Supervisor; code: Promise<number>; log: string[] } {
  const command: [string, ...string[]] = [program, CHILD, JSON.stringify(asks)];
  const log: string[] = [];
  const supervisor = new Supervisor({
    command,
    shutdownTimeout: 1000,
    bootTimeout: 1000,
    watchdogTimeout: 0,
    log: (text) => log.push(text),
    onSignals: () => {},
  });
  onTestFinished(() => supervisor.kill());
  return { supervisor, code: supervisor.run(), log };
}

/** A port on which no process listens now. */
async function freePort(): Promise<number> {
  const server = await listen(0);
  const { port } = server.address() as net.AddressInfo;
  server.close();
  await once(server, 'close');
  return port;
}

async function listen(port: number): Promise<net.Server> {
  const server = net.createServer().listen(port, '127.0.0.1');
  onTestFinished(() => void server.close());
  await once(server, 'listening');
  return server;
}

/**
 * Process id and port in the response of the child at `port`. Undefined if no process listens, '' if the child died
 * meanwhile.
 */
function ask(port: number, text = ''): Promise<string | undefined> {
  return new Promise((resolve) => {
    const client = net.connect(port, '127.0.0.1');
    onTestFinished(() => void client.destroy());
    client.setEncoding('utf8').once('data', (data: string) => {
      if (text !== '') client.write(text);
      resolve(data);
    });
    client.once('error', ({ code }: NodeJS.ErrnoException) =>
      resolve(code === 'ECONNREFUSED' ? undefined : ''),
    );
    client.once('close', () => resolve(''));
  });
}

async function served(port: number): Promise<string> {
  for (;;) {
    const answer = await ask(port);
    if (answer !== undefined) return answer;
  }
}

test('another address than the reserved one is bound in its place, and the reservation is released', async () => {
  const [reserved, wanted] = [await freePort(), await freePort()];
  const { supervisor, code } = run([
    ['reserve', reserved],
    ['bind', wanted],
  ]);
  expect(await served(wanted)).toMatch(new RegExp(`^\\d+ ${wanted}$`));
  await listen(reserved);
  supervisor.close(0);
  expect(await code).toBe(0);
  expect(await ask(wanted)).toBeUndefined();
});

test('a dead child is followed by one with the same socket, although it first reserves another', async () => {
  const [reserved, wanted] = [await freePort(), await freePort()];
  const { supervisor, code } = run([
    ['reserve', reserved],
    ['bind', wanted],
  ]);
  const first = await served(wanted);
  const death = await ask(wanted, 'die');
  expect(death).toBe(first);
  // Never refused: the kernel keeps the connections for the next process.
  let now = await ask(wanted);
  while (now === first || now === '') now = await ask(wanted);
  expect(now).toMatch(new RegExp(`^\\d+ ${wanted}$`));
  supervisor.close(0);
  expect(await code).toBe(0);
});

test.each(['reserve', 'bind'] as const)(
  'the child receives the error of an unavailable address: %s',
  async (type) => {
    const taken = ((await listen(0)).address() as net.AddressInfo).port;
    const { code } = run([[type, taken]]);
    expect(await code).toBe(42);
  },
);

test('a bind that fails after a reservation leaves nothing reserved', async () => {
  const reserved = await freePort();
  const taken = ((await listen(0)).address() as net.AddressInfo).port;
  const { code } = run([
    ['reserve', reserved],
    ['bind', taken],
  ]);
  expect(await code).toBe(42);
  await listen(reserved);
});

test('a program that cannot be started ends the supervisor with 1 and the reason', async () => {
  const { code, log } = run([], '/is/not/there');
  expect(await code).toBe(1);
  expect(log).toEqual(['The server process cannot be started: spawn /is/not/there ENOENT']);
});

test('a program that cannot be started any more is retried until it starts', async () => {
  const port = await freePort();
  const program = appFile('', 'node');
  rmSync(program);
  symlinkSync(process.execPath, program);
  const { supervisor, code, log } = run([['bind', port]], program);
  const first = await served(port);
  renameSync(program, `${program}.away`);
  await ask(port, 'die');
  await until(
    () =>
      log.filter((line) => line.includes('cannot be started, and the supervisor tries again')).length >= 2,
  );
  renameSync(`${program}.away`, program);
  let now = await ask(port);
  while (now === first || now === '') now = await ask(port);
  expect(now).toMatch(new RegExp(`^\\d+ ${port}$`));
  supervisor.close(0);
  expect(await code).toBe(0);
});

test('a supervisor without a place for temporary files still serves, and does not claim that no request was lost', async () => {
  vi.stubEnv('TMPDIR', '/is/not/there');
  onTestFinished(() => void vi.unstubAllEnvs());
  const port = await freePort();
  const { supervisor, code, log } = run([['bind', port]]);
  await served(port);
  await ask(port, 'die');
  await until(() => log.length !== 0);
  expect(log[0]).toMatch(/ died by SIGKILL and is started again; the lost requests are unknown/);
  supervisor.close(0);
  await code;
});

/**
 * The supervisor and its socket: bound when the child asks, kept when it dies.
 */
import { once } from 'node:events';
import net from 'node:net';
import { fileURLToPath } from 'node:url';
import { expect, onTestFinished, test } from 'vitest';
import { Supervisor } from '../../dist/supervisor/supervisor.js';

const CHILD = fileURLToPath(new URL('./fixtures/child.mjs', import.meta.url));

type Asks = readonly (readonly ['reserve' | 'bind', number])[];

/** Serves what a child asks for; resolves with the exit code. */
function run(asks: Asks): { supervisor: Supervisor; code: Promise<number> } {
  const command: [string, ...string[]] = [process.execPath, CHILD, JSON.stringify(asks)];
  const supervisor = new Supervisor({ command, shutdownTimeout: 1000, log: () => {} });
  onTestFinished(() => supervisor.kill());
  return { supervisor, code: supervisor.run() };
}

/** What nobody listens on just now. */
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

/** Process id and port that the child at `port` answers; undefined when nobody listens, '' when it died meanwhile. */
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

test('another address than the one reserved is bound in its place, and what was reserved is free', async () => {
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

test('a child that dies is followed by one with the same socket, although it reserves another first', async () => {
  const [reserved, wanted] = [await freePort(), await freePort()];
  const { supervisor, code } = run([
    ['reserve', reserved],
    ['bind', wanted],
  ]);
  const first = await served(wanted);
  const death = await ask(wanted, 'die');
  expect(death).toBe(first);
  // Never refused: the kernel keeps them for the next.
  let now = await ask(wanted);
  while (now === first || now === '') now = await ask(wanted);
  expect(now).toMatch(new RegExp(`^\\d+ ${wanted}$`));
  supervisor.close(0);
  expect(await code).toBe(0);
});

test.each(['reserve', 'bind'] as const)(
  'an address that cannot be had is told to the child: %s',
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

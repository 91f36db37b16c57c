/**
 * What befalls open WebSockets: a worker that dies, a client that does not read, one that is gone, and all of it at random.
 */
import { once } from 'node:events';
import { readFileSync } from 'node:fs';
import { setTimeout as wait } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { expect, onTestFinished, test } from 'vitest';
import { WebSocket } from 'ws';
import { randomOf } from '../proof/random.ts';
import { serveFile } from '../support/server.ts';
import { SequenceClient } from './ws-client.ts';
import { close, ping, text } from './ws-frames.ts';
import { type Step, stepsOf } from './ws-sequences.ts';
import { onOurs, type Subject } from './ws-servers.ts';

const ECHO = fileURLToPath(new URL('fixtures/ws-echo.mjs', import.meta.url));
const SEED = Number(process.env.TSGI_TEST_SEED ?? Date.now() % 1_000_000);
const MIB = 1024 * 1024;

async function open(port: number, target = '/echo'): Promise<WebSocket> {
  const ws = new WebSocket(`ws://127.0.0.1:${port}${target}`);
  onTestFinished(() => ws.terminate());
  ws.on('error', () => {});
  await once(ws, 'open');
  return ws;
}

async function ask(ws: WebSocket, message: string): Promise<string> {
  ws.send(message);
  return String((await once(ws, 'message'))[0]);
}

async function closed(ws: WebSocket): Promise<number> {
  return ws.readyState === WebSocket.CLOSED ? 1006 : ((await once(ws, 'close'))[0] as number);
}

async function until(holds: () => boolean): Promise<void> {
  while (!holds()) await wait(2);
}

/** Bytes of memory that a process has. */
function memoryOf({ pid }: Subject): number {
  return Number(/VmRSS:\s+(\d+)/.exec(readFileSync(`/proc/${pid}/status`, 'utf8'))![1]) * 1024;
}

test('a worker that dies resets its sockets and nobody else’s', async () => {
  const { port } = await onOurs(2);
  const sockets = await Promise.all(Array.from({ length: 8 }, () => open(port)));
  const workers = await Promise.all(sockets.map((ws) => ask(ws, '!who')));
  expect(new Set(workers).size).toBe(2);
  const own = sockets.filter((_, index) => workers[index] === workers[0]);
  const others = sockets.filter((_, index) => workers[index] !== workers[0]);
  const codes = Promise.all(own.map(closed));
  own[0]!.send('!exit');
  expect(await codes).toEqual(own.map(() => 1006));
  expect(await Promise.all(others.map((ws) => ask(ws, 'still here')))).toEqual(
    others.map(() => 'still here'),
  );
  expect(await ask(await open(port), 'and new ones')).toBe('and new ones');
});

test('what a client said before it was gone is heard', async () => {
  const subject = await onOurs(1);
  const other = await open(subject.port, '/echo?id=other');
  const client = new SequenceClient(subject.port, () => 0);
  const said = client.say(stepsOf({ name: '', site: '/echo', steps: [text('hello'), 1] }, 'client'));
  await until(() => subject.notes('client').length === 2);
  other.send('!busy 600');
  await until(() => subject.notes('other').length === 2);
  await client.send(Buffer.concat([text('last words'), text('x'.repeat(20_000)), text('really')]));
  client.leave();
  await said;
  await until(() => subject.notes('client').length >= 6);
  expect(subject.notes('client').map((line) => (JSON.parse(line) as unknown[]).slice(0, 3))).toEqual([
    ['open', '', ''],
    ['message', false, 5],
    ['message', false, 10],
    ['message', false, 20_000],
    ['message', false, 6],
    ['close', 1006, ''],
  ]);
});

/** Milliseconds until each of so many messages came back, one after the other on each socket. */
async function times(sockets: readonly WebSocket[], rounds: number): Promise<number[]> {
  const all: number[] = [];
  for (let round = 0; round < rounds; round++)
    await Promise.all(
      sockets.map(async (ws) => {
        const start = performance.now();
        await ask(ws, 'how long');
        all.push(performance.now() - start);
      }),
    );
  return all.sort((a, b) => a - b);
}

test('one that does not read stops its own sender, and 63 others on its worker keep their pace', async () => {
  const subject = await onOurs(1);
  const others = await Promise.all(Array.from({ length: 63 }, () => open(subject.port)));
  const watcher = await open(subject.port, '/welcome');
  const before = await times(others, 10);
  const memory = memoryOf(subject);
  const slow = await open(subject.port);
  slow.pause();
  slow.send('!flood 4');
  let news = { sent: 0, waiting: 0 };
  watcher.on('message', (data) => (news = JSON.parse(String(data)) as typeof news));
  await until(() => news.waiting >= 4 * MIB);
  const { sent } = news;
  const during = await times(others, 10);
  // What lies in kernels and windows is not much, and what waits is no more than it allows itself.
  expect(news.sent - sent).toBeLessThan(1 * MIB);
  expect(sent).toBeLessThan(16 * MIB);
  expect(memoryOf(subject) - memory).toBeLessThan(48 * MIB);
  expect(at(during, 0.9)).toBeLessThan(5 * at(before, 0.9) + 20);
  slow.resume();
  await until(() => news.sent > sent + 8 * MIB);
});

function at(sorted: readonly number[], part: number): number {
  return sorted[Math.floor(sorted.length * part)]!;
}

test('one whose server does not read is stopped, and all it said comes in the end', async () => {
  const subject = await onOurs(1);
  const ws = await open(subject.port, '/echo?id=slow');
  const other = await open(subject.port);
  ws.send('!pause');
  await until(() => subject.notes('slow').length === 2);
  const piece = Buffer.alloc(256 * 1024, 'x');
  for (let i = 0; i < 160; i++) ws.send(piece);
  await times([other], 20);
  // Kernels and windows hold a few; the server has no more of it.
  expect(ws.bufferedAmount).toBeGreaterThan(30 * MIB);
  let echoed = 0;
  ws.on('message', (data: Buffer) => (echoed += data.length));
  other.send('!resume');
  await until(() => echoed === 160 * piece.length);
});

/** Something that a client may do, right or wrong, and how it leaves. */
function behaviour(random: () => number): Step[] {
  const below = (end: number) => Math.floor(random() * end);
  const speak = (): Step =>
    [
      () => text('x'.repeat(below(300))),
      () => text('x'.repeat(below(300_000))),
      () => ping('y'.repeat(below(126))),
      () => text(`!pause ${below(20)}`),
      () => text(`!flood 1`),
      () => text('wrong', { masked: false }),
      () => text('!terminate'),
      () => text('!close 4000 enough'),
      () => text('cut off').subarray(0, below(9)),
    ][below(9)]!();
  const leave: Step[][] = [[close(1000), 'fin'], [close(1000), 'reset'], ['fin'], ['reset']];
  return [...Array.from({ length: below(6) }, speak), ...leave[below(4)]!];
}

test(`after clients that do what they like nothing is left, seed ${SEED}`, async () => {
  const { server, port } = await serveFile(ECHO, 2);
  const random = randomOf(SEED);
  for (let round = 0; round < 6; round++)
    await Promise.all(
      Array.from({ length: 60 }, async (_, index) => {
        const client = new SequenceClient(port, randomOf(SEED + 60 * round + index));
        await client.say(stepsOf({ name: '', site: '/echo', steps: behaviour(random) }, `${index}`));
      }),
    );
  const left = () => {
    const { connections, inFlight, pending, buffered, uploads } = server.stats();
    return connections + inFlight + pending + buffered + uploads;
  };
  await until(() => left() === 0);
  // Nobody waits for sockets that are not there.
  const start = performance.now();
  await server.reload();
  await until(() => server.stats().workers === 2);
  expect(performance.now() - start).toBeLessThan(8000);
  expect(await ask(await open(port), 'as new')).toBe('as new');
});

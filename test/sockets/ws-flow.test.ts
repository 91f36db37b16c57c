/**
 * A client that does not read stops only its own sender, in both directions, and no byte is lost.
 */
import { createHash } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { setTimeout as wait } from 'node:timers/promises';
import { expect, test } from 'vitest';
import type { WebSocket } from 'ws';
import { randomOf } from '../../lab/proof/random.ts';
import { ask, open } from './ws-open.ts';
import { onOurs, type Subject } from './ws-servers.ts';
import { until } from '../support/until.ts';

const SEED = Number(process.env.TSGI_TEST_SEED ?? Date.now() % 1_000_000);
const MIB = 1024 * 1024;

/** The memory of a process, bytes. */
function memoryOf({ pid }: Subject): number {
  return Number(/VmRSS:\s+(\d+)/.exec(readFileSync(`/proc/${pid}/status`, 'utf8'))![1]) * 1024;
}

/** Milliseconds until each of these messages returned, one after the other on each socket. */
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

test('a client that does not read stops its own sender, and 63 others on its worker keep their speed', async () => {
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
  // Kernels and windows hold little, and the waiting bytes stay within the sender's own limit.
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

test('a client whose server does not read is paused, and all its messages arrive at last', async () => {
  const subject = await onOurs(1);
  const ws = await open(subject.port, '/echo?id=slow');
  const other = await open(subject.port);
  ws.send('!pause');
  await until(() => subject.notes('slow').length === 2);
  const piece = Buffer.alloc(256 * 1024, 'x');
  for (let i = 0; i < 160; i++) ws.send(piece);
  await times([other], 20);
  // Kernels and windows hold a few messages. The server has no others.
  expect(ws.bufferedAmount).toBeGreaterThan(30 * MIB);
  let echoed = 0;
  ws.on('message', (data: Buffer) => (echoed += data.length));
  other.send('!resume');
  await until(() => echoed === 160 * piece.length);
});

/** Sends messages of random size, and reads their echoes with pauses. Both are digested. */
async function converse(ws: WebSocket, messages: number, random: () => number): Promise<[string, string]> {
  const said = createHash('sha1');
  const heard = createHash('sha1');
  let left = messages;
  ws.on('message', (data: Buffer) => {
    heard.update(data);
    left -= 1;
    if (random() > 0.05) return;
    ws.pause();
    setTimeout(() => ws.resume(), 20 * random());
  });
  for (let i = 0; i < messages; i++) {
    const message = Buffer.alloc(Math.floor(300_000 * random() ** 4), i);
    said.update(message);
    ws.send(message);
    if (random() < 0.05) await wait(5 * random());
  }
  await until(() => left === 0);
  return [said.digest('hex'), heard.digest('hex')];
}

test(`much both ways at once, with readers that pause, comes whole and in order, seed ${SEED}`, async () => {
  const { port } = await onOurs(2);
  const sockets = await Promise.all(Array.from({ length: 16 }, () => open(port)));
  const digests = await Promise.all(sockets.map((ws, index) => converse(ws, 150, randomOf(SEED + index))));
  for (const [said, heard] of digests) expect(heard).toBe(said);
});

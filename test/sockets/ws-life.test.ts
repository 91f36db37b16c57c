/**
 * Events of open WebSockets: a worker that dies, a client that leaves, and random actions of clients.
 */
import { once } from 'node:events';
import { writeFileSync } from 'node:fs';
import path from 'node:path';
import { fileURLToPath } from 'node:url';
import { expect, test } from 'vitest';
import { WebSocket } from 'ws';
import { randomOf } from '../../lab/proof/random.ts';
import { exchange } from '../support/client.ts';
import { serveFile } from '../support/server.ts';
import { SequenceClient } from './ws-client.ts';
import { close, ping, text } from './ws-frames.ts';
import { type Step, stepsOf } from './ws-sequences.ts';
import { ask, open } from './ws-open.ts';
import { finalNotes, onNode, onOurs } from './ws-servers.ts';
import { until } from '../support/until.ts';

const ECHO = fileURLToPath(new URL('fixtures/ws-echo.mjs', import.meta.url));
const SEED = Number(process.env.TSGI_TEST_SEED ?? Date.now() % 1_000_000);

/** Resolves after the acceptor has read all bytes that were sent before. */
async function refused(port: number): Promise<void> {
  expect(await exchange(port, 'no request\r\n\r\n')).toMatch(/^HTTP\/1\.1 501 /);
}

async function closed(ws: WebSocket): Promise<number> {
  return ws.readyState === WebSocket.CLOSED ? 1006 : ((await once(ws, 'close'))[0] as number);
}

test('a worker that dies resets only its own sockets', async () => {
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

test('messages of a client arrive although the client has left', async () => {
  const subject = await onOurs(1);
  const other = await open(subject.port, '/echo?id=other');
  const client = new SequenceClient(subject.port, () => 0);
  const said = client.say(stepsOf({ name: '', site: '/echo', steps: [text('hello'), 1] }, 'client'));
  await until(() => subject.notes('client').length === 2);
  other.send('!hold release');
  await until(() => subject.notes('other').length === 2);
  await client.send(Buffer.concat([text('last words'), text('x'.repeat(20_000)), text('really')]));
  // A reset discards unread bytes. The acceptor answers this request itself, so it has read the bytes by then.
  await refused(subject.port);
  client.leave();
  await said;
  await refused(subject.port);
  writeFileSync(path.join(subject.folder, 'release'), '');
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

test('an application that has not decided yet is notified that its client has left', async () => {
  for (const subject of [await onNode(), await onOurs(1)]) {
    const client = new SequenceClient(subject.port, () => 0);
    const said = client.say(stepsOf({ name: '', site: '/undecided', steps: [0] }, 'client'));
    await until(() => subject.notes('client').length === 1);
    client.leave();
    await said;
    expect(await finalNotes(subject, 'client')).toEqual(['["asked"]', '["error","ECONNRESET"]', '["close"]']);
  }
});

/** A possible action of a client, valid or invalid, and the way in which it leaves. */
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
  // The server waits for no socket, because none is open.
  const start = performance.now();
  await server.reload();
  await until(() => server.stats().workers === 2);
  expect(performance.now() - start).toBeLessThan(8000);
  expect(await ask(await open(port), 'as new')).toBe('as new');
});

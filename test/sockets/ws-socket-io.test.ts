/**
 * socket.io on two workers: by polling, by WebSocket, by an upgrade from one to the other, and broadcasts between the
 * workers.
 */
import { once } from 'node:events';
import { fileURLToPath } from 'node:url';
import { io, type Socket } from 'socket.io-client';
import { expect, onTestFinished, test } from 'vitest';
import { serveFile, type TestServer } from '../support/server.ts';
import { until } from '../support/until.ts';

const APP = fileURLToPath(new URL('fixtures/socket-io.mjs', import.meta.url));
const TRANSPORTS = {
  polling: ['polling'],
  websocket: ['websocket'],
  'polling, then websocket': ['polling', 'websocket'],
};

function start(): Promise<TestServer> {
  return serveFile(APP, 2, { affinity: 'query:sid', drainSockets: 2000 });
}

async function connect(port: number, transports: string[]): Promise<Socket> {
  const options = { transports, forceNew: true, reconnectionDelay: 20, reconnectionDelayMax: 100 };
  const socket = io(`http://127.0.0.1:${port}`, options);
  onTestFinished(() => void socket.disconnect());
  await new Promise<void>((resolve, reject) => {
    socket.once('connect', resolve);
    socket.once('connect_error', reject);
  });
  if (transports.length === 2 && socket.io.engine.transport.name === 'polling')
    await new Promise((resolve) => socket.io.engine.once('upgrade', resolve));
  return socket;
}

/** Clients of each transport, on both workers. */
async function crowd(port: number): Promise<{ sockets: Socket[]; workers: number[] }> {
  const sockets = await Promise.all(
    Object.values(TRANSPORTS).flatMap((transports) =>
      Array.from({ length: 4 }, () => connect(port, transports)),
    ),
  );
  const workers = await Promise.all(sockets.map(workerOf));
  expect(new Set(workers).size).toBe(2);
  return { sockets, workers };
}

function workerOf(socket: Socket): Promise<number> {
  return socket.emitWithAck('who') as Promise<number>;
}

/** The arguments of each event of this name that a socket emits from now on. */
function heard(socket: Socket, event: string): unknown[] {
  const all: unknown[] = [];
  socket.on(event, (what: unknown) => all.push(what));
  return all;
}

test.each(Object.entries(TRANSPORTS))('%s: the same worker answers each message', async (_, transports) => {
  const { port } = await start();
  const sockets = await Promise.all(Array.from({ length: 6 }, () => connect(port, transports)));
  for (const socket of sockets) expect(socket.io.engine.transport.name).toBe(transports.at(-1));
  const workers = await Promise.all(sockets.map(workerOf));
  const texts = Array.from({ length: 30 }, (_, index) => `message ${index}`);
  const large = Buffer.alloc(300_000, 'large');
  await Promise.all(
    sockets.map(async (socket) => {
      expect(await Promise.all(texts.map((text) => socket.emitWithAck('echo', text)))).toEqual(texts);
      expect(Buffer.compare((await socket.emitWithAck('echo', large)) as Buffer, large)).toBe(0);
      expect(await socket.emitWithAck('echo', 'still in order')).toBe('still in order');
    }),
  );
  expect(await Promise.all(sockets.map(workerOf))).toEqual(workers);
});

test('a broadcast reaches each socket of both workers, once and in order', async () => {
  const { port } = await start();
  const { sockets, workers } = await crowd(port);
  const all = sockets.map((socket) => heard(socket, 'all'));
  const others = sockets.map((socket) => heard(socket, 'others'));
  const speakers = [sockets[0]!, sockets[workers.findIndex((worker) => worker !== workers[0])]!];
  for (let i = 0; i < 20; i++)
    for (const [which, speaker] of speakers.entries()) speaker.emit('all', `${which} ${i}`);
  speakers[0]!.emit('others', Buffer.from('bytes'));
  await until(() => all.every((list) => list.length >= 40));
  await until(() => others.every((list, index) => list.length >= (sockets[index] === speakers[0] ? 0 : 1)));
  for (const list of all) {
    for (const which of [0, 1])
      expect(list.filter((text) => String(text).startsWith(`${which} `))).toEqual(
        Array.from({ length: 20 }, (_, i) => `${which} ${i}`),
      );
    expect(list.length).toBe(40);
  }
  expect(others.map((list) => list.map(String))).toEqual(
    sockets.map((socket) => (socket === speakers[0] ? [] : ['bytes'])),
  );
});

test('rooms, acknowledged broadcasts and lists of sockets span both workers', async () => {
  const { port } = await start();
  const { sockets } = await crowd(port);
  const members = sockets.filter((_, index) => index % 3 === 0);
  await Promise.all(members.map((socket) => socket.emitWithAck('join', 'thirds')));
  const rooms = sockets.map((socket) => heard(socket, 'room'));
  for (const socket of sockets) socket.on('your id', (answer: (id: string) => void) => answer(socket.id!));
  sockets[1]!.emit('room', 'thirds', 'only you');
  const ids = sockets.map(({ id }) => id).sort();
  expect(((await sockets[1]!.emitWithAck('sockets')) as string[]).sort()).toEqual(ids);
  expect(((await sockets[1]!.emitWithAck('ask all')) as string[]).sort()).toEqual(ids);
  expect(((await sockets[1]!.emitWithAck('workers')) as number[]).length).toBe(1);
  await until(() => rooms.filter((list) => list.length > 0).length === members.length);
  expect(rooms).toEqual(sockets.map((socket) => (members.includes(socket) ? ['only you'] : [])));
});

/** Retries if the client was cut again, because its new worker was the next to be replaced. */
async function say(socket: Socket, text: string): Promise<unknown> {
  for (;;) {
    try {
      return await (socket.emitWithAck('echo', text) as Promise<unknown>);
    } catch {
      await until(() => socket.connected);
    }
  }
}

test('after a reload, clients reconnect by themselves, and their messages arrive', async () => {
  const { server, port } = await start();
  const { sockets } = await crowd(port);
  const back = Promise.all(sockets.map((socket) => once(socket as never, 'disconnect')));
  await server.reload();
  await back;
  const answers = sockets.map((socket) => say(socket, 'said meanwhile'));
  expect(await Promise.all(answers)).toEqual(sockets.map(() => 'said meanwhile'));
  const all = sockets.map((socket) => heard(socket, 'all'));
  await until(() => {
    sockets[0]!.emit('all', 'together again');
    return all.every((list) => list.length > 0);
  });
});

test('after a worker dies, its clients reconnect by themselves, and the others notice nothing', async () => {
  const { port } = await start();
  const { sockets, workers } = await crowd(port);
  const lost: Socket[] = [];
  for (const socket of sockets) socket.on('disconnect', () => lost.push(socket));
  const own = sockets.filter((_, index) => workers[index] === workers[0]);
  sockets[0]!.emit('exit');
  await until(() => lost.length >= own.length && own.every(({ connected }) => connected));
  const answers = sockets.map((socket) => socket.emitWithAck('echo', 'here'));
  expect(await Promise.all(answers)).toEqual(sockets.map(() => 'here'));
  expect(new Set(lost)).toEqual(new Set(own));
});

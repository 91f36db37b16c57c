/**
 * The example chats, run with their one command, on node and on this server.
 */
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { randomUUID } from 'node:crypto';
import { fileURLToPath } from 'node:url';
import { io } from 'socket.io-client';
import { describe, expect, onTestFinished, test } from 'vitest';
import { WebSocket } from 'ws';
import { Cli } from '../support/cli.ts';
import { until } from '../support/until.ts';

interface Line {
  readonly id: string;
  readonly text: string;
}

/** A user who has opened the page. */
interface Page {
  readonly lines: Line[];
  say(line: Line): void;
}

async function overWs(url: string): Promise<Page> {
  const lines: Line[] = [];
  const socket = new WebSocket(`${url.replace('http', 'ws')}/chat`);
  onTestFinished(() => socket.terminate());
  socket.on('message', (data) => lines.push(JSON.parse(String(data)) as Line));
  await once(socket, 'open');
  return { lines, say: (line) => socket.send(JSON.stringify(line)) };
}

async function overSocketIo(url: string): Promise<Page> {
  const lines: Line[] = [];
  const socket = io(url, { forceNew: true });
  onTestFinished(() => void socket.disconnect());
  socket.on('line', (line: Line) => lines.push(line));
  await new Promise<void>((resolve) => socket.once('connect', resolve));
  return { lines, say: (line) => socket.emit('say', line, () => {}) };
}

const CHATS = [
  { name: 'chat-ws', open: overWs, flags: [] },
  { name: 'chat-socket-io', open: overSocketIo, flags: ['--affinity', 'query:sid'] },
];

function fileOf(name: string): string {
  return fileURLToPath(new URL(`../../examples/${name}/server.js`, import.meta.url));
}

async function onNode(name: string): Promise<string> {
  const env = { ...process.env, PORT: '0' };
  const child = spawn(process.execPath, [fileOf(name)], { env, stdio: ['ignore', 'pipe', 'inherit'] });
  onTestFinished(() => void child.kill('SIGKILL'));
  return /http:\S+/.exec(String((await once(child.stdout, 'data'))[0]))![0];
}

async function hears(page: Page, text: string): Promise<void> {
  await until(() => page.lines.some((line) => line.text === text));
}

describe.each(CHATS)('$name', ({ name, open, flags }) => {
  test('on node, every client receives every message', async () => {
    const url = await onNode(name);
    expect(await (await fetch(url)).text()).toContain('<title>Chat</title>');
    const [ann, ben] = [await open(url), await open(url)];
    ann.say({ id: randomUUID(), text: 'hello' });
    await Promise.all([ann, ben].map((page) => hears(page, 'hello')));
  });

  test('on two workers, every client receives every message, also after a late connect and a reload', async () => {
    const cli = new Cli([fileOf(name), '--port', '0', '--threads', '2', '--no-supervise', ...flags]);
    // The client of socket.io writes an IPv6 address into its Host field without brackets.
    const url = (await cli.url()).replace('[::]', 'localhost');
    expect(await (await fetch(url)).text()).toContain('<title>Chat</title>');
    const crowd = await Promise.all(Array.from({ length: 6 }, () => open(url)));
    for (const [index, page] of crowd.entries()) page.say({ id: randomUUID(), text: `hello from ${index}` });
    for (const index of crowd.keys())
      await Promise.all(crowd.map((page) => hears(page, `hello from ${index}`)));
    cli.child.kill('SIGHUP');
    await until(() => (cli.stdout + cli.stderr).includes('reloaded in'));
    const late = await open(url);
    await hears(late, 'hello from 5');
  });
});

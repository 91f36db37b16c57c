/**
 * A serving process that stops to respond, under its supervisor.
 */
import { once } from 'node:events';
import { rmSync, writeFileSync } from 'node:fs';
import { setTimeout as wait } from 'node:timers/promises';
import { describe, expect, test } from 'vitest';
import { WebSocket } from 'ws';
import { Cli } from '../support/cli.ts';
import { Client } from '../support/client.ts';
import { freePort } from '../support/ports.ts';
import { appFile } from '../support/server.ts';

const app = () =>
  appFile(`
  export default async (environ, startResponse) => {
    if (environ.PATH_INFO.startsWith('/wait')) {
      console.error('has it');
      await new Promise(() => {});
    }
    startResponse(200, []);
    return String(process.pid);
  };
`);
const ARGS = ['--port', '0', '--threads', '1'];
const LIMIT = ['--watchdog-timeout', '2s'];

async function start(args: readonly string[], env: Record<string, string> = {}) {
  const cli = new Cli([app(), ...ARGS, ...args], { env });
  const url = await cli.url();
  const pid = async () => Number(await (await fetch(url, { headers: { connection: 'close' } })).text());
  return { cli, url, first: await pid(), pid };
}

/** Loops forever in the main thread of the process that serves once this file exists. */
const loopWhen = (mark: string) =>
  appFile(
    `
    const { existsSync } = require('node:fs');
    const { isMainThread } = require('node:worker_threads');
    if (isMainThread && process.env.TSGI_SUPERVISED === '1')
      setInterval(() => { while (existsSync(${JSON.stringify(mark)})); }, 20).unref();
    `,
    'loop.cjs',
  );

describe('a serving process that stops to respond', () => {
  test('is replaced after a SIGSTOP, and the log names the time, the cause and the requests (A11)', async () => {
    const { cli, url, first, pid } = await start(LIMIT);
    const client = await Client.connect(Number(new URL(url).port));
    await client.write('GET /wait/for?it HTTP/1.1\r\nHost: a\r\n\r\n');
    await cli.says('has it');
    process.kill(first, 'SIGSTOP');
    expect(await pid()).not.toBe(first);
    await cli.says(/serves again/);
    expect(cli.stderr).toMatch(
      /The server process \d+ died by SIGKILL and is started again: its event loop stood still for \d\.\d s, it was stopped by a signal \(--watchdog-timeout\); 1 request was lost:\n {4}\w+-\w+ GET \/wait\/for\?it\n/,
    );
  });

  test('is replaced by default (A11)', async () => {
    const { first, pid } = await start([]);
    process.kill(first, 'SIGSTOP');
    const before = performance.now();
    expect(await pid()).not.toBe(first);
    expect(performance.now() - before).toBeLessThan(15_000);
  });

  test('is replaced if its main thread loops (A11)', async () => {
    const mark = `${appFile('')}.loops`;
    const { cli, first, pid } = await start(LIMIT, { NODE_OPTIONS: `--require ${loopWhen(mark)}` });
    writeFileSync(mark, '');
    await cli.says(/stood still for \d\.\d s, it burned CPU/);
    rmSync(mark);
    expect(await pid()).not.toBe(first);
  });

  test('ends within seconds after a signal to end (A11)', async () => {
    const { cli, first } = await start([]);
    process.kill(first, 'SIGSTOP');
    const before = performance.now();
    cli.child.kill('SIGTERM');
    expect((await cli.finished()).code).toBe(137);
    expect(performance.now() - before).toBeLessThan(10_000);
  });

  test('continues if its supervisor was stopped together with it, and is not replaced (A11)', async () => {
    const { cli, first, pid } = await start(['--watchdog-timeout', '1s']);
    cli.child.kill('SIGSTOP');
    process.kill(first, 'SIGSTOP');
    // Longer than --watchdog-timeout. Then the supervisor has time to judge the other process, and to act on it.
    await wait(2500);
    cli.child.kill('SIGCONT');
    await wait(200);
    process.kill(first, 'SIGCONT');
    await wait(500);
    expect(await pid()).toBe(first);
    expect(cli.stderr).toBe('');
  });

  test('is left alone if the watchdog is off (A11)', async () => {
    const { cli, first, pid } = await start(['--watchdog-timeout', '0']);
    process.kill(first, 'SIGSTOP');
    // Longer than every limit that this file sets.
    await wait(3000);
    process.kill(first, 'SIGCONT');
    expect(await pid()).toBe(first);
    expect(cli.stderr).toBe('');
  });

  test('is left alone at a breakpoint of a debugger (A11)', async () => {
    const { cli, first, pid } = await start(['--watchdog-timeout', '1s', '--supervise'], {
      NODE_OPTIONS: `--inspect-port=127.0.0.1:${await freePort()}`,
    });
    process.kill(first, 'SIGUSR1');
    await cli.says(/listening on ws:\S+/);
    const socket = new WebSocket(/ws:\S+/.exec(cli.stderr)![0]);
    await once(socket, 'open');
    const send = async (method: string) => {
      const answered = once(socket, 'message');
      socket.send(JSON.stringify({ id: 1, method }));
      await answered;
    };
    await send('Debugger.enable');
    await send('Debugger.pause');
    // Longer than --watchdog-timeout.
    await wait(3000);
    socket.close();
    expect(await pid()).toBe(first);
    expect(cli.stderr).not.toContain('stood still');
  });
});

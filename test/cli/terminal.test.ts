/**
 * The command line on a real terminal: Ctrl-C, and a terminal that closes.
 */
import { spawn, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { describe, expect, onTestFinished, test } from 'vitest';
import { Client } from '../support/client.ts';
import { appFile } from '../support/server.ts';
import { until } from '../support/until.ts';

const CLI = fileURLToPath(new URL('../../dist/cli/main.js', import.meta.url));
/** util-linux has a command that runs another one on a new terminal. */
const HAS_TERMINALS = spawnSync('script', ['--version']).stdout?.includes('util-linux') ?? false;

const app = () =>
  appFile(`
  export default async (environ, startResponse) => {
    if (environ.PATH_INFO === '/wait') console.error('has it');
    if (environ.PATH_INFO === '/wait') await new Promise((resolve) => setTimeout(resolve, 500));
    startResponse(200, []);
    return String(process.pid);
  };
`);
const get = (path: string) => `GET ${path} HTTP/1.1\r\nHost: a\r\n\r\n`;

/** A command line on a separate terminal, which closes with the returned process. */
async function start(flag: string, output = '') {
  const command = `exec ${process.execPath} ${CLI} ${app()} --port 0 --threads 1 ${flag}`;
  const redirected = output === '' ? '' : ` > ${output} 2>&1`;
  const terminal = spawn('script', ['-qefc', command + redirected, '/dev/null'], {
    stdio: ['pipe', 'pipe', 'inherit'],
  });
  onTestFinished(() => void terminal.kill('SIGKILL'));
  let shown = '';
  terminal.stdout.setEncoding('utf8').on('data', (text: string) => (shown += text));
  const text = () => (output === '' ? shown : readFileSync(output, { encoding: 'utf8', flag: 'a+' }));
  await until(() => text().includes('listening on'));
  const port = Number(/:(\d+) with/.exec(text())![1]);
  const client = await Client.connect(port);
  await client.write(get('/'));
  const pid = Number((await client.answer())!.body);
  return { terminal, client, pid, text };
}

const isGone = (pid: number): boolean => {
  try {
    return !process.kill(pid, 0);
  } catch {
    return true;
  }
};

describe.skipIf(!HAS_TERMINALS).each(['--supervise', '--no-supervise'])('on a terminal, %s', (flag) => {
  test('Ctrl-C once answers requests in flight, ends with 0, and is named in the log', async () => {
    const { terminal, client, text } = await start(flag);
    await client.write(get('/wait'));
    await until(() => text().includes('has it'));
    terminal.stdin.write('\x03');
    expect((await client.answer())?.status).toBe(200);
    expect(await once(terminal, 'exit')).toEqual([0, null]);
    expect(text().match(/received/g)).toHaveLength(1);
    expect(text()).toContain('SIGINT received: finishing requests in flight');
  });

  test.each(['', 'to a file'])(
    'a closed terminal answers requests in flight and ends all processes, output %j',
    async (where) => {
      const output = where === '' ? '' : appFile('', 'output.txt');
      const { terminal, client, pid, text } = await start(flag, output);
      await client.write(get('/wait'));
      await until(() => text().includes('has it'));
      terminal.kill('SIGKILL');
      expect((await client.answer())?.status).toBe(200);
      await until(() => isGone(pid));
    },
  );
});

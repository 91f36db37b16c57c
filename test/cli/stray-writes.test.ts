/**
 * An application that writes to descriptors that belong to the server's processes.
 */
import { expect, test } from 'vitest';
import { Cli } from '../support/cli.ts';
import { Client } from '../support/client.ts';
import { appFile } from '../support/server.ts';
import { until } from '../support/until.ts';

const app = () =>
  appFile(`
  import { closeSync, fstatSync, readFileSync, writeSync } from 'node:fs';
  export default async (environ, startResponse) => {
    const query = new URLSearchParams(environ.QUERY_STRING);
    if (query.has('write')) {
      for (let fd = 3; fd < 64; fd++) {
        if (query.get('fd') !== 'all' && fd !== Number(query.get('fd'))) continue;
        try { writeSync(fd, query.get('write')); } catch {}
      }
    }
    if (query.has('close')) closeSync(Number(query.get('close')));
    if (query.has('unlisten')) {
      const inodes = readFileSync('/proc/self/net/tcp', 'utf8').split('\\n').map((line) => line.trim().split(/\\s+/));
      const listening = new Set(inodes.filter(([, , , state]) => state === '0A').map((fields) => fields[9]));
      for (let fd = 5; fd < 64; fd++) {
        try { if (listening.has(String(fstatSync(fd).ino))) closeSync(fd); } catch {}
      }
    }
    if (query.has('die')) process.kill(process.pid, 'SIGKILL');
    if (query.has('wait')) console.error('has it');
    if (query.has('wait')) await new Promise((resolve) => setTimeout(resolve, 60_000));
    startResponse(200, []);
    return String(process.pid);
  };
`);

async function start() {
  const cli = new Cli([app(), '--port', '0', '--threads', '1']);
  const url = await cli.url();
  const ask = async (query: string) => {
    const response = await fetch(`${url}/?${query}`, { headers: { connection: 'close' } }).catch(
      () => undefined,
    );
    return response === undefined ? '' : response.text();
  };
  const replaced = (first: string) =>
    until(async () => {
      const pid = await ask('');
      return pid !== first && pid;
    });
  return { cli, url, ask, replaced };
}

const LINE_FEED = '%0A';

test.each([
  ['garbage', 'garbage'],
  ['garbage and a line feed', `garbage${LINE_FEED}`],
  ['null', `null${LINE_FEED}`],
  ['a number', `7${LINE_FEED}`],
  ['a message that does not exist', `{"type":"hello"}${LINE_FEED}`],
  ['a message that is wrong', `{"type":"signals"}${LINE_FEED}`],
  ["one of Node's own", `{"cmd":"NODE_HANDLE_ACK"}${LINE_FEED}`],
  ["a handle of Node's that is not there", `{"cmd":"NODE_HANDLE","type":"net.Native","msg":{}}${LINE_FEED}`],
])('%s on descriptor 4: the supervisor survives, and another process serves (A21)', async (_, text) => {
  const { cli, ask, replaced } = await start();
  const first = await ask('');
  await ask(`fd=4&write=${text}`);
  if (text.includes('NODE_HANDLE')) await ask(`fd=4&write=garbage${LINE_FEED}`);
  await replaced(first);
  expect(cli.child.exitCode).toBeNull();
  expect(cli.stderr).toMatch(
    /died by SIGKILL and is started again: its channel to the supervisor \(descriptor 4\) is broken: /,
  );
});

test('a closed descriptor 4: the supervisor survives, and another process serves (A21)', async () => {
  const { cli, ask, replaced } = await start();
  const first = await ask('');
  await ask('close=4');
  await replaced(first);
  expect(cli.child.exitCode).toBeNull();
});

test('a closed listening socket: another process serves (A21)', async () => {
  const { cli, ask, replaced } = await start();
  const first = await ask('');
  await ask('unlisten');
  await replaced(first);
  expect(cli.stderr).toMatch(/its listening socket \(descriptor \d+\) was closed, and not by the server/);
});

test('writes to descriptor 3, the journal: it still names the lost requests (A21)', async () => {
  const { cli, url, ask, replaced } = await start();
  const first = await ask('');
  for (let i = 0; i < 3; i++) await ask('fd=3&write=garbage');
  const client = await Client.connect(Number(new URL(url).port));
  await client.write('GET /lost?wait HTTP/1.1\r\nHost: a\r\n\r\n');
  await cli.says('has it');
  await ask('fd=3&write=garbage');
  await ask('die');
  await replaced(first);
  expect(cli.stderr).toContain('GET /lost?wait');
  expect(cli.stderr).not.toContain('garbage');
});

test('garbage on every descriptor: the server continues (A21)', async () => {
  const { cli, ask, replaced } = await start();
  const first = await ask('');
  await ask('fd=all&write=garbage');
  await replaced(first);
  expect(cli.child.exitCode).toBeNull();
});

/**
 * Control words in shared memory that an application overwrites, like a stray write of a native module.
 */
import { once } from 'node:events';
import { createServer, type TsgiError } from 'tsgi-threads';
import { describe, expect, test } from 'vitest';
import { DRAINING, LIVE, REQUEST_HEAD, REQUEST_TAIL, workerWord } from '../../dist/ring/layout.js';
import { Cli } from '../support/cli.ts';
import { Client } from '../support/client.ts';
import { appFile } from '../support/server.ts';

/** The start of the exchanges' control words, after one line for each worker. */
const CONTROL = workerWord(256, 0);
/** The words of a byte ring. */
const PRODUCER_POSITION = 0;
const CONSUMER_POSITION = 16;

/** Finds the memory through the server's calls of Atomics, and writes at the index in the request. */
const app = () =>
  appFile(`
  const memories = new Map();
  const { load } = Atomics;
  Atomics.load = (words, index) => {
    // The first byte ring that this worker loads from is its response ring.
    const name = words.length === 48 ? 'ring' : words.length > 4000 ? 'control' : '';
    if (name !== '' && !memories.has(name)) memories.set(name, words);
    return load(words, index);
  };
  export default async (environ, startResponse) => {
    const query = new URLSearchParams(environ.QUERY_STRING);
    if (query.has('memory')) {
      const words = memories.get(query.get('memory'));
      const at = Number(query.get('word'));
      if (query.get('all') === '1') words.fill(Number(query.get('value')));
      else words[at] = Number(query.get('value'));
      await new Promise(() => {});
    }
    startResponse(200, []);
    return String(process.pid);
  };
`);
const write = (memory: string, word: number, value: number, all = 0) =>
  `GET /?memory=${memory}&word=${word}&value=${value}&all=${all} HTTP/1.1\r\nHost: a\r\n\r\n`;

describe('an overwritten word in shared memory', () => {
  test.each<[string, string, RegExp]>([
    ['HEAD of the request ring, backwards', write('control', REQUEST_HEAD, 1000), /request ring/],
    ['HEAD of the request ring, far away', write('control', REQUEST_HEAD, -2_000_000_000), /request ring/],
    ['TAIL of the request ring', write('control', REQUEST_TAIL, 100), /request ring/],
    ['DRAINING', write('control', DRAINING, 7), /DRAINING/],
    ['LIVE of the worker', write('control', workerWord(1, LIVE), 0), /worker 1/],
    ['the state of an exchange', write('control', CONTROL + 1, 0x7fffffff), /exchange 1/],
    ['all control words', write('control', 0, 0x41414141, 1), /request ring/],
    ['the position of a ring', write('ring', PRODUCER_POSITION, 0x12345678), /worker 1/],
    ['the other position of a ring', write('ring', CONSUMER_POSITION, 0x12345678), /worker 1/],
  ])('%s: the process is replaced, and the log gives the reason (A11)', async (_, request, what) => {
    const cli = new Cli([app(), '--port', '0', '--threads', '1']);
    const url = await cli.url();
    const pid = async () => (await fetch(url, { headers: { connection: 'close' } })).text();
    const first = await pid();
    const client = await Client.connect(Number(new URL(url).port));
    await client.write(request);
    expect(await client.rest()).toBe('');
    expect(await pid()).not.toBe(first);
    const line = cli.stderr.split('\n').find((text) => text.includes('is started again'));
    expect(line).toMatch(/died by SIGKILL and is started again: .* in shared memory was written over/);
    expect(line).toMatch(what);
  });

  test('causes createServer to emit error with TSGI_ERR_MEMORY and to cut its connections (A11)', async () => {
    const server = createServer(1, { app: app(), logger: { error() {}, warn() {}, info() {} } });
    await server.listen(0);
    const failed = once(server, 'error') as Promise<[TsgiError]>;
    const client = await Client.connect(server.address.port);
    await client.write(write('control', DRAINING, 7));
    const [error] = await failed;
    expect([error.code, error.message]).toEqual([
      'TSGI_ERR_MEMORY',
      expect.stringContaining('this process has to be replaced'),
    ]);
    expect(await client.rest()).toBe('');
  });
});

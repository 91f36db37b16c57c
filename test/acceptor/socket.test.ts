/**
 * The read modes of sockets: into the given buffer if Node supports it, otherwise by copy. Both deliver the same bytes.
 */
import { once } from 'node:events';
import net from 'node:net';
import { afterEach, describe, expect, test } from 'vitest';
import { openSocket, readsIntoBuffer, takenBytes } from '../../src/acceptor/socket/client-socket.ts';
import { replaceUserBuffer } from '../support/user-buffer.ts';

const BUFFER_BYTES = 1000;
const cleanups: (() => unknown)[] = [];
afterEach(async () => {
  for (const cleanup of cleanups.splice(0)) await cleanup();
});

interface Accepted {
  readonly socket: net.Socket;
  readonly client: net.Socket;
  /** The bytes that the owner read, and the length of its longest read. */
  readonly bytes: () => string;
  readonly longest: () => number;
  /** Chunks that came as 'data' events. */
  readonly chunks: () => number;
  readonly ended: Promise<void>;
  readonly closed: Promise<void>;
}

async function accept(direct: boolean): Promise<Accepted> {
  const buffer = new Uint8Array(BUFFER_BYTES);
  let bytes = '';
  let longest = 0;
  let chunks = 0;
  const listener = net.createServer({ pauseOnConnect: true, allowHalfOpen: true });
  await once(listener.listen(0, '127.0.0.1'), 'listening');
  const client = net.connect((listener.address() as net.AddressInfo).port, '127.0.0.1');
  cleanups.push(
    () => new Promise((resolve) => listener.close(resolve)),
    () => client.destroy(),
  );
  const [accepted] = (await once(listener, 'connection')) as [net.Socket];
  return await new Promise((resolve) => {
    let end!: () => void;
    let close!: () => void;
    const ended = new Promise<void>((done) => (end = done));
    const closed = new Promise<void>((done) => (close = done));
    openSocket(accepted, { buffer, direct }, (socket) => {
      if (!direct) socket.on('data', () => (chunks += 1));
      const result = { socket, client, ended, closed };
      resolve({ ...result, bytes: () => bytes, longest: () => longest, chunks: () => chunks });
      return {
        socketOnRead(length) {
          bytes += Buffer.from(buffer.subarray(0, length)).toString('latin1');
          longest = Math.max(longest, length);
        },
        socketOnEnd: end,
        socketOnDrain() {},
        socketOnClose: close,
      };
    });
  });
}

test.each<[string, boolean]>([
  ['directly', true],
  ['by copy', false],
])('%s, the bytes arrive in order, in reads that fit, with end and close', async (_, direct) => {
  const accepted = await accept(direct);
  const text = Array.from({ length: 5000 }, (_, i) => String(i)).join(' ');
  accepted.client.end(text);
  await accepted.ended;
  expect(accepted.bytes()).toBe(text);
  expect(accepted.longest()).toBeLessThanOrEqual(BUFFER_BYTES);
  expect(accepted.chunks() === 0).toBe(direct);
  expect(takenBytes(accepted.socket)).toBe(0);
  accepted.socket.end('bye');
  const [answer] = (await once(accepted.client, 'data')) as [Buffer];
  expect(answer.toString()).toBe('bye');
  expect(takenBytes(accepted.socket)).toBe('bye'.length);
  await accepted.closed;
});

describe('readsIntoBuffer', () => {
  test('accepts this Node', async () => {
    expect(await readsIntoBuffer()).toBe(true);
  });

  test.each<[string, unknown]>([
    ['ignores the buffer', () => {}],
    ['has no such method', undefined],
    ['throws', () => expect.fail('no')],
  ])('rejects a Node that %s', async (_, value) => {
    await replaceUserBuffer(value);
    expect(await readsIntoBuffer()).toBe(false);
  });
});

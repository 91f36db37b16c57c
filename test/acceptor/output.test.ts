/**
 * Bytes that wait for a client that does not read: they are joined, stay in order, and are late after their time.
 */
import { once } from 'node:events';
import net from 'node:net';
import { expect, onTestFinished, test } from 'vitest';
import { UNSENT_MARK } from '../../src/acceptor/limits.ts';
import { ConnectionOutput } from '../../src/acceptor/socket/connection-output.ts';
import { openSocket } from '../../src/acceptor/socket/client-socket.ts';
import { until } from '../support/until.ts';

interface Pair {
  readonly output: ConnectionOutput;
  /** The server's end of the connection. */
  readonly socket: net.Socket;
  readonly client: net.Socket;
  /** The number of progress reports. */
  readonly progress: () => number;
}

/** A client that does not read, and the output to it. */
async function pair(): Promise<Pair> {
  const listener = net.createServer({
    pauseOnConnect: true,
    allowHalfOpen: true,
    highWaterMark: UNSENT_MARK,
  });
  await once(listener.listen(0, '127.0.0.1'), 'listening');
  const client = net.connect((listener.address() as net.AddressInfo).port, '127.0.0.1').pause();
  const [accepted] = (await once(listener, 'connection')) as [net.Socket];
  onTestFinished(() => {
    client.destroy();
    listener.close();
  });
  let progress = 0;
  return new Promise((resolve) => {
    openSocket(accepted, { buffer: new Uint8Array(1000), direct: true }, (socket) => {
      const output = new ConnectionOutput(socket, {
        outputOnWait() {},
        outputOnProgress: () => (progress += 1),
      });
      resolve({ output, socket, client, progress: () => progress });
      return {
        socketOnRead() {},
        socketOnEnd() {},
        socketOnDrain: () => output.socketOnDrain(),
        socketOnClose() {},
      };
    });
  });
}

/** Fills the kernel's buffers. Returns the number of bytes written. */
async function fill({ output, socket }: Pair): Promise<number> {
  let written = 0;
  const block = Buffer.alloc(16 * 1024, 'a');
  while (output.unsent === 0) {
    output.write(Buffer.from(block));
    written += block.length;
    // Includes bytes that the kernel accepts later.
    if (output.unsent > 0) await new Promise((resolve) => setTimeout(resolve, 20));
  }
  expect(socket.writableLength).toBe(output.unsent);
  return written;
}

async function received(client: net.Socket): Promise<string> {
  const chunks: Buffer[] = [];
  client.on('data', (chunk: Buffer) => chunks.push(chunk));
  client.resume();
  await once(client, 'end');
  return Buffer.concat(chunks).toString('latin1');
}

const DIGITS = Buffer.from('0123456789');

test('single bytes are joined while a client does not read, and reach it in order (A1)', async () => {
  const it = await pair();
  const written = await fill(it);
  let text = '';
  for (let i = 0; i < 20_000; i++) {
    const digit = String(i % 10);
    text += digit;
    // The memory is reused at once, because the waiting bytes were copied.
    expect(it.output.write(DIGITS.subarray(i % 10, (i % 10) + 1))).toBe(true);
  }
  expect(it.output.unsent).toBeGreaterThanOrEqual(20_000);
  // Node's socket keeps an object for each write. It has two of them, and the queue has the rest.
  expect(it.socket.writableLength).toBeLessThan(16 * 1024 + 2);
  it.output.end();
  expect(await received(it.client)).toBe('a'.repeat(written) + text);
  expect(it.output.unsent).toBe(0);
});

test('a writer that waits because the output is full is notified of progress, whatever filled it (A1)', async () => {
  for (const fillUp of [
    ({ output }: Pair) => output.write(Buffer.alloc(UNSENT_MARK)),
    ({ output }: Pair) => {
      output.write(Buffer.alloc(UNSENT_MARK / 2));
      output.write(Buffer.alloc(UNSENT_MARK / 2));
    },
  ]) {
    const it = await pair();
    while (!it.output.full) fillUp(it);
    const before = it.progress();
    it.client.resume();
    await until(() => it.output.unsent === 0 && it.progress() !== before);
  }
});

test('added bytes are no progress of a client that reads nothing (A1)', async () => {
  const it = await pair();
  await fill(it);
  let late = false;
  for (let now = 1000; now <= 2000 && !late; now += 100) {
    it.output.write(Buffer.from('event'));
    late = it.output.late(now, 500);
    expect(late).toBe(now > 1500);
  }
  expect(late).toBe(true);
});

/**
 * Output that an application writes faster than its client reads waits in order.
 *
 * The cost of each part does not depend on the number of waiting parts.
 */
import { once } from 'node:events';
import net from 'node:net';
import { describe, expect, test } from 'vitest';
import { PartQueue } from '../../src/worker/exchange/part-queue.ts';
import { appFile, serveFile } from '../support/server.ts';

function drain(queue: PartQueue, piece: number): string {
  let text = '';
  while (queue.length > 0) {
    const part = queue.first!;
    const length = Math.min(piece, part.length);
    const bytes = typeof part === 'string' ? Buffer.from(part, 'latin1') : Buffer.from(part);
    text += bytes.subarray(0, length).toString('latin1');
    queue.take(length);
  }
  return text;
}

describe('a queue of parts', () => {
  test('returns its contents in order, in pieces of any size', () => {
    const parts = Array.from({ length: 5000 }, (_, i) => `${i},`);
    for (const piece of [1, 2, 3, 100]) {
      const queue = new PartQueue();
      for (const [i, part] of parts.entries()) queue.push(i % 2 === 0 ? part : Buffer.from(part));
      expect(queue.bytes).toBe(parts.join('').length);
      expect(drain(queue, piece)).toBe(parts.join(''));
      expect([queue.bytes, queue.length, queue.first]).toEqual([0, 0, undefined]);
    }
  });

  test('keeps the order when parts are added after some were removed', () => {
    const queue = new PartQueue();
    let put = '';
    let taken = '';
    for (let i = 0; i < 20_000; i++) {
      queue.push(`${i};`);
      put += `${i};`;
      if (i % 3 === 0) continue;
      taken += String(queue.first);
      queue.take(queue.first!.length);
    }
    expect(taken + drain(queue, 10)).toBe(put);
  });

  test('copies memory that will be reused, once', () => {
    const memory = Buffer.alloc(8, 'a');
    const queue = new PartQueue();
    queue.push('text');
    queue.push(memory.subarray(0, 4));
    queue.keep(memory.buffer);
    memory.fill('b');
    queue.push(memory.subarray(4));
    expect(drain(queue, 100)).toBe('textaaaabbbb');
  });
});

const BLOCK = 8 * 1024 * 1024;
const DRIPS = 20_000;
const APPS = {
  node: `let over = Promise.resolve();
    const drip = async (response) => {
      response.write(Buffer.alloc(${BLOCK}, 'b'));
      for (let i = 0; i < ${DRIPS}; i++) {
        response.write('x');
        await new Promise((resolve) => setImmediate(resolve));
      }
      response.end();
    };
    export default (request, response) => {
      if (request.url === '/drip') over = drip(response);
      else over.then(() => response.end('over'));
    };`,
  tsgi: `let over = Promise.resolve();
    const drip = async (write) => {
      write(Buffer.alloc(${BLOCK}, 'b'));
      for (let i = 0; i < ${DRIPS}; i++) {
        write('x');
        await new Promise((resolve) => setImmediate(resolve));
      }
    };
    export default async (environ, startResponse) => {
      const write = startResponse(200, []);
      if (environ.PATH_INFO === '/drip') { over = drip(write); await over; return ''; }
      await over;
      return 'over';
    };`,
};

test.each(Object.entries(APPS))(
  'one-byte writes of a %s application to a client that does not read delay no other request (A4)',
  async (name, source) => {
    const { port, server } = await serveFile(appFile(source), 1, { interface: name as 'node' | 'tsgi' });
    const socket = net.connect(port, '127.0.0.1');
    socket.write('GET /drip HTTP/1.1\r\nHost: h\r\nConnection: close\r\n\r\n');
    await expect.poll(() => server.stats().inFlight).toBe(1);
    const began = performance.now();
    expect(await (await fetch(server.url)).text()).toBe('over');
    expect(performance.now() - began).toBeLessThan(8000);
    let bytes = 0;
    let xs = 0;
    socket.on('data', (data) => {
      bytes += data.length;
      for (const byte of data) if (byte === 120) xs += 1;
    });
    await once(socket, 'end');
    expect(bytes).toBeGreaterThan(BLOCK + DRIPS);
    expect(xs).toBe(DRIPS);
  },
);

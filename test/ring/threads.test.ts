/**
 * The rings with real threads: no record is lost, doubled or torn, and no death at any step blocks a ring.
 */
import { once } from 'node:events';
import { Worker } from 'node:worker_threads';
import { describe, expect, test } from 'vitest';
import { byteRingBuffer, RingConsumer } from '../../src/ring/byte-ring.ts';
import { entryOf, ExchangeState } from '../../src/ring/layout.ts';
import { EMPTY } from '../../src/ring/request-ring.ts';
import { createShared } from '../../src/ring/shared.ts';
import { nextRandom, payloadByte } from './fixtures/random.js';
import { LONG } from '../support/long.ts';

const REQUESTS = LONG ? 1_000_000 : 200_000;
const fixture = (name: string) => new URL(`./fixtures/${name}.js`, import.meta.url);

function sizes(maxPending: number) {
  return { maxPending, places: 64, maxBuffered: 1 << 20, largestRequest: 1024 };
}

describe('byte ring with two threads', () => {
  test('a million records of random size arrive once, complete and in order', async () => {
    const count = 1_000_000;
    const most = 700;
    const buffer = byteRingBuffer(64 * 1024);
    const producer = new Worker(fixture('producer'), { workerData: { buffer, count, seed: 12345, most } });
    const ended = once(producer, 'exit');
    const ring = new RingConsumer(buffer);
    let random = 12345;
    for (let i = 0; i < count; i++) {
      while (!ring.next());
      random = nextRandom(random);
      const wrong =
        ring.generation !== i ||
        ring.exchange !== (i & 0xffff) ||
        ring.length !== random % most ||
        !isFilled(ring, i);
      if (wrong) expect.fail(`record ${i} is torn or out of order`);
      ring.release();
    }
    await ended;
    expect(ring.next()).toBe(false);
  });
});

/** The first, last and middle bytes are enough: a torn record contains bytes of a neighbour. */
function isFilled(ring: RingConsumer, i: number): boolean {
  const byte = payloadByte(i);
  if (ring.length === 0) return true;
  const end = ring.offset + ring.length - 1;
  return [ring.offset, (ring.offset + end) >> 1, end].every((at) => ring.bytes[at] === byte);
}

describe('request ring with many threads', () => {
  test(
    `${REQUESTS} requests are each taken exactly once by three consumers`,
    { timeout: 120_000 },
    async () => {
      const shared = createShared(sizes(512));
      const stop = new Int32Array(new SharedArrayBuffer(4));
      const taken = new Int32Array(new SharedArrayBuffer(4 * shared.buffers.exchanges));
      const workers = [1, 2, 3].map((slot) => {
        return new Worker(fixture('consumer'), {
          workerData: { buffers: shared.buffers, slot, stop, taken },
        });
      });
      await Promise.all(workers.map((worker) => once(worker, 'online')));
      const ends = workers.map((worker) => once(worker, 'message'));
      let submitted = 0;
      const generations = new Int32Array(256);
      const waits = new Int32Array(new SharedArrayBuffer(4));
      while (submitted < REQUESTS) {
        for (let index = 0; index < 256; index++) {
          const generation = generations[index]!;
          if (generation > 0 && shared.table.state(index) !== ExchangeState.RUNNING) continue;
          if (generation > 0 && Atomics.load(taken, index) !== generation) continue;
          generations[index]! += 1;
          shared.table.publish(index, generations[index]! & 0xfffff, 0, 0);
          expect(shared.ring.push(entryOf(index, generations[index]! & 0xfffff))).not.toBe(EMPTY);
          submitted += 1;
        }
        if (shared.ring.depth() === 256) Atomics.wait(waits, 0, 0, 0.01);
      }
      while (generations.some((generation, index) => Atomics.load(taken, index) < generation));
      Atomics.store(stop, 0, 1);
      await Promise.all(ends);
      expect([...generations].map((generation, index) => Atomics.load(taken, index) - generation)).toEqual(
        new Array(256).fill(0),
      );
      expect(shared.ring.depth()).toBe(0);
    },
  );

  test.each(['claimed', 'taken', 'running'])(
    'a consumer that dies in the state %s blocks no other consumer',
    async (dieAt) => {
      const shared = createShared(sizes(512));
      const stop = new Int32Array(new SharedArrayBuffer(4));
      const taken = new Int32Array(new SharedArrayBuffer(4 * shared.buffers.exchanges));
      for (let index = 0; index < 400; index++) {
        shared.table.publish(index, 1, 0, 0);
        shared.ring.push(entryOf(index, 1));
      }
      const data = { buffers: shared.buffers, stop, taken };
      const dying = new Worker(fixture('consumer'), {
        workerData: { ...data, slot: 1, dieAfter: 50, dieAt },
      });
      const [code] = await once(dying, 'exit');
      expect(code).toBe(7);
      const states = Array.from({ length: 50 }, (_, index) => shared.table.state(index));
      const last = {
        claimed: ExchangeState.PENDING,
        taken: ExchangeState.TAKEN,
        running: ExchangeState.RUNNING,
      }[dieAt];
      expect(states).toEqual([...new Array(49).fill(ExchangeState.RUNNING), last]);
      const living = new Worker(fixture('consumer'), { workerData: { ...data, slot: 2 } });
      await once(living, 'online');
      while (shared.ring.depth() > 0 || Atomics.load(taken, 399) === 0);
      Atomics.store(stop, 0, 1);
      await once(living, 'message');
      const runs = Array.from({ length: 400 }, (_, index) => Atomics.load(taken, index));
      expect(runs).toEqual([...new Array(49).fill(1), 0, ...new Array(350).fill(1)]);
    },
  );
});

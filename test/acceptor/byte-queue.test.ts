/**
 * The queue of bytes, against a plain array that does the same.
 */
import { expect, test } from 'vitest';
import { ByteQueue } from '../../src/acceptor/byte-queue.ts';

/** Numbers that look random, the same in each run. */
function generator(seed: number): (below: number) => number {
  let state = seed;
  return (below) => {
    state = (Math.imul(state, 1_103_515_245) + 12_345) >>> 0;
    return (state >>> 8) % below;
  };
}

test.each([1, 2, 3, 4, 5])('bytes come out as they went in, whatever the pieces are (seed %i)', (seed) => {
  const random = generator(seed);
  const queue = new ByteQueue();
  let model = Buffer.alloc(0);
  let next = 0;
  const target = Buffer.alloc(200_000);
  for (let step = 0; step < 2000; step++) {
    const size = [1, 40, 1024, 5000, 70_000][random(5)]!;
    const count = random(size) + 1;
    if (random(2) === 0 && queue.length < 150_000) {
      const bytes = Buffer.from(Array.from({ length: count }, () => next++ & 0xff));
      queue.add(bytes);
      model = Buffer.concat([model, bytes]);
    } else if (random(40) === 0) {
      expect(Buffer.concat(queue.take()).equals(model)).toBe(true);
      model = Buffer.alloc(0);
    } else {
      const copied = queue.copyTo(target, count);
      expect(copied).toBe(Math.min(count, model.length));
      expect(target.subarray(0, copied).equals(model.subarray(0, copied))).toBe(true);
      const skipped = random(copied + 1);
      queue.skip(skipped);
      model = model.subarray(skipped);
    }
    expect(queue.length).toBe(model.length);
  }
});

test('single bytes are joined in a few blocks (A1)', () => {
  const queue = new ByteQueue();
  for (let i = 0; i < 256 * 1024; i++) queue.add(Buffer.of(i & 0xff));
  const blocks = queue.take();
  expect(Buffer.concat(blocks).length).toBe(256 * 1024);
  const memory = blocks.reduce((bytes, block) => bytes + block.buffer.byteLength, 0);
  expect(memory).toBeLessThan(300 * 1024);
});

test('a queue that is empty again keeps no large block', () => {
  const queue = new ByteQueue();
  queue.add(Buffer.alloc(100_000));
  queue.skip(100_000);
  queue.add(Buffer.of(1));
  expect(queue.take().map((block) => block.buffer.byteLength)).toEqual([1024]);
});

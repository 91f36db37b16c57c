/**
 * Bytes that wait for a reader: their order and their memory.
 */
import { expect, test } from 'vitest';
import { ByteQueue } from '../../src/ring/byte-queue.ts';

function bytesOf(...values: number[]): Uint8Array {
  return Uint8Array.from(values);
}

test('pieces of any size leave in order, by peek and drop as well as by shift', () => {
  const queue = new ByteQueue();
  const sent: number[] = [];
  const left: number[] = [];
  let random = 7;
  const next = (below: number) => (random = (random * 48_271) % 0x7fffffff) % below;
  for (let step = 0; step < 1500; step++) {
    const piece = Uint8Array.from({ length: next(next(20) === 0 ? 9000 : 40) }, () => next(256));
    queue.add(piece);
    sent.push(...piece);
    if (next(3) === 0 && queue.length > 0) {
      const taken = queue.peek(1 + next(300)).slice();
      queue.drop(taken.length);
      left.push(...taken);
    } else if (next(10) === 0) left.push(...(queue.shift() ?? []));
    expect(queue.length).toBe(sent.length - left.length);
  }
  for (let chunk = queue.shift(); chunk !== undefined; chunk = queue.shift()) left.push(...chunk);
  expect(Buffer.from(left).equals(Buffer.from(sent))).toBe(true);
});

test('a hundred thousand pieces of one byte take less than twice their bytes, and a few chunks (A2)', () => {
  const account = { bytes: 0 };
  const queue = new ByteQueue(account);
  for (let i = 0; i < 100_000; i++) queue.add(bytesOf(i));
  expect(account.bytes).toBeLessThan(200_000);
  let chunks = 0;
  while (queue.shift() !== undefined) chunks += 1;
  expect(chunks).toBeLessThan(20);
  expect(account.bytes).toBe(0);
});

test('removed bytes are not overwritten, and have their own memory', () => {
  const queue = new ByteQueue();
  for (let i = 0; i < 10; i++) queue.add(bytesOf(i));
  const chunks = [queue.shift()!, queue.shift()!];
  queue.add(bytesOf(77));
  expect(chunks.map((chunk) => [...chunk])).toEqual([[0], [1, 2, 3, 4, 5, 6, 7, 8, 9]]);
  for (const chunk of chunks) expect(chunk.buffer.byteLength).toBe(chunk.length);
});

test('a cleared queue takes no memory, and can be used again', () => {
  const account = { bytes: 0 };
  const queue = new ByteQueue(account);
  for (let i = 0; i < 5; i++) queue.add(new Uint8Array(50_000));
  queue.drop(queue.peek(10).length);
  queue.clear();
  expect([queue.length, account.bytes]).toEqual([0, 0]);
  queue.add(bytesOf(1, 2));
  expect([...queue.shift()!]).toEqual([1, 2]);
});

test.each([1, 2, 3, 4])(
  'copies and skips see the same bytes as a plain array, for any pieces (seed %i)',
  (seed) => {
    let state = seed;
    const random = (below: number) => (state = (state * 48_271) % 0x7fffffff) % below;
    const queue = new ByteQueue();
    let model = Buffer.alloc(0);
    const target = Buffer.alloc(100_000);
    for (let step = 0; step < 1000; step++) {
      const count = random([2, 40, 1024, 5000, 70_000][random(5)]!) + 1;
      if (random(2) === 0 && queue.length < 100_000) {
        const bytes = Buffer.from(Array.from({ length: count }, (_, i) => (step + i) & 0xff));
        queue.add(bytes);
        model = Buffer.concat([model, bytes]);
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
  },
);

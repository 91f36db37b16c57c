import { describe, expect, test } from 'vitest';
import { ExchangeTable, LOST } from '../../src/ring/exchange-table.ts';
import { entryOf, layoutOf, ExchangeState } from '../../src/ring/layout.ts';
import { AtomicMemory } from '../../src/ring/memory.ts';
import { EMPTY, RequestRing } from '../../src/ring/request-ring.ts';

function open(exchanges = 8, capacity = 4) {
  const layout = layoutOf(exchanges, capacity);
  const memory = new AtomicMemory(new Int32Array(new SharedArrayBuffer(layout.words * 4)));
  return { layout, memory, ring: new RequestRing(memory, layout), table: new ExchangeTable(memory, layout) };
}

describe('RequestRing', () => {
  test('claim returns entries first in first out, and EMPTY at the end', () => {
    const { ring } = open();
    for (const entry of [7, 8, 9]) ring.push(entry);
    expect([ring.claim(), ring.claim(), ring.claim(), ring.claim()]).toEqual([7, 8, 9, EMPTY]);
  });

  test('push returns EMPTY if the ring is full, and succeeds after one claim', () => {
    const { ring } = open(8, 4);
    expect([1, 2, 3, 4, 5].map((entry) => ring.push(entry))).toEqual([0, 1, 2, 3, EMPTY]);
    ring.claim();
    expect(ring.push(5)).toBe(4);
    expect(ring.depth()).toBe(4);
  });

  test('positions wrap at 32 bits', () => {
    const { ring, memory } = open(8, 4);
    const nearly = -2;
    memory.store(0, nearly);
    memory.store(16, nearly);
    for (let i = 0; i < 10; i++) {
      const position = ring.push(i);
      expect(ring.passed(position)).toBe(false);
      expect(ring.depth()).toBe(1);
      expect(ring.claim()).toBe(i);
      expect(ring.passed(position)).toBe(true);
    }
  });

  test('an entry with the highest index and generation is not mistaken for EMPTY', () => {
    const { ring } = open();
    ring.push(entryOf(0xffff, 0xfffff));
    expect(ring.claim()).toBe(0xffffffff);
  });
});

describe('ExchangeTable', () => {
  test('of take and cancel exactly one succeeds', () => {
    const { table } = open();
    table.publish(3, 5, 0, 0);
    expect(table.take(entryOf(3, 5) >>> 0, 1)).toBe(5);
    expect(table.cancel(3, 5)).toBe(false);
    expect(table.owner(3)).toBe(1);
    table.publish(4, 9, 0, 0);
    expect(table.cancel(4, 9)).toBe(true);
    expect(table.take(entryOf(4, 9) >>> 0, 1)).toBe(LOST);
  });

  test('take rejects a second entry of the same exchange and an entry of an earlier generation', () => {
    const { table } = open();
    table.publish(1, 7, 0, 0);
    expect(table.take(entryOf(1, 6) >>> 0, 2)).toBe(LOST);
    expect(table.take(entryOf(1, 7) >>> 0, 2)).toBe(7);
    expect(table.take(entryOf(1, 7) >>> 0, 3)).toBe(LOST);
    expect(table.owner(1)).toBe(2);
  });

  test('free raises the generation, which wraps at 20 bits and stays readable', () => {
    const { table } = open();
    expect(table.free(0, 0xfffff)).toBe(0);
    table.publish(0, 0xfffff, 64, 0);
    expect(table.state(0)).toBe(ExchangeState.PENDING);
    expect(table.take(entryOf(0, 0xfffff) >>> 0, 255)).toBe(0xfffff);
    expect(table.owner(0)).toBe(255);
    expect(table.slabOffset(0)).toBe(64);
  });
});

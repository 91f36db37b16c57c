import { describe, expect, test } from 'vitest';
import { NO_ROOM, Slab } from '../../src/ring/slab.ts';

const KIB = 1024;

describe('Slab', () => {
  test('allocate returns blocks that do not overlap, in every size class', () => {
    const slab = new Slab(2 * 1024 * KIB, 104 * KIB);
    const blocks: [number, number][] = [];
    for (let i = 0; i < 400; i++) {
      const bytes = [300, 5000, 30_000, 90_000][i % 4]!;
      const offset = slab.allocate(bytes);
      if (offset !== NO_ROOM) blocks.push([offset, offset + bytes]);
    }
    blocks.sort((a, b) => a[0] - b[0]);
    for (let i = 1; i < blocks.length; i++) expect(blocks[i]![0]).toBeGreaterThanOrEqual(blocks[i - 1]![1]);
    expect(blocks.length).toBeGreaterThan(20);
  });

  test('allocate returns NO_ROOM above the budget and above the largest block, and succeeds after a free', () => {
    const slab = new Slab(3 * 104 * KIB, 104 * KIB);
    const all = [0, 1, 2].map(() => slab.allocate(100 * KIB));
    expect(all).not.toContain(NO_ROOM);
    expect(slab.allocate(100 * KIB)).toBe(NO_ROOM);
    expect(slab.allocate(10)).toBe(NO_ROOM);
    expect(slab.allocate(105 * KIB)).toBe(NO_ROOM);
    slab.free(all[1]!);
    expect(slab.allocate(100 * KIB)).toBe(all[1]);
  });

  test('free returns empty pages to other size classes, so that no mix exhausts the budget', () => {
    const slab = new Slab(20 * 104 * KIB, 104 * KIB);
    for (let round = 0; round < 50; round++) {
      const bytes = [500, 8000, 40_000, 104 * KIB][round % 4]!;
      const held: number[] = [];
      for (let offset = slab.allocate(bytes); offset !== NO_ROOM; offset = slab.allocate(bytes))
        held.push(offset);
      // At most one page stays in each other class.
      expect(held.length).toBeGreaterThanOrEqual(17);
      for (const offset of held) slab.free(offset);
      expect(slab.inUse).toBe(0);
    }
  });
});

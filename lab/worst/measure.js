/**
 * The cost of an input at several sizes, and whether it grows faster than the input.
 *
 * Law: measures and judges; knows no path.
 *
 * A path is measured at three sizes. It is superlinear if its cost per byte at the largest size is more than ROOM times
 * the least of the smaller sizes. From n to 4n the cost per byte of a quadratic path grows by up to 4, of a linear path
 * by 1.
 *
 * Noise: the cost is the least of several runs, because other load on the machine can only add to it. The sizes take
 * turns, so that a machine that slows down slows all of them. A path that seems superlinear is measured again.
 */

/**
 * Noise and steps of memory stay below this factor. Examples are a buffer that doubles and a cache that becomes too
 * small.
 */
export const ROOM = 2;

/** A run that takes longer ends its path, ms. */
export const LONGEST_MS = 3000;

/** Runs before the first that counts: V8 compiles the code during them. */
const WARM = 3;
const MOST_ROUNDS = 4;

/**
 * @param path { sizes, room }
 * @param measure (size) => Promise of { bytes, ms: CPU time, memory: bytes }
 * @returns { costs: ns a byte at each size, growth, isSuperlinear, memory: bytes at the largest }
 */
export async function judge({ sizes, room = ROOM }, repeats, measure) {
  for (let left = WARM; left > 0; left--) await measure(sizes[0]);
  const best = sizes.map(() => undefined);
  let growth;
  for (let round = 0; round < MOST_ROUNDS; round++) {
    for (let left = repeats; left > 0; left--) {
      for (const [index, size] of sizes.entries()) {
        const found = await measure(size);
        if (best[index] === undefined || found.ms < best[index].ms) best[index] = found;
        if (found.ms > LONGEST_MS) return verdict(best, Number.POSITIVE_INFINITY, room);
      }
    }
    growth = growthOf(best);
    if (growth <= room) break;
  }
  return verdict(best, growth, room);
}

function verdict(best, growth, room) {
  const costs = best.map((found) => found && perByte(found));
  return { costs, growth, isSuperlinear: growth > room, memory: best.at(-1)?.memory };
}

function growthOf(best) {
  return perByte(best.at(-1)) / Math.min(...best.slice(0, -1).map(perByte));
}

function perByte({ ms, bytes }) {
  return (ms * 1e6) / bytes;
}

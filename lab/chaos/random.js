/**
 * Random numbers that a seed repeats (mulberry32). The times between events still differ: the threads are real.
 */
export function randomOf(seed) {
  let state = seed >>> 0;
  const next = () => {
    state = (state + 0x6d2b79f5) >>> 0;
    let t = state;
    t = Math.imul(t ^ (t >>> 15), t | 1);
    t ^= t + Math.imul(t ^ (t >>> 7), t | 61);
    return ((t ^ (t >>> 14)) >>> 0) / 2 ** 32;
  };
  return {
    next,
    /** A whole number below `end`. */
    below: (end) => Math.floor(next() * end),
    /** One of `[value, weight]`. */
    weighted(choices) {
      let left = next() * choices.reduce((sum, [, weight]) => sum + weight, 0);
      return choices.find(([, weight]) => (left -= weight) < 0)?.[0] ?? choices[0][0];
    },
  };
}

/**
 * `npm run worst`: the inputs with the highest cost per byte, for each parser, encoder, key, queue and tunnel, at sizes
 * n, 2n and 4n.
 *
 * Prints nanoseconds per byte and memory. The exit code is 1 if the cost of a path grows faster than its input
 * (`worst/measure.js`).
 *
 *   --short         the version of `npm run check`: half the sizes, fewer repeats
 *   --only TEXT     paths whose name contains the text
 *   --dist FOLDER   another build, to compare with. Default: dist
 */
import path from 'node:path';
import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';
import { codePaths, memoryOf, timeOf } from './worst/code.js';
import { judge } from './worst/measure.js';
import { SERVED, Subjects } from './worst/served.js';

const { values } = parseArgs({
  options: {
    short: { type: 'boolean', default: false },
    only: { type: 'string', default: '' },
    dist: { type: 'string', default: fileURLToPath(new URL('../dist', import.meta.url)) },
  },
});
const dist = path.resolve(values.dist);
setFlagsFromString('--expose-gc');
globalThis.gc ??= runInNewContext('gc');

const isWanted = ({ name }) => name.includes(values.only);
/** A path whose bound is part of its behaviour is measured at its full size. */
const sized = (found) =>
  values.short && !found.isWhole ? { ...found, sizes: found.sizes.map((size) => size / 2) } : found;
const failed = [];

console.log(
  `${'ns a byte at'.padEnd(58)}${'n'.padStart(9)}${'2n'.padStart(9)}${'4n'.padStart(9)}${'growth'.padStart(9)}${'KiB at 4n'.padStart(12)}`,
);
const most = values.short ? 4 : 12;
for (const found of (await codePaths(dist)).filter(isWanted).map(sized)) {
  const result = await judge(found, found.repeats ?? most, (size) => timeOf(found.input(size)));
  report(found, { ...result, memory: memoryOf(found.input(found.sizes.at(-1))) });
}
const subjects = new Subjects(dist);
try {
  for (const found of SERVED.filter(isWanted).map(sized))
    report(found, await judge(found, found.repeats ?? most, (size) => subjects.measure(found, size)));
} finally {
  subjects.kill();
}
if (failed.length > 0) {
  console.error(`\nThe cost of a byte grows with the input: ${failed.join('; ')}`);
  process.exitCode = 1;
}

function report({ name }, { costs, growth, isSuperlinear, memory }) {
  if (isSuperlinear) failed.push(name);
  const cells = [0, 1, 2].map((index) => number(costs[index]).padStart(9)).join('');
  const kept = number((memory ?? Number.NaN) / 1024, 0).padStart(12);
  const mark = isSuperlinear ? '  SUPERLINEAR' : '';
  console.log(`${name.padEnd(58)}${cells}${number(growth, 2).padStart(9)}${kept}${mark}`);
}

function number(value, digits = 1) {
  return value === undefined || Number.isNaN(value)
    ? '-'
    : Number.isFinite(value)
      ? value.toFixed(digits)
      : '∞';
}

/**
 * The table as Markdown. It is printed. With `--write` it replaces the text between the marks of examples/README.md.
 */
import { readFileSync, writeFileSync } from 'node:fs';
import { BESIDE, FULL } from './measure.js';
import { WORKERS } from './servers.js';

const README = new URL('../../examples/README.md', import.meta.url);
const MARKS = /(?<=<!-- measured -->\n)[\s\S]*(?=<!-- \/measured -->)/;

export const HEAD = [
  `| node:http → tsgi-threads with ${WORKERS} workers | requests a second | CPU a request | /health beside it, p99 |`,
  '| --- | --- | --- | --- |',
];
export const LEGEND =
  `Requests a second and CPU: ${FULL.connections} clients request the page without a pause. /health: ` +
  `${1000 / BESIDE.every} requests a second while one client requests the page without a pause.`;

/** One row. */
export function row({ name, what }, [theirs, ours]) {
  const times = (ours.perSecond / theirs.perSecond).toFixed(2);
  const cells = [
    `[${name}](cpu/${name}): ${what}`,
    `${short(theirs.perSecond)} → ${short(ours.perSecond)} (${times}×)`,
    `${short(theirs.cpu)} → ${short(ours.cpu)} ms`,
    `${short(theirs.p99)} → ${short(ours.p99)} ms`,
  ];
  return `| ${cells.join(' | ')} |`;
}

function short(value) {
  if (Number.isNaN(value)) return '?';
  return value.toFixed(value < 100 ? 1 : 0);
}

/** @throws Error if examples/README.md has lost its marks */
export function write(lines) {
  const text = readFileSync(README, 'utf8');
  if (!MARKS.test(text))
    throw new Error(
      'Cannot write the table: examples/README.md has no <!-- measured --> … <!-- /measured -->. Restore the marks.',
    );
  writeFileSync(
    README,
    text.replace(MARKS, () => `\n${lines.join('\n')}\n\n`),
  );
}

/**
 * The table of docs/internals/performance.md: the questions of the bench, and the answers that `npm run bench -- --report` kept.
 */
import { readFileSync } from 'node:fs';
import { QUESTIONS } from '../../bench/questions.js';

export const ANSWERS = new URL('../../docs/internals/performance.json', import.meta.url);

export function performanceTable() {
  const answers = JSON.parse(readFileSync(ANSWERS, 'utf8'));
  const rows = Object.entries(QUESTIONS).map(
    ([name, [question, goal]]) =>
      `| \`${name}\` | ${question} | ${answers[name] ?? 'not measured'} | ${goal} |`,
  );
  return ['| name | question | answer | goal |', '| --- | --- | --- | --- |', ...rows].join('\n');
}

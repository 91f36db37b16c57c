/**
 * The ESLint rule for English: which comments, titles and strings of a program it reads, and where it reports.
 */
import { Linter } from 'eslint';
import { expect, test } from 'vitest';
import plugin from '../../scripts/prose/eslint-plugin.js';

const BAD = 'whoever connects';

function placesOf(code: string, file = 'src/x.js'): string[] {
  const linter = new Linter();
  const config = { plugins: { prose: plugin }, rules: { 'prose/english': 'error' } } as Linter.Config;
  return linter.verify(code, config, file).map(({ line, column }) => `${line}:${column}`);
}

test.each([
  ['a line comment', `const a = 1; // ${BAD}`, ['1:17']],
  ['the second of two line comments', `// A line\n// ${BAD}`, ['2:4']],
  ['a block comment', `/**\n * A line.\n *\n * ${BAD}\n */`, ['4:4']],
  ['a directive', `// @ts-expect-error ${BAD}`, []],
  ['a string with several words', `throw new Error('${BAD} now');`, ['1:18']],
  ['a template with a value', 'throw new Error(`whoever connects to ${1}`);', ['1:18']],
  ['a sum of strings', `const a = 'whoever ' + name + ' connects';`, ['1:12']],
  ['generated code', `const a = 'const whoever = () => { return 1; }';`, []],
  ['a help text', `const a = { help: 'How long it waits' };`, ['1:20']],
])('the rule reads %s', (_what, code, places) => {
  expect(placesOf(code)).toEqual(places);
});

test.each([
  ['test', `test('and again', f);`, ['1:7']],
  ['describe', `describe('never twice', f);`, ['1:11']],
  ['test.each', `test.each([1])('and %s', f);`, ['1:17']],
  ['test.skipIf', `test.skipIf(true)('and again', f);`, ['1:20']],
  ['a string that is no title', `expect('whoever connects now').toBe(1);`, []],
  ['a title that is a subject and an expectation', `test('a client receives its response', f);`, []],
])('in a test file the rule reads titles only: %s', (_what, code, places) => {
  expect(placesOf(code, 'test/x.js')).toEqual(places);
});

import path from 'node:path';
import { describe, expect, test } from 'vitest';
import { loadCode, mutated } from '../../lab/proof/bundle.ts';
import { NARROW, NARROW_WINDOW, SHORT } from '../../lab/proof/checks.ts';
import { MUTANTS, NARROW_MUTANTS } from '../../lab/proof/mutants.ts';
import { FAMILIES, hunt } from '../../lab/proof/prove.ts';

const ROOT = path.join(import.meta.dirname, '..', '..');
const code = await loadCode(ROOT);

describe('every interleaving within the bounds of', () => {
  test.each(SHORT)('$family: $name', (check) => {
    const { problem, complete } = check.run(code, 20_000);
    expect(problem).toBeNull();
    expect(complete).toBe(true);
  });
});

describe('every interleaving of a body and a window too small for it,', async () => {
  const narrow = await loadCode(ROOT, [NARROW_WINDOW]);
  test.each(NARROW)('$family: $name', (check) => {
    const { problem, complete } = check.run(narrow, 20_000);
    expect(problem).toBeNull();
    expect(complete).toBe(true);
  });

  test.each(NARROW_MUTANTS)('the mutant $name is caught', async (mutant) => {
    const wrong = await loadCode(ROOT, [NARROW_WINDOW, mutant]);
    expect(NARROW.some((check) => check.run(wrong, 20_000).problem !== null)).toBe(true);
  });
});

describe.each(FAMILIES)('a mutant of %s is caught', (family) => {
  test.each(MUTANTS[family])('$name', async (mutant) => {
    const { by } = await hunt(ROOT, family, mutant);
    expect(by).not.toBeNull();
  });
});

test('a mutant whose text does not occur exactly once causes an error', () => {
  const mutant = { file: 'a.ts', from: 'x', to: 'y' };
  expect(mutated('axb', 'a.ts', [mutant])).toBe('ayb');
  expect(() => mutated('ab', 'a.ts', [mutant])).toThrow('0 times');
  expect(() => mutated('axbx', 'a.ts', [mutant])).toThrow('2 times');
});

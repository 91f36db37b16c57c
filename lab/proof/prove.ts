/**
 * Runs the proof: the real code must pass every check, and every mutant must fail one.
 *
 * Law: runs and collects. The bounds are in `checks.ts`, the words in `report.ts`.
 */
import './machine.ts';
import { type Code, loadCode } from './bundle.ts';
import { type Check, SHORT } from './checks.ts';
import type { Result } from './explore.ts';
import { type Mutant, MUTANTS } from './mutants.ts';

/** The result of one check of the real code. */
export interface Passed {
  readonly check: Check;
  readonly result: Result;
}

export interface Caught {
  readonly mutant: Mutant;
  /** The check that found the mutant, and the problem. Null: no check found it. */
  readonly by: { readonly check: string; readonly message: string; readonly steps: number } | null;
  readonly milliseconds: number;
}

export const FAMILIES = Object.keys(MUTANTS) as Check['family'][];

export function runChecks(
  code: Code,
  checks: readonly Check[],
  milliseconds: number,
  tell = (_: Passed) => {},
): Passed[] {
  return checks.map((check) => {
    const passed = { check, result: check.run(code, milliseconds) };
    tell(passed);
    return passed;
  });
}

function order(family: Check['family'], { first }: Mutant): Check[] {
  const checks = SHORT.filter((check) => check.family === family);
  const known = checks.filter(({ name }) => first !== undefined && name.includes(first));
  return [...known, ...checks.filter((check) => !known.includes(check))];
}

/** Runs the short checks of the mutant's family in turn, until one finds it. */
export async function hunt(root: string, family: Check['family'], mutant: Mutant): Promise<Caught> {
  const start = performance.now();
  const code = await loadCode(root, [mutant]);
  let by: Caught['by'] = null;
  for (const check of order(family, mutant)) {
    if (by !== null) break;
    const { problem } = check.run(code, 10_000);
    if (problem !== null) by = { check: check.name, message: problem.message, steps: problem.trace.length };
  }
  return { mutant, by, milliseconds: performance.now() - start };
}

export async function huntAll(root: string, tell = (_: Caught) => {}): Promise<Caught[]> {
  const all: Caught[] = [];
  for (const family of FAMILIES) {
    for (const mutant of MUTANTS[family]) {
      const caught = await hunt(root, family, mutant);
      tell(caught);
      all.push(caught);
    }
  }
  return all;
}

/**
 * Runs the SPIN models if `spin` and a C compiler are installed.
 *
 * Law: knows commands and their output. Each model documents its own meaning.
 */
import { execFileSync, spawnSync } from 'node:child_process';
import { copyFileSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';

interface Claim {
  readonly model: string;
  /** A formula of the model. Null: only its assertions, in every state. */
  readonly formula: string | null;
  readonly defines: readonly string[];
  /** Whether the model is made wrong on purpose and must fail. */
  readonly fails: boolean;
}

export interface SpinResult extends Claim {
  readonly ok: boolean;
  readonly states: string;
  readonly seconds: number;
  readonly said: string;
}

const ring = (formula: string | null, fails = false, ...defines: string[]): Claim => ({
  model: 'ring',
  formula,
  defines,
  fails,
});
const bells = (formula: string | null, fails = false, ...defines: string[]): Claim => ({
  model: 'bells',
  formula,
  defines,
  fails,
});

export const CLAIMS: readonly Claim[] = [
  ring(null, false, 'REQUESTS=2'),
  ring('answered', false, 'REQUESTS=1'),
  ring('answered', true, 'REQUESTS=2', 'TAIL_FIRST'),
  ring(null, true, 'REQUESTS=2', 'NO_TAKE_CAS'),
  ring('answered', true, 'REQUESTS=1', 'FORGET'),
  bells('answered', false),
  bells('woken', false),
  bells('answered', true, 'NO_SECOND_LOOK'),
  bells('answered', true, 'LOOK_FIRST'),
  bells('answered', true, 'NO_ACCEPTOR_LOOK'),
];

/** The reason why the models cannot run here, or null. */
export function whyNoSpin(): string | null {
  for (const [command, argument] of [
    ['spin', '-V'],
    ['cc', '--version'],
  ] as const) {
    if (spawnSync(command, [argument]).error !== undefined) return `\`${command}\` is not installed`;
  }
  return null;
}

/** @param models the folder of the `.pml` files */
export function runClaim(models: string, claim: Claim): SpinResult {
  const directory = mkdtempSync(path.join(tmpdir(), 'tsgi-spin-'));
  const start = performance.now();
  try {
    const file = `${claim.model}.pml`;
    copyFileSync(path.join(models, file), path.join(directory, file));
    const options = { cwd: directory, stdio: 'pipe', encoding: 'utf8' } as const;
    execFileSync('spin', ['-a', ...claim.defines.map((name) => `-D${name}`), file], options);
    const how = claim.formula === null ? ['-DSAFETY', '-DNOCLAIM'] : ['-DNFAIR=6'];
    execFileSync('cc', ['-O2', '-w', '-DCOLLAPSE', ...how, '-o', 'pan', 'pan.c'], options);
    const search = claim.formula === null ? ['-E'] : ['-a', '-f', '-N', claim.formula];
    const { stdout } = spawnSync('./pan', ['-m1000000', ...search], { ...options, timeout: 180_000 });
    return judge(claim, stdout, (performance.now() - start) / 1000);
  } finally {
    rmSync(directory, { recursive: true, force: true });
  }
}

function judge(claim: Claim, output: string, seconds: number): SpinResult {
  const errors = /errors: (\d+)/.exec(output)?.[1];
  const whole = !/max search depth too small|Search not completed/.test(output) || claim.fails;
  const ok = errors !== undefined && whole && (errors !== '0') === claim.fails;
  const states = /(\S+) states, stored/.exec(output)?.[1] ?? '';
  const said = errors === undefined ? 'did not finish' : (/pan:1: (.*) \(at/.exec(output)?.[1] ?? 'no error');
  return { ...claim, ok, states, seconds, said };
}

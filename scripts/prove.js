/**
 * The proof of the rings in its long form: every interleaving within bounds, walks beyond them, mutants, SPIN.
 *
 *     node scripts/prove.js [--seed n] [--report docs/reliability-rings.md] [--short]
 *
 * Law: the command line only; the proof lives in test/proof/, is TypeScript, and is bundled to be run here.
 */
import { mkdirSync, rmSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { fileURLToPath, pathToFileURL } from 'node:url';
import { parseArgs } from 'node:util';
import { build } from 'esbuild';

const root = fileURLToPath(new URL('..', import.meta.url));

/** @returns {Promise<typeof import('../test/proof/report.ts')>} */
async function loadProof() {
  // Beside the packages, so that it finds esbuild.
  const outfile = path.join(root, 'node_modules', '.cache', `proof-${process.pid}.mjs`);
  mkdirSync(path.dirname(outfile), { recursive: true });
  const entryPoints = [path.join(root, 'test/proof/report.ts')];
  await build({
    entryPoints,
    outfile,
    bundle: true,
    platform: 'node',
    format: 'esm',
    packages: 'external',
    logLevel: 'warning',
  });
  try {
    return await import(pathToFileURL(outfile).href);
  } finally {
    rmSync(outfile, { force: true });
  }
}

/**
 * Runs the proof. `markdown` is a section of a report on reliability.
 *
 * @param {{ seed?: number, short?: boolean, tell?: (line: string) => void }} [options]
 * @returns {Promise<{ ok: boolean, markdown: string }>}
 */
export async function proveRings({ seed = 1, short = false, tell = () => {} } = {}) {
  const { proveRings: prove } = await loadProof();
  const limits = { checkLimit: short ? 30_000 : 180_000, walkLimit: short ? 1_000 : 20_000 };
  return prove({ root, seed, short, tell, ...limits });
}

if (process.argv[1] === fileURLToPath(import.meta.url)) {
  const { values } = parseArgs({
    options: { seed: { type: 'string' }, report: { type: 'string' }, short: { type: 'boolean' } },
  });
  const start = performance.now();
  const { ok, markdown } = await proveRings({
    seed: Number(values.seed ?? 1),
    short: values.short ?? false,
    tell: (line) => console.log(line),
  });
  if (values.report !== undefined) writeFileSync(path.resolve(values.report), markdown);
  const seconds = ((performance.now() - start) / 1000).toFixed(0);
  console.log(`${ok ? 'the rings hold' : 'FAILED'} (${seconds} s)`);
  process.exitCode = ok ? 0 : 1;
}

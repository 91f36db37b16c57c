/**
 * Explores the code of the rings in every schedule within bounds, then mutants of it, and the SPIN models if `spin` is
 * installed.
 *
 * The proof is the TypeScript of lab/proof/, which is bundled to run here.
 */
import { mkdirSync, rmSync } from 'node:fs';
import path from 'node:path';
import { fileURLToPath, pathToFileURL } from 'node:url';
import { build } from 'esbuild';

const root = fileURLToPath(new URL('../..', import.meta.url));

/** @returns {Promise<typeof import('../proof/report.ts')>} */
async function loadProof() {
  // The bundle lies beside the packages, so that it finds esbuild.
  const outfile = path.join(root, 'node_modules', '.cache', `proof-${process.pid}.mjs`);
  mkdirSync(path.dirname(outfile), { recursive: true });
  const entryPoints = [path.join(root, 'lab/proof/report.ts')];
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

export async function rings({ seed, short, progress }) {
  const { proveRings } = await loadProof();
  const started = performance.now();
  const limits = { checkLimit: short ? 30_000 : 180_000, walkLimit: short ? 1_000 : 20_000 };
  const lines = [];
  const tell = (line) => {
    lines.push(line);
    progress(line);
  };
  const { ok, markdown } = await proveRings({ root, seed, short, tell, ...limits });
  const problems = ok ? [] : lines.filter((line) => !/^ok|holds|caught/.test(line));
  return { checks: lines.length, seconds: (performance.now() - started) / 1000, markdown, problems };
}

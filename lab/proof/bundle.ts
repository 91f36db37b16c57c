/**
 * Makes a module of the real code for the simulated machine: the sources unchanged, or with one mutation.
 *
 * Law: all other changes keep the behaviour and are listed here:
 * - Private names become ordinary names, so that a thread's own state can be compared.
 * - Atomics over shared words become the simulated memory.
 * - Timers, immediates and shared buffers belong to the simulated machine.
 * - The parser, the listener and connections are left out, because they use no ring.
 *
 * A replacement is an error unless its text occurs exactly once.
 */
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { pathToFileURL } from 'node:url';
import { build, type Plugin } from 'esbuild';
import type * as code from './code.ts';

export type Code = typeof code;

export interface Replacement {
  /** Under src/. */
  readonly file: string;
  readonly from: string;
  readonly to: string;
}

const MACHINE = `const { SharedArrayBuffer, setImmediate, setTimeout, clearTimeout, setInterval, clearInterval,
  performance, Date } = globalThis.proofMachine;`;

const STUBS: readonly [RegExp, string][] = [
  [/\/memory\.ts$/, 'export const AtomicMemory = globalThis.proofMachine.AtomicMemory;'],
  [/^node:perf_hooks$/, 'export const performance = globalThis.proofMachine.performance;'],
  [
    /\/http\/parser\.ts$/,
    'export class Parser { buffer = null; } export const [MOST_HEADERS, READ_BUFFER_SIZE, Outcome] = [1, 1, {}];',
  ],
  [/\/listener\.ts$/, 'export class Listener {}'],
  [/\/connection\.ts$/, 'export class Connection {}'],
];

export function mutated(text: string, file: string, replacements: readonly Replacement[]): string {
  for (const replacement of replacements) {
    if (replacement.file !== file) continue;
    const parts = text.split(replacement.from);
    if (parts.length !== 2)
      throw new Error(
        `${file}: the text to replace occurs ${parts.length - 1} times instead of once: ${replacement.from}`,
      );
    text = parts.join(replacement.to);
  }
  return text;
}

function sources(root: string, replacements: readonly Replacement[]): Plugin {
  return {
    name: 'proof',
    setup(host) {
      host.onResolve({ filter: /./ }, ({ path: wanted }) => {
        const stub = STUBS.findIndex(([pattern]) => pattern.test(wanted));
        return stub < 0 ? undefined : { path: String(stub), namespace: 'stub' };
      });
      host.onLoad({ filter: /./, namespace: 'stub' }, ({ path: stub }) => ({
        contents: STUBS[Number(stub)]![1],
      }));
      host.onLoad({ filter: /[\\/]src[\\/].*\.ts$/ }, ({ path: file }) => {
        const name = path.relative(path.join(root, 'src'), file).split(path.sep).join('/');
        const text = mutated(readFileSync(file, 'utf8'), name, replacements);
        return { contents: text.replace(/#([a-zA-Z]\w*)/g, '_$1'), loader: 'ts' };
      });
    },
  };
}

/** @param root the repository */
export async function loadCode(root: string, replacements: readonly Replacement[] = []): Promise<Code> {
  const { outputFiles } = await build({
    entryPoints: [path.join(root, 'lab/proof/code.ts')],
    bundle: true,
    write: false,
    format: 'esm',
    platform: 'node',
    target: 'node20',
    logLevel: 'silent',
    banner: { js: MACHINE },
    plugins: [sources(root, replacements)],
  });
  const directory = mkdtempSync(path.join(tmpdir(), 'tsgi-proof-'));
  try {
    const file = path.join(directory, 'code.mjs');
    writeFileSync(file, outputFiles[0]!.contents);
    return (await import(/* @vite-ignore */ pathToFileURL(file).href)) as Code;
  } finally {
    rmSync(directory, { recursive: true, force: true });
  }
}

/**
 * A process that compiles one source and the other TypeScript of its package, for a thread that waits for it.
 *
 * Law: one request as its argument, one line of JSON as its reply. It uses files that the application's build contains, and
 * does not compile them again: a module must stay one module.
 */
import { renameSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import type { BuildFailure } from 'esbuild';
import { inCacheFolder } from '../cache.ts';
import { syntaxError } from '../compile.ts';
import { emit } from '../emit.ts';
import { withEsbuild } from '../esbuild.ts';
import { Graph } from '../graph.ts';
import { readManifest } from '../manifest.ts';
import { packageFiles } from '../package-files.ts';
import { place } from '../place.ts';
import type { RuntimeData } from './data.ts';
import { type More, moreOf } from './sources.ts';

interface Request extends RuntimeData {
  readonly source: string;
}

async function compileMore({ folder, source, entry, cacheDir }: Request): Promise<More> {
  const built = [...readManifest(folder)].map(([file, compiled]) => [file, compiled.file] as const);
  const graph = new Graph(new Map(built));
  try {
    await withEsbuild(false, async () => {
      await graph.add(source);
      await graph.addTolerantly(packageFiles(source));
    });
    return { folder: store(graph, folder, entry, cacheDir) };
  } catch (error) {
    return { error: syntaxError(error as BuildFailure).message };
  }
}

function store(graph: Graph, folder: string, entry: string, cacheDir: string): string {
  return inCacheFolder(entry, cacheDir, (parent) => {
    const more = place(parent, emit(graph, { parent, all: false }).files);
    if (parent === path.dirname(folder)) note(folder, path.basename(more));
    return more;
  });
}

/** Two processes may write the file at the same time. Each uses a name of its own until the text is complete. */
function note(folder: string, more: string): void {
  const beside = `${moreOf(folder)}.${process.pid}`;
  writeFileSync(beside, more, { mode: 0o600 });
  renameSync(beside, moreOf(folder));
}

process.stdout.write(JSON.stringify(await compileMore(JSON.parse(process.argv[2]!) as Request)));

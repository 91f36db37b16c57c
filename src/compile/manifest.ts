/**
 * `manifest.json` of a build: which compiled file belongs to which source.
 *
 * Law: reads; `emit.ts` writes it.
 */
import { readFileSync } from 'node:fs';
import path from 'node:path';

export interface Manifest {
  /** Path of a source, from the build's folder → its compiled file. */
  readonly sources: Readonly<Record<string, { readonly name: string; readonly digest: string }>>;
}

export interface Compiled {
  /** Absolute path. */
  readonly file: string;
  /** SHA-256 of its source. */
  readonly digest: string;
}

/** Absolute path of each source → its compiled file. */
export function readManifest(folder: string): Map<string, Compiled> {
  const { sources } = JSON.parse(readFileSync(path.join(folder, 'manifest.json'), 'utf8')) as Manifest;
  return new Map(
    Object.entries(sources).map(([source, { name, digest }]) => [
      path.resolve(folder, source),
      { file: path.join(folder, name), digest },
    ]),
  );
}

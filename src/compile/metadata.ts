/**
 * Metadata of decorators: types that `tsc` writes for `emitDecoratorMetadata`. A transpiler that reads one file at a time
 * cannot know them.
 *
 * Law: reads transpiled files and their tsconfig.json, and reports.
 */
import path from 'node:path';
import type { Unit } from './graph.ts';

/** esbuild's output for decorators with `experimentalDecorators`. */
const DECORATED = '__decorateClass(';

/** Returns one line about the first file whose decorators would get metadata from `tsc`, or undefined if there is none. */
export async function missingMetadata(units: readonly Unit[]): Promise<string | undefined> {
  const decorated = units.filter((unit) => unit.text.includes(DECORATED));
  if (decorated.length === 0) return undefined;
  const { getTsconfig } = await import('get-tsconfig');
  const read = new Map();
  const found = decorated.find(
    ({ file }) =>
      getTsconfig(file, 'tsconfig.json', read)?.config.compilerOptions?.emitDecoratorMetadata === true,
  );
  if (found === undefined) return undefined;
  const shown = path.relative(process.cwd(), found.file);
  return `${shown} has decorators that need type metadata (emitDecoratorMetadata), which only tsc can write. If the application reads the metadata, for example for dependency injection, compile with tsc and serve its output.`;
}

/**
 * Metadata of decorators: the types of what is decorated, which `tsc` writes for `emitDecoratorMetadata` and a transpiler
 * that reads one file at a time cannot know.
 *
 * Law: looks at transpiled files and at their tsconfig.json, and says what it found.
 */
import path from 'node:path';
import type { Unit } from './graph.ts';

/** What esbuild makes of decorators as `experimentalDecorators` has them. */
const DECORATED = '__decorateClass(';

/** One line about the first file whose decorators would be given metadata by `tsc`; undefined: there is none. */
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
  return `${shown} has decorators that are to be given the types of what they decorate (emitDecoratorMetadata), which only tsc can: if they are missed, as by dependency injection, compile with tsc and serve its output`;
}

/**
 * Imports whose specifier is computed: they are given to our runtime before esbuild sees them, which would copy every
 * file that a pattern matches into the importer.
 *
 * Law: rewrites source text and nothing else; `emit.ts` declares the name it puts in.
 */
import { init, parse } from 'es-module-lexer';

/** `import(` before anything but one string literal. */
const COMPUTED = /\bimport\s*\((?!\s*(["'])(?:(?!\1)[^\\\n]|\\.)*\1\s*[,)])/g;
const NAME = '__tsgi_import(';

/** The source with computed imports renamed; undefined when it has none. */
export async function renameComputedImports(source: string): Promise<string | undefined> {
  if (source.search(COMPUTED) === -1) return undefined;
  await init;
  let starts: Set<number> | undefined;
  try {
    const [imports] = parse(source);
    starts = new Set(imports.filter(({ type }) => type === 'dynamic').map(({ importStart }) => importStart));
  } catch {
    // The lexer reads JavaScript and most of TypeScript. Where it cannot, text decides.
  }
  return source.replace(COMPUTED, (match, _quote, at: number) =>
    starts === undefined || starts.has(at) ? NAME : match,
  );
}

/**
 * Files that are loaded by a path that the application computes.
 *
 * Computed imports call the runtime of this folder instead: this file renames them before esbuild reads the source. Otherwise
 * esbuild would copy every file that matches the pattern into the importer.
 *
 * Law: reads and rewrites source text, nothing else; `emit.ts` declares the new name.
 */
import { init, parse } from 'es-module-lexer';

/** `import(` before anything but one string literal. */
const COMPUTED = /\bimport\s*\((?!\s*(["'])(?:(?!\1)[^\\\n]|\\.)*\1\s*[,)])/g;
const NAME = '__tsgi_import(';

/** Returns the source with computed imports renamed, or undefined if it has none. */
export async function renameComputedImports(source: string): Promise<string | undefined> {
  if (source.search(COMPUTED) === -1) return undefined;
  await init();
  let starts: Set<number> | undefined;
  try {
    const [imports] = parse(source);
    starts = new Set(imports.filter(({ type }) => type === 'dynamic').map(({ importStart }) => importStart));
  } catch {
    // The lexer reads JavaScript and most of TypeScript. If it cannot read a source, the text alone decides.
  }
  return source.replace(COMPUTED, (match, _quote, at: number) =>
    starts === undefined || starts.has(at) ? NAME : match,
  );
}

/**
 * Files in the forms that a library accepts: the file's own path, the working directory, a pattern, a name with an extension.
 */
const NAMES_FILES =
  /\b__tsgi_(?:url|dirname|filename)\b|\bcwd\(|\bpath\d*\.(?:join|resolve)\(|["'`/]\*\*?[/.]|\.(?:[cm]?tsx?|jsx)["'`]/;

/** True if the compiled text may pass a file, a folder or a pattern to a library or thread that loads files from it. */
export function namesFiles(text: string): boolean {
  return NAMES_FILES.test(text);
}

/** `require` of anything but one package's name, and the names that `emit.ts` declares: everything that needs the runtime. */
const NEEDS_RUNTIME = /\b__tsgi_(?:import|resolve)\b|\bcreateRequire\b|\brequire\b(?!\("[^."])/;

/** True if the compiled text may load a file that no import names. */
export function loadsFiles(text: string): boolean {
  return NEEDS_RUNTIME.test(text) || namesFiles(text);
}

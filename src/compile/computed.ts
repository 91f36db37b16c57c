/**
 * Files that are loaded by a path that the application computes.
 *
 * Computed imports are given to our runtime before esbuild sees them: esbuild would copy every file that a pattern matches
 * into the importer.
 *
 * Law: reads and rewrites source text, nothing else; `emit.ts` declares the name that is put in.
 */
import { init, parse } from 'es-module-lexer';

/** `import(` before anything but one string literal. */
const COMPUTED = /\bimport\s*\((?!\s*(["'])(?:(?!\1)[^\\\n]|\\.)*\1\s*[,)])/g;
const NAME = '__tsgi_import(';

/** The source with computed imports renamed; undefined when it has none. */
export async function renameComputedImports(source: string): Promise<string | undefined> {
  if (source.search(COMPUTED) === -1) return undefined;
  await init();
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

/** Files as a library is given them: the place of the file itself, the working directory, a pattern, a name with an ending. */
const NAMES_FILES =
  /\b__tsgi_(?:url|dirname|filename)\b|\bcwd\(|\bpath\d*\.(?:join|resolve)\(|["'`/]\*\*?[/.]|\.(?:[cm]?tsx?|jsx)["'`]/;

/** The compiled text may hand a file, a folder or a pattern to a library or thread that loads what it finds there. */
export function namesFiles(text: string): boolean {
  return NAMES_FILES.test(text);
}

/** `require` of anything but one package's name, and what `emit.ts` declares: all that needs the runtime. */
const NEEDS_RUNTIME = /\b__tsgi_(?:import|resolve)\b|\bcreateRequire\b|\brequire\b(?!\("[^."])/;

/** The compiled text may load a file that no import names. */
export function loadsFiles(text: string): boolean {
  return NEEDS_RUNTIME.test(text) || namesFiles(text);
}

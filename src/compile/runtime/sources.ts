/**
 * Finds the compiled file of a source, in the thread that loads it.
 *
 * Law: reads builds, and compiles a source that no build contains. Everything here is synchronous, because `require` is. A
 * process of its own compiles the source. A thread that loads the application must not wait for the thread that serves, and
 * with `--threads 0` they are one.
 *
 * A source is compiled together with the other TypeScript of its package, so a library that loads a folder costs one process. A
 * file beside the build names the new build, for other threads and the next start.
 */
import { execFileSync } from 'node:child_process';
import { readFileSync, realpathSync, statSync } from 'node:fs';
import path from 'node:path';
import { fileURLToPath } from 'node:url';
import { OptionError } from '../../errors.ts';
import { digestOf, isTyped } from '../format.ts';
import { type Compiled, readManifest } from '../manifest.ts';
import { whyDamaged } from '../place.ts';
import type { RuntimeData } from './data.ts';

const COMPILER = fileURLToPath(new URL('./compile-more.js', import.meta.url));

/** The output of `compile-more.ts`. */
export type More = { readonly folder: string } | { readonly error: string };

export class Sources {
  readonly #compiled: Map<string, Compiled> = new Map();
  readonly #sourceOf: Map<string, string> = new Map();
  #data!: RuntimeData;

  /** Adds a build. Its files replace the files of earlier builds. */
  add(data: RuntimeData): void {
    this.#data = data;
    this.#addBuild(data.folder);
  }

  #addBuild(folder: string): void {
    for (const [source, compiled] of readManifest(folder)) {
      this.#compiled.set(source, compiled);
      this.#sourceOf.set(compiled.file, source);
    }
  }

  /** True if the source is in a build, or on the disk. */
  readonly exists = (file: string): boolean =>
    this.#compiled.has(file) || statSync(file, { throwIfNoEntry: false })?.isFile() === true;

  /** Undefined if the file is not a compiled file. */
  sourceOf(compiled: string): string | undefined {
    return this.#sourceOf.get(compiled);
  }

  /**
   * Absolute path of the compiled file, or undefined if Node can load the file itself.
   *
   * @throws OptionError TSGI_ERR_APP_SYNTAX, TSGI_ERR_CACHE, TSGI_ERR_BUILD
   */
  compiledOf(file: string): string | undefined {
    const known = this.#compiled.get(file);
    if (known !== undefined) return known.file;
    if (!isTyped(file) || !this.exists(file)) return undefined;
    const source = realpathSync(file);
    return this.#compiled.get(source)?.file ?? this.#compileMore(source);
  }

  #compileMore(source: string): string {
    const { folder, sealed } = this.#data;
    if (sealed)
      throw new OptionError(
        'TSGI_ERR_BUILD',
        `Cannot load ${source}: the build in ${path.dirname(folder)} does not contain it. Run \`tsgi-threads build\` again.`,
      );
    const earlier = this.#readMore();
    if (earlier?.has(source) === true) this.#addBuild(path.dirname(earlier.get(source)!.file));
    else this.#runCompiler(source);
    return this.#compiled.get(source)!.file;
  }

  /** The files that an earlier thread has compiled for this build, if their sources have not changed. */
  #readMore(): Map<string, Compiled> | undefined {
    try {
      const { folder } = this.#data;
      const more = path.join(path.dirname(folder), readFileSync(moreOf(folder), 'utf8'));
      if (whyDamaged(more) !== undefined) return undefined;
      const compiled = readManifest(more);
      const isFresh = [...compiled].every(
        ([source, { digest }]) => digestOf(readFileSync(source, 'utf8')) === digest,
      );
      return isFresh ? compiled : undefined;
    } catch {
      return undefined;
    }
  }

  #runCompiler(source: string): void {
    // The compiler must not inherit the server's options, for example a debugger.
    const env = { ...process.env, NODE_OPTIONS: '' };
    const request = JSON.stringify({ ...this.#data, source });
    const printed = execFileSync(process.execPath, [COMPILER, request], { env, encoding: 'utf8' });
    const more = JSON.parse(printed) as More;
    if ('error' in more) throw new OptionError('TSGI_ERR_APP_SYNTAX', more.error);
    this.#addBuild(more.folder);
  }
}

/** The file that names the later build of a build's folder. */
export function moreOf(folder: string): string {
  return `${folder}.more`;
}

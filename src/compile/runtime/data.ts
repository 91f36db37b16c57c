/**
 * The data that a thread needs to run compiled files.
 *
 * Law: a type and an address, so that a server can use them without loading the rest of this folder. The data is sent to other
 * threads, also as JSON in a URL.
 */

/** `install.ts` in one file, see scripts/bundle.js. A thread installs it before it loads a compiled file. */
export const RUNTIME: string = new URL('./bundle.js', import.meta.url).href;

export interface RuntimeData {
  /** Absolute path of the folder that holds the compiled files. */
  readonly folder: string;
  /** True if the build was made ahead of time: no file can be compiled any more. */
  readonly sealed: boolean;
  /** True if the application names files at run time: threads and libraries may load TypeScript. */
  readonly namesFiles: boolean;
  /**
   * True if there is TypeScript that no file imports. If Node has hooks only on another thread, that thread starts only then.
   */
  readonly hooks: boolean;
  /** Absolute path of the application, for files that are compiled later. */
  readonly entry: string;
  readonly cacheDir: string;
}

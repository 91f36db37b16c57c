/**
 * What a thread must know to run compiled files.
 *
 * Law: a type and an address, so that a server can name them without loading the rest of this folder. The data is sent to
 * other threads, also as JSON in a URL.
 */

/** `install.ts` in one file, see scripts/bundle.js: what a thread installs before it loads a compiled file. */
export const RUNTIME: string = new URL('./bundle.js', import.meta.url).href;

export interface RuntimeData {
  /** Absolute path of the folder that holds the compiled files. */
  readonly folder: string;
  /** The build was made ahead of time: no file can be compiled any more. */
  readonly sealed: boolean;
  /** The application names files at run time: threads and libraries may be given TypeScript. */
  readonly namesFiles: boolean;
  /** There is TypeScript that no file imports: where Node has hooks on another thread only, that thread is worth its start. */
  readonly hooks: boolean;
  /** Absolute path of the application, for files that are compiled later. */
  readonly entry: string;
  readonly cacheDir: string;
}

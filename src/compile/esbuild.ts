/**
 * esbuild, and the process that it starts for itself.
 *
 * Law: `graph.ts` decides what is built. This room has its own instance of esbuild's module. A program that calls
 * `createServer` may use esbuild too, and ending the process of a shared instance would fail the program's builds. A process
 * waits for the next build only with `--watch`.
 *
 * A signal to the process group, for example from a terminal, ends esbuild's process too. esbuild does not restart it, so this
 * file does.
 */
import Module, { createRequire } from 'node:module';
import type * as Esbuild from 'esbuild';

type Instance = typeof Esbuild;

/** esbuild has no error code for this. */
const HAS_ENDED = /^The service (?:was stopped|is no longer running)/;

let instance: Instance | undefined;
/** Number of builds that use the process or are about to. */
let users = 0;
/** Number of times that the process was found ended. Of several concurrent builds, only one restarts it. */
let ends = 0;

/** Runs `use`, whose builds share one process. The last user ends the process unless it stays for the next build. */
export async function withEsbuild<Result>(stays: boolean, use: () => Promise<Result>): Promise<Result> {
  users += 1;
  try {
    return await use();
  } finally {
    users -= 1;
    if (users === 0 && !stays) await instance?.stop();
  }
}

/** Runs a build. Runs it again if esbuild's process has ended. Rejects as the build does. */
export async function onEsbuild<Result>(build: (esbuild: Instance) => Promise<Result>): Promise<Result> {
  instance ??= load();
  const before = ends;
  try {
    return await build(instance);
  } catch (error) {
    if (!(error instanceof Error) || !HAS_ENDED.test(error.message)) throw error;
    if (ends === before) {
      ends += 1;
      // esbuild then forgets the process, and starts another one for the next build.
      await instance.stop();
    }
    return build(instance);
  }
}

interface Loadable {
  filename: string;
  load(file: string): void;
}

/** Evaluates esbuild's file once more, outside of the cache of `require`. */
function load(): Instance {
  const file = createRequire(import.meta.url).resolve('esbuild');
  const module = new Module(file);
  (module as unknown as Loadable).load(file);
  return module.exports as Instance;
}

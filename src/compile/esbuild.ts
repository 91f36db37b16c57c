/**
 * esbuild, and the process that it starts for itself.
 *
 * Law: what is built is `graph.ts`. This room has an instance of esbuild's module to itself: a program that calls
 * `createServer` may use esbuild too, and ending the process of a shared instance would fail the program's builds. A
 * process that waits for the next build is kept only for `--watch`. A signal to the process group, which a terminal sends,
 * ends esbuild's process too; esbuild does not restart it, so this file does.
 */
import Module, { createRequire } from 'node:module';
import type * as Esbuild from 'esbuild';

type Instance = typeof Esbuild;

/** esbuild has no code for it. */
const HAS_ENDED = /^The service (?:was stopped|is no longer running)/;

let instance: Instance | undefined;
/** Builds that use the process or are about to. */
let users = 0;
/** How often the process was found ended: of builds that run beside each other only one restarts it. */
let ends = 0;

/** Runs `use`, whose builds share one process. The last user ends the process unless it is to stay for the next build. */
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
      // It forgets the process, and starts another for the next build.
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

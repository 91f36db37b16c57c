/**
 * esbuild's process, which may have ended since it was last used: whoever signals our process group ends it, a terminal
 * above all, and so may a system that is short of memory. esbuild never starts it again by itself.
 *
 * Law: starts it again; what is built is `graph.ts`.
 */
import { stop } from 'esbuild';

/** esbuild has no code for it. */
const HAS_ENDED = /^The service (?:was stopped|is no longer running)/;

/** How often it was found ended: of builds that run beside each other only one starts it again. */
let ends = 0;

/** Runs a build, and runs it again when there was no process to run it. Rejects as the build does. */
export async function onEsbuild<Result>(build: () => Promise<Result>): Promise<Result> {
  const before = ends;
  try {
    return await build();
  } catch (error) {
    if (!(error instanceof Error) || !HAS_ENDED.test(error.message)) throw error;
    if (ends === before) {
      ends += 1;
      // It forgets the process, and starts another for the next build.
      await stop();
    }
    return build();
  }
}

/**
 * Whether anything goes on in this thread that was not there before: timers, sockets, files.
 *
 * Law: what keeps an event loop alive, as Node tells it; a program with nothing left to wait for would end.
 */
const LOOK_MS = 20;

export class Activity {
  readonly #before: ReadonlyMap<string, number> = counts();

  /** Resolves when all that began since this was made has ended, or `enough` says so. */
  ended(enough: () => boolean): Promise<void> {
    return new Promise((resolve) => {
      const timer = setInterval(() => {
        if (!enough() && this.#goesOn) return;
        clearInterval(timer);
        resolve();
      }, LOOK_MS);
      // It counts itself otherwise.
      timer.unref();
    });
  }

  get #goesOn(): boolean {
    for (const [kind, count] of counts()) if (count > (this.#before.get(kind) ?? 0)) return true;
    return false;
  }
}

/** The worker's own, at any time. */
const OURS = new Set(['Immediate', 'MessagePort']);

/** Kind of resource → how many there are. */
function counts(): ReadonlyMap<string, number> {
  const found: Map<string, number> = new Map();
  for (const kind of process.getActiveResourcesInfo())
    if (!OURS.has(kind)) found.set(kind, (found.get(kind) ?? 0) + 1);
  return found;
}

/**
 * Watches whether this thread has more activity than at an earlier moment: timers, sockets, files.
 *
 * Law: counts the resources that keep an event loop alive, as Node lists them. A program without any would end.
 */
const LOOK_MS = 20;
/** A single check may fall between two steps of one job. */
const QUIET_LOOKS = 2;

export interface Ended {
  /** Ends the wait before all activity has ended. Default: never. */
  readonly enough?: () => boolean;
  /** Returns true if there is activity that Node does not list. Default: none. */
  readonly busy?: () => boolean;
  /** Milliseconds without activity before the wait ends. Default: 40. */
  readonly quiet?: number;
}

/** Kinds of resources that the worker itself may have at any time. */
const OURS: ReadonlySet<string> = new Set(['Immediate', 'MessagePort']);

export class Activity {
  readonly #ignored: ReadonlySet<string>;
  readonly #before: ReadonlyMap<string, number>;

  /** @param ignored kinds of resources that do not count */
  constructor(ignored: ReadonlySet<string> = OURS) {
    this.#ignored = ignored;
    this.#before = this.#counts();
  }

  /** Resolves when all activity that began since the constructor has ended, or when `enough` returns true. */
  ended({ enough, busy, quiet: quietMs = QUIET_LOOKS * LOOK_MS }: Ended): Promise<void> {
    let quiet = 0;
    return new Promise((resolve) => {
      const timer = setInterval(() => {
        quiet = this.#goesOn || busy?.() === true ? 0 : quiet + LOOK_MS;
        if (enough?.() !== true && quiet < quietMs) return;
        clearInterval(timer);
        resolve();
      }, LOOK_MS);
      // A ref'd timer would count itself.
      timer.unref();
    });
  }

  get #goesOn(): boolean {
    for (const [kind, count] of this.#counts()) if (count > (this.#before.get(kind) ?? 0)) return true;
    return false;
  }

  /** Kind of resource → number of such resources. */
  #counts(): ReadonlyMap<string, number> {
    const found: Map<string, number> = new Map();
    for (const kind of process.getActiveResourcesInfo())
      if (!this.#ignored.has(kind)) found.set(kind, (found.get(kind) ?? 0) + 1);
    return found;
  }
}

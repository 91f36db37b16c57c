/**
 * Piscina as the pool uses it: threads that are started, load the worker's module, and are ended.
 *
 * Law: knows piscina, and nobody else does; which thread is whose is `incarnation.ts`'s. `minThreads: 0` and no idle
 * timeout, so that piscina starts no thread by itself; `atomics: 'disabled'`, because its default blocks the worker's
 * event loop; a generous `maxThreads`, because zombies count.
 */
import type { MessagePort, Worker } from 'node:worker_threads';
import { Piscina } from 'piscina';
import { WORKER_LINES } from '../ring/layout.ts';
import type { WorkerTask } from '../worker/pool-messages.ts';

/** Loads the worker's bundle. */
const ENTRY_URL = new URL('../worker/entry.cjs', import.meta.url);

export interface RunOptions {
  readonly transferList: MessagePort[];
  /** Its abort ends the thread. */
  readonly signal: AbortSignal;
}

/** There is no thread for a worker. */
export class NoThreadError extends Error {
  constructor(why: string) {
    super(`A thread could not be started: ${why}`);
    this.name = 'NoThreadError';
  }
}

/** A worker, as far as it has a thread. */
export interface Threaded {
  /** It has a thread, or waits for one. */
  readonly needsThread: boolean;
  /** 0: it has not said that it has one. */
  readonly threadId: number;
  /** It gets none. */
  noThread(error: NoThreadError): void;
}

export class Threads {
  /** A thread is gone: they are to be counted. */
  readonly #onGone: () => void;
  /** What piscina has said of one that is missing. */
  #error: Error | undefined;
  #current: Piscina;
  #all: Piscina[];

  constructor(onGone: () => void) {
    this.#onGone = onGone;
    this.#current = this.#create();
    this.#all = [this.#current];
  }

  get(threadId: number): Worker | undefined {
    return this.#living.find((thread) => thread.threadId === threadId);
  }

  /**
   * Tells workers that get no thread. Of a thread that has begun its task its worker has heard, and nobody misses one that
   * was killed; but one that never got so far (descriptors or memory are used up, an installation is broken) leaves its
   * task in piscina's queue, nobody tries again, and whose it was nobody says. Once as many threads are missing as workers
   * have not said that they have one, these have none: before, some may just be about to.
   */
  count(workers: readonly Threaded[]): void {
    const needing = workers.filter(({ needsThread }) => needsThread);
    const missing = needing.length - this.#living.length;
    if (missing <= 0) this.#error = undefined;
    const threadless = needing.filter(({ threadId }) => threadId === 0);
    if (threadless.length > missing) return;
    const error = new NoThreadError(this.#error?.message ?? 'it ended before its task');
    for (const worker of threadless) worker.noThread(error);
  }

  /**
   * Gives a thread of its own the worker's task. Rejects when the thread ends, with a NoThreadError when there is none.
   *
   * Where the system has no more threads, piscina throws and keeps the task; another one, of ports that are closed by then,
   * would fail in the middle of it. So that piscina gets no task any more, and keeps the threads it has.
   */
  async run(task: WorkerTask, options: RunOptions): Promise<void> {
    let running: Promise<void>;
    try {
      running = this.#current.run(task, options) as Promise<void>;
    } catch (error) {
      this.#current = this.#create();
      this.#all = [...this.#all.filter(({ threads }) => threads.length > 0), this.#current];
      throw new NoThreadError((error as Error).message);
    }
    return running;
  }

  /** When no thread is left that could still end. */
  destroy(): void {
    // Not awaited: a zombie would hold it up.
    void this.#current.destroy();
  }

  #create(): Piscina {
    const piscina = new Piscina({
      filename: ENTRY_URL.href,
      minThreads: 0,
      maxThreads: WORKER_LINES,
      idleTimeout: Number.POSITIVE_INFINITY,
      atomics: 'disabled',
      recordTiming: false,
    });
    piscina.on('error', (error: Error) => {
      this.#error = error;
      this.#onGone();
    });
    // Also of a thread that ends without an error. Later: that of its task is heard first.
    piscina.on('workerDestroy', () => setImmediate(this.#onGone));
    return piscina;
  }

  /** Threads that were not told to end. */
  get #living(): Worker[] {
    return this.#all.flatMap(({ threads }) => threads);
  }
}

/**
 * Piscina as the pool uses it: it starts threads, loads the worker's module in them, and ends them.
 *
 * Law: the only file that knows piscina. `incarnation.ts` knows which thread belongs to which worker. Three options matter:
 *
 * - `minThreads: 0` and no idle timeout, so that piscina starts and ends no thread by itself.
 * - `atomics: 'disabled'`, because the default blocks the worker's event loop.
 * - A large `maxThreads`, because zombies count.
 */
import type { MessagePort, Worker } from 'node:worker_threads';
import { Piscina } from 'piscina';
import { WORKER_LINES } from '../ring/layout.ts';
import type { WorkerTask } from '../worker/pool-messages.ts';

/** The entry file, which loads the worker's bundle. */
const ENTRY_URL = new URL('../worker/entry.cjs', import.meta.url);

export interface RunOptions {
  readonly transferList: MessagePort[];
  /** Ends the thread if it aborts. */
  readonly signal: AbortSignal;
}

/** No thread could be started for a worker. */
export class NoThreadError extends Error {
  constructor(why: string) {
    super(`A thread could not be started: ${why}`);
    this.name = 'NoThreadError';
  }
}

/** A worker as this file sees it. */
export interface Threaded {
  /** The worker has a thread, or waits for one. */
  readonly needsThread: boolean;
  /** The id of the thread. 0 until the worker has reported it. */
  readonly threadId: number;
  /** No thread could be started for the worker. */
  noThread(error: NoThreadError): void;
}

export class Threads {
  /** Called when a thread is gone. The owner then calls `count`. */
  readonly #onGone: () => void;
  /** The last error of piscina, which is the reason if a thread is missing. */
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
   * Finds workers that will get no thread, and calls their `noThread`.
   *
   * If a thread dies before it begins its task (no descriptors or memory, a broken installation), piscina leaves the task
   * queued. It does not retry, and it does not name the task. If a thread dies later, its worker is informed in other ways.
   *
   * So this method counts. Workers without a known thread may still get one. But if at least as many threads are missing as
   * there are such workers, none of them will.
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
   * Runs the worker's task in a thread of its own. Rejects when the thread ends, or with a NoThreadError if there is none.
   *
   * If the system has no more threads, piscina throws but keeps the task. A later thread would run that task with closed
   * ports, and fail. So this piscina gets no further task, and a new one replaces it. The old one keeps its threads.
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

  /** Call it when no thread is left that could still end. */
  destroy(): void {
    // Not awaited, because a zombie would block it.
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
    // Also called for a thread that ends without an error. Deferred, so that the event of its task is handled first.
    piscina.on('workerDestroy', () => setImmediate(this.#onGone));
    return piscina;
  }

  /** Threads that the pool has not terminated. */
  get #living(): Worker[] {
    return this.#all.flatMap(({ threads }) => threads);
  }
}

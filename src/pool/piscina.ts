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
import type { WorkerTask } from '../worker/messages.ts';

/** The worker in one file (`scripts/bundle.js`). */
const THREAD_URL = new URL('../worker/thread.js', import.meta.url);

export interface RunOptions {
  readonly transferList: readonly MessagePort[];
  /** Its abort ends the thread. */
  readonly signal: AbortSignal;
}

export class Threads {
  /** A thread is gone, or was never there. Whose it was piscina does not say. */
  readonly #onGone: (error: Error) => void;
  #current: Piscina;
  #all: Piscina[];

  constructor(onGone: (error: Error) => void) {
    this.#onGone = onGone;
    this.#current = this.#create();
    this.#all = [this.#current];
  }

  /** Threads that live and were not told to end. */
  get size(): number {
    return this.#all.reduce((sum, { threads }) => sum + threads.length, 0);
  }

  get(threadId: number): Worker | undefined {
    return this.#all.flatMap(({ threads }) => threads).find((thread) => thread.threadId === threadId);
  }

  /**
   * Gives a thread of its own the worker's task. Rejects when the thread ends.
   *
   * Where the system has no more threads, piscina throws and keeps the task; another one, of ports that are closed by then,
   * would fail in the middle of it. So that piscina gets no task any more, and keeps the threads it has.
   */
  async run(task: WorkerTask, { transferList, signal }: RunOptions): Promise<void> {
    let running: Promise<void>;
    try {
      running = this.#current.run(task, { transferList: [...transferList], signal }) as Promise<void>;
    } catch (error) {
      this.#current = this.#create();
      this.#all = [...this.#all.filter(({ threads }) => threads.length > 0), this.#current];
      throw error;
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
      filename: THREAD_URL.href,
      minThreads: 0,
      maxThreads: WORKER_LINES,
      idleTimeout: Number.POSITIVE_INFINITY,
      atomics: 'disabled',
      recordTiming: false,
    });
    piscina.on('error', (error: Error) => this.#onGone(error));
    // Also of a thread that ends without an error. Later: its error, or that of its task, says more.
    piscina.on('workerDestroy', () => setImmediate(() => this.#onGone(new Error('it has ended'))));
    return piscina;
  }
}

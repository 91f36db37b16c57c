/**
 * Uncaught errors: an exception from a timer, a rejection without a handler.
 *
 * Law: listens to the process of a worker thread, and knows the owner of the asynchronous context of an error. Its callbacks
 * decide about the exchange and the worker. Not for a thread of the caller.
 */
import { AsyncLocalStorage } from 'node:async_hooks';

/** A thread with more uncaught errors than this cannot be trusted to end by itself. */
const MOST_FAULTS = 100;

export class Faults<Owner> {
  readonly #context: AsyncLocalStorage<Owner> = new AsyncLocalStorage();

  /** Calls `work`. Asynchronous work that it starts belongs to `owner`. */
  run(owner: Owner, work: (owner: Owner) => void): void {
    this.#context.run(owner, work, owner);
  }

  /**
   * Calls `onFault` for each of the first 100 uncaught errors, with the error's owner if it has one. Calls `onStorm` once, for
   * the 101st.
   *
   * An application that has damaged a shared object (`Array.prototype.pop`) can cause a new error for each one that is handled.
   * If the application has a listener of its own, that listener decides.
   */
  watch(onFault: (error: unknown, owner: Owner | undefined) => void, onStorm: () => void): void {
    let count = 0;
    process.on('uncaughtException', (error: unknown) => {
      if (process.listenerCount('uncaughtException') > 1) return;
      count += 1;
      if (count <= MOST_FAULTS) onFault(error, this.#context.getStore());
      else if (count === MOST_FAULTS + 1) onStorm();
    });
  }
}

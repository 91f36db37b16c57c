/**
 * Errors that nobody caught: an exception out of a timer, a rejection without a handler.
 *
 * Law: knows the process of a worker thread and whose asynchronous context an error came from; what becomes of the
 * exchange and the worker is decided by those who are told. Not for a thread that belongs to somebody else.
 */
import { AsyncLocalStorage } from 'node:async_hooks';

/** A thread with so many of them cannot be trusted to end by itself. */
const MOST_FAULTS = 100;

export class Faults<Owner> {
  readonly #context: AsyncLocalStorage<Owner> = new AsyncLocalStorage();

  /** Calls `work`; what it leaves running belongs to `owner`. */
  run(owner: Owner, work: (owner: Owner) => void): void {
    this.#context.run(owner, work, owner);
  }

  /**
   * Calls `onFault` for every uncaught error, with its owner if it has one, and `onStorm` once instead of for the 101st: an
   * application that has damaged what everything stands on (`Array.prototype.pop`) causes one for each that is handled.
   * An application with a listener of its own decides itself.
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

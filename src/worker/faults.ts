/**
 * Errors that nobody caught: an exception out of a timer, a rejection without a handler.
 *
 * Law: knows the process of a worker thread and whose asynchronous context an error came from; what becomes of the
 * exchange and the worker is decided by those who are told. Not for a thread that belongs to somebody else.
 */
import { AsyncLocalStorage } from 'node:async_hooks';

export class Faults<Owner> {
  readonly #context: AsyncLocalStorage<Owner> = new AsyncLocalStorage();

  /** Calls `work`; what it leaves running belongs to `owner`. */
  run(owner: Owner, work: (owner: Owner) => void): void {
    this.#context.run(owner, work, owner);
  }

  /** Tells of every uncaught error, with its owner if it has one. An application with a listener of its own decides itself. */
  watch(onFault: (error: unknown, owner: Owner | undefined) => void): void {
    process.on('uncaughtException', (error: unknown) => {
      if (process.listenerCount('uncaughtException') === 1) onFault(error, this.#context.getStore());
    });
  }
}

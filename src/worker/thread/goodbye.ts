/**
 * Runs a program's listeners for its end: for SIGTERM, or for SIGINT if it has none for SIGTERM.
 *
 * Law: `process` of this thread, and nothing of the server. Only for threads of the server. Threads receive no signals, so this
 * file calls the listeners. As under Node, it calls them at once: a program may end its event streams in them, or change the
 * answer of its health check.
 *
 * Programs end themselves in these listeners, with `process.exit` or with the signal that they have handled. Here that ends one
 * thread, which answers its requests first. Both calls therefore return, and `leave` ends the thread when its owner has waited.
 */
import type { Activity } from './activity.ts';

const SIGNALS = ['SIGTERM', 'SIGINT'] as const;

type Exit = NodeJS.Process['exit'];
type Kill = NodeJS.Process['kill'];

export class Goodbye {
  readonly #before: Activity;
  readonly #report: (error: unknown) => void;
  #over: Promise<void> | null = null;
  #exit: Exit | null = null;
  #code: Parameters<Exit>[0];
  #resolve!: () => void;
  /** Resolves when the program has ended itself. */
  readonly left: Promise<void> = new Promise((resolve) => {
    this.#resolve = resolve;
  });
  #hasLeft = false;

  /**
   * @param before activity in the thread without the application
   * @param report called with an error of a listener
   */
  constructor(before: Activity, report: (error: unknown) => void) {
    this.#before = before;
    this.#report = report;
  }

  /**
   * Calls the listeners, on the first call. Resolves when all activity of the program has ended, or when the program has ended
   * itself.
   */
  say(): Promise<void> {
    this.#over ??= this.#say();
    return this.#over;
  }

  /** Ends the thread with the program's exit code. Returns if the program has not ended itself. */
  leave(): void {
    if (this.#exit !== null && this.#hasLeft) this.#exit(this.#code);
  }

  async #say(): Promise<void> {
    const signal = SIGNALS.find((name) => process.listenerCount(name) > 0);
    if (signal === undefined) return;
    this.#watch();
    await Promise.all(process.listeners(signal).map((listener) => this.#call(listener, signal)));
    await this.#before.ended({ enough: () => this.#hasLeft });
  }

  async #call(listener: NodeJS.SignalsListener, signal: NodeJS.Signals): Promise<void> {
    try {
      await listener.call(process, signal);
    } catch (error) {
      this.#report(error);
    }
  }

  #watch(): void {
    const { exit, kill } = process;
    this.#exit = exit.bind(process) as Exit;
    const exitLater: (code: Parameters<Exit>[0]) => void = (code) => this.#leave(code);
    const killOthers: Kill = (pid, signal) => {
      // Signal 0 only checks whether the process exists.
      if (pid !== process.pid || signal === 0) return kill.call(process, pid, signal);
      this.#leave(0);
      return true;
    };
    Object.assign(process, { exit: exitLater, kill: killOthers });
  }

  #leave(code: Parameters<Exit>[0]): void {
    this.#code = code;
    this.#hasLeft = true;
    this.#resolve();
  }
}

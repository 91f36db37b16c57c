/**
 * One exchange that this worker runs: its answer, its body, and how its application learns that no client waits.
 *
 * Law: the parts that all interfaces share. A subclass knows how to call its application (`worker/tsgi/interface.ts`,
 * `node/exchange.ts`). Only the gateway decides what happens to an exchange.
 */
import { AsyncResource, executionAsyncId } from 'node:async_hooks';
import { errorText } from '../../error-text.ts';
import { Abort } from '../../ring/layout.ts';
import { ClientGoneError, DeadlineError } from '../../tsgi/rule-errors.ts';
import type { InboundBody } from './inbound.ts';
import type { Outbound } from './outbound.ts';
import type { Placed } from './roster.ts';

/** Receives the result of a call: exactly one of these methods is called, once. */
export interface RunningOwner {
  /** The application is done. Its last bytes may still wait for room. */
  runningOnDone(running: Running): void;
  /** The application threw, or its promise rejected. */
  runningOnFailed(running: Running, error: unknown): void;
}

export abstract class Running implements Placed {
  readonly outbound: Outbound;
  readonly body: InboundBody | null;
  /** Time at which the exchange began, in ms since the epoch. */
  readonly startedAt: number;
  /** True if the exchange lasts as long as its client likes. A worker that closes does not wait for its end. */
  readonly lasting: boolean = false;
  /** True if the client got an answer at the deadline, and the application goes on. */
  late = false;
  place = -1;
  #controller: AbortController | null = null;
  #reason: Error | null = null;
  /** The asynchronous context of the exchange. Stores that its application enters there are not visible to other exchanges. */
  #scope: AsyncResource | null = null;

  constructor(outbound: Outbound, body: InboundBody | null) {
    this.outbound = outbound;
    this.body = body;
    this.startedAt = outbound.now;
  }

  /** Calls the application. */
  start(owner: RunningOwner): void {
    // AsyncResource would find this id by itself. Passing it makes the constructor cost a third less.
    this.#scope = new AsyncResource('TSGIEXCHANGE', executionAsyncId());
    this.#scope.runInAsyncScope(this.call, this, owner);
  }

  protected abstract call(owner: RunningOwner): void;

  /** For an exchange that lasts: called when bytes or the end of the body have arrived. */
  bodyOnReadable(): void {}

  /** Method, target and id, for log lines. */
  abstract get label(): { readonly method: string; readonly target: string; readonly id: string };

  /**
   * Returns the exchange's signal, up to date at each call. Synchronous code, whose loop does not turn, can therefore check it.
   */
  signal(): AbortSignal {
    this.#controller ??= new AbortController();
    const why = this.outbound.abortedWhy;
    if (why !== Abort.NONE) this.#reason ??= reasonOf(why);
    if (this.#reason !== null) this.#controller.abort(this.#reason);
    return this.#controller.signal;
  }

  /** Returns a log text about the exchange's request. */
  describe(what: string, error: unknown): string {
    const { method, target, id } = this.label;
    return `${method} ${target} ${what} (request ${id}): ${errorText(error)}`;
  }

  /**
   * No client waits for the exchange any more.
   *
   * @param why one of `Abort`
   */
  abort(why: number): void {
    this.#within(() => this.onAbort(why));
  }

  protected onAbort(why: number): void {
    this.late = why === Abort.DEADLINE;
    // The application can still read a body that came whole before its client left.
    const isWhole = why === Abort.GONE && this.body?.left === 0;
    if (isWhole && this.body!.isComing) this.outbound.drop();
    else this.outbound.leave();
    if (!isWhole) this.body?.onError(reasonOf(why));
    this.#end(reasonOf(why));
  }

  /** Ends the connections of a server, for a program that closes it. The server may belong to another exchange. */
  closeFor(server: object): void {
    this.#within(() => this.onCloseFor(server));
  }

  protected onCloseFor(_server: object): void {}

  /** For an exchange that lasts: an error of its application was not caught. */
  breakOff(): void {}

  /**
   * The client got an answer that is not the application's, because of this error. Later output of the application is dropped.
   */
  dismiss(error: unknown): void {
    this.outbound.gone = true;
    this.#within(() => this.onDismiss(error instanceof Error ? error : new Error(String(error))));
  }

  protected onDismiss(reason: Error): void {
    this.body?.onError(reason);
    this.#end(reason);
  }

  #within(work: () => void): void {
    if (this.#scope === null) work();
    else this.#scope.runInAsyncScope(work);
  }

  #end(reason: Error): void {
    this.#reason ??= reason;
    this.#controller?.abort(this.#reason);
  }
}

function reasonOf(why: number): Error {
  return why === Abort.DEADLINE ? new DeadlineError() : new ClientGoneError();
}

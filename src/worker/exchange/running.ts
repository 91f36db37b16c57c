/**
 * One exchange that this worker runs: its answer, its body, and how its application is told that nobody waits.
 *
 * Law: what all interfaces share; how an application is called is a subclass's (`worker/tsgi/interface.ts`, `node/exchange.ts`).
 * The gateway alone decides what happens to it.
 */
import { AsyncResource, executionAsyncId } from 'node:async_hooks';
import { errorText } from '../../error-text.ts';
import { Abort } from '../../ring/layout.ts';
import { ClientGoneError, DeadlineError } from '../../tsgi/rule-errors.ts';
import type { InboundBody } from './inbound.ts';
import type { Outbound } from './outbound.ts';
import type { Placed } from './roster.ts';

/** Who is told how a call went: exactly one of these, once. */
export interface RunningOwner {
  /** The application is done; its last bytes may still wait for room. */
  runningOnDone(running: Running): void;
  /** It threw, or rejected. */
  runningOnFailed(running: Running, error: unknown): void;
}

export abstract class Running implements Placed {
  readonly outbound: Outbound;
  readonly body: InboundBody | null;
  /** ms since the epoch at which it was begun. */
  readonly startedAt: number;
  /** It lasts as long as its client likes: nobody waits for its end. */
  readonly lasting: boolean = false;
  /** Its client was answered at the deadline, and its application goes on. */
  late = false;
  place = -1;
  #controller: AbortController | null = null;
  #reason: Error | null = null;
  /** The asynchronous context that it runs in: what its application enters there, no other exchange sees. */
  #scope: AsyncResource | null = null;

  constructor(outbound: Outbound, body: InboundBody | null) {
    this.outbound = outbound;
    this.body = body;
    this.startedAt = outbound.now;
  }

  /** Calls the application. */
  start(owner: RunningOwner): void {
    // What it would find by itself; given, it costs a third less.
    this.#scope = new AsyncResource('TSGIEXCHANGE', executionAsyncId());
    this.#scope.runInAsyncScope(this.call, this, owner);
  }

  protected abstract call(owner: RunningOwner): void;

  /** Where it lasts: something came for it, or the end did. */
  bodyOnReadable(): void {}

  /** Method, target and id, for log lines. */
  abstract get label(): { readonly method: string; readonly target: string; readonly id: string };

  /** Brought up to date whenever it is asked for, so that synchronous code, whose loop does not turn, can ask. */
  signal(): AbortSignal {
    this.#controller ??= new AbortController();
    const why = this.outbound.abortedWhy;
    if (why !== Abort.NONE) this.#reason ??= reasonOf(why);
    if (this.#reason !== null) this.#controller.abort(this.#reason);
    return this.#controller.signal;
  }

  /** What happened to its request, for the log. */
  describe(what: string, error: unknown): string {
    const { method, target, id } = this.label;
    return `${method} ${target} ${what} (request ${id}): ${errorText(error)}`;
  }

  /**
   * Nobody waits for it any more.
   *
   * @param why one of `Abort`
   */
  abort(why: number): void {
    this.#within(() => this.onAbort(why));
  }

  protected onAbort(why: number): void {
    this.late = why === Abort.DEADLINE;
    // What its client sent before it left can be read, if it came whole.
    const isWhole = why === Abort.GONE && this.body?.left === 0;
    if (isWhole && this.body!.isComing) this.outbound.drop();
    else this.outbound.leave();
    if (!isWhole) this.body?.onError(reasonOf(why));
    this.#end(reasonOf(why));
  }

  /** Its program ends the connections of a server, which may be another's. */
  closeFor(server: object): void {
    this.#within(() => this.onCloseFor(server));
  }

  protected onCloseFor(_server: object): void {}

  /** It lasts, and an error of its application was not caught. */
  breakOff(): void {}

  /** Its client has another answer than its application's, whose error this is: what that still says is dropped. */
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

/**
 * One exchange that this worker runs: its answer, its body, and how its application is told that nobody waits.
 *
 * Law: what all interfaces share; how an application is called is a subclass's (`tsgi-running.ts`, `node/running.ts`).
 * The gateway alone decides what happens to it.
 */
import { Abort } from '../ring/layout.ts';
import { ClientGoneError, DeadlineError } from '../tsgi/errors.ts';
import type { InboundBody } from './inbound.ts';
import type { Outbound } from './outbound.ts';

/** Who is told how a call went: exactly one of these, once. */
export interface RunningOwner {
  /** The application is done; its last bytes may still wait for room. */
  runningOnDone(running: Running): void;
  /** It threw, or rejected. */
  runningOnFailed(running: Running, error: unknown): void;
}

export abstract class Running {
  readonly outbound: Outbound;
  readonly body: InboundBody | null;
  /** ms since the epoch at which it was begun. */
  readonly startedAt: number = Date.now();
  /** It lasts as long as its client likes: nobody waits for its end. */
  readonly lasting: boolean = false;
  /** Its client was answered at the deadline, and its application goes on. */
  late = false;
  #controller: AbortController | null = null;
  #reason: Error | null = null;

  constructor(outbound: Outbound, body: InboundBody | null) {
    this.outbound = outbound;
    this.body = body;
  }

  /** Calls the application. */
  abstract call(owner: RunningOwner): void;

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
    return `${method} ${target} ${what} (request ${id}): ${textOf(error)}`;
  }

  /** @param why one of `Abort` */
  abort(why: number): void {
    this.#reason ??= reasonOf(why);
    this.late = why === Abort.DEADLINE;
    this.outbound.leave();
    this.body?.onError(this.#reason);
    this.#controller?.abort(this.#reason);
  }
}

function reasonOf(why: number): Error {
  return why === Abort.DEADLINE ? new DeadlineError() : new ClientGoneError();
}

export function textOf(error: unknown): string {
  return error instanceof Error ? (error.stack ?? String(error)) : `thrown: ${String(error)}`;
}

/**
 * One exchange that this worker runs: its answer, its body, and how its application is told that nobody waits.
 *
 * Law: a record with its signal; the gateway alone decides what happens to it.
 */
import { Abort } from '../ring/layout.ts';
import { ClientGoneError, DeadlineError } from '../tsgi/errors.ts';
import type { Environ } from '../tsgi/types.ts';
import type { InboundBody } from './inbound.ts';
import type { Response } from './response.ts';

export class Running {
  readonly response: Response;
  readonly body: InboundBody | null;
  /** ms since the epoch at which it was begun. */
  readonly startedAt: number;
  /** For log lines. */
  environ: Environ | null = null;
  /** Its client was answered at the deadline, and its application goes on. */
  late = false;
  #controller: AbortController | null = null;
  #reason: Error | null = null;

  constructor(response: Response, body: InboundBody | null, startedAt: number) {
    this.response = response;
    this.body = body;
    this.startedAt = startedAt;
  }

  /** Brought up to date whenever it is asked for, so that synchronous code, whose loop does not turn, can ask. */
  signal(): AbortSignal {
    this.#controller ??= new AbortController();
    const why = this.response.abortedWhy;
    if (why !== Abort.NONE) this.#reason ??= reasonOf(why);
    if (this.#reason !== null) this.#controller.abort(this.#reason);
    return this.#controller.signal;
  }

  /** What happened to its request, for the log. */
  describe(what: string, error: unknown): string {
    const { environ } = this;
    if (environ === null) return `${what}: ${textOf(error)}`;
    const request = `${environ.REQUEST_METHOD} ${environ.REQUEST_URI}`;
    return `${request} ${what} (request ${environ['tsgi.request_id']}): ${textOf(error)}`;
  }

  /** @param why one of `Abort` */
  abort(why: number): void {
    this.#reason ??= reasonOf(why);
    this.late = why === Abort.DEADLINE;
    this.response.leave();
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

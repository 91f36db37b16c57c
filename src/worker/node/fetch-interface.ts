/**
 * Fetch handlers inside a worker: `Request` in, `Response` out, on Node's request and response.
 *
 * Law: srvx carries the web's classes over Node's HTTP, made when they are read; this adds what a handler is given
 * besides, and waits for what it left running.
 */
import type { IncomingMessage, ServerResponse } from 'node:http';
import { NodeRequest, patchGlobalRequest } from 'srvx/node';
import type { WorkerLoop } from '../loop.ts';
import { patchGlobalResponse } from './fast-response.ts';
import { NodeInterface } from './node-interface.ts';
import { sendResponse } from './send-response.ts';
import { exchangeOf } from './socket.ts';

/** What a handler is given besides its request, as handlers of other servers are. */
export interface FetchContext {
  /** The worker does not end before this has settled. */
  waitUntil(promise: Promise<unknown>): void;
  /** There is no other server that could answer. */
  passThroughOnException(): void;
}

export type FetchHandler = (
  request: Request,
  bindings: { readonly incoming: IncomingMessage; readonly outgoing: ServerResponse },
  context: FetchContext,
) => Response | Promise<Response>;

export interface FetchInterfaceOptions {
  readonly application: FetchHandler;
  readonly requestIdPrefix: string;
  /** Is told of what a promise given to `waitUntil` was rejected with. */
  readonly report: (text: string) => void;
}

export class FetchInterface extends NodeInterface {
  readonly #left: Set<Promise<unknown>>;

  constructor(loop: WorkerLoop, { application, requestIdPrefix, report }: FetchInterfaceOptions) {
    // `new Request(request)` of a handler reads one of ours.
    patchGlobalRequest();
    // In a thread of somebody else's their `Response` stays theirs.
    if (loop.apart) patchGlobalResponse();
    const left: Set<Promise<unknown>> = new Set();
    const waitUntil = (promise: Promise<unknown>) => {
      const settled = Promise.resolve(promise)
        .catch((error: unknown) => report(`A promise given to waitUntil was rejected: ${textOf(error)}`))
        .finally(() => left.delete(settled));
      left.add(settled);
    };
    const context: FetchContext = { waitUntil, passThroughOnException: () => {} };
    super(loop, {
      requestIdPrefix,
      application: (incoming, outgoing) => answer(application, context, incoming, outgoing),
    });
    this.#left = left;
  }

  /** Resolves when all that handlers gave to `waitUntil` has settled. */
  async settled(): Promise<void> {
    while (this.#left.size > 0) await Promise.all(this.#left);
  }
}

/** srvx would abort with Node's error: the web's own is what handlers look for. */
class WorkerRequest extends NodeRequest {
  readonly #outgoing: ServerResponse;
  #controller: AbortController | null = null;

  constructor(incoming: IncomingMessage, outgoing: ServerResponse) {
    super({ req: incoming, res: outgoing });
    this.#outgoing = outgoing;
  }

  /** Brought up to date whenever the signal is asked for, so that code whose loop does not turn can ask. */
  get _abortController(): AbortController {
    const controller = (this.#controller ??= abortedWith(this.#outgoing));
    if (exchangeOf(this.#outgoing.req)?.isAbandoned === true) controller.abort();
    return controller;
  }
}

function abortedWith(outgoing: ServerResponse): AbortController {
  const controller = new AbortController();
  const onClose = () => {
    if (!outgoing.writableFinished) controller.abort();
  };
  if (outgoing.destroyed) onClose();
  else outgoing.once('close', onClose);
  return controller;
}

function answer(
  application: FetchHandler,
  context: FetchContext,
  incoming: IncomingMessage,
  outgoing: ServerResponse,
): Promise<void> | undefined {
  const request = new WorkerRequest(incoming, outgoing);
  request.waitUntil = context.waitUntil;
  const response = application(request, { incoming, outgoing }, context);
  if (typeof (response as Promise<Response> | undefined)?.then !== 'function')
    return sendResponse(response, outgoing);
  return Promise.resolve(response).then((settled) => sendResponse(settled, outgoing));
}

function textOf(error: unknown): string {
  return error instanceof Error ? (error.stack ?? String(error)) : String(error);
}

/**
 * Fetch handlers inside a worker: `Request` in, `Response` out, on Node's request and response.
 *
 * Law: srvx carries fetch over Node's HTTP (requests whose parts are made when they are read, responses without a
 * stream where there need be none); this adds what a handler is given besides, and waits for what it left running.
 */
import { type IncomingMessage, ServerResponse, STATUS_CODES } from 'node:http';
import { NodeRequest, NodeResponse, patchGlobalRequest, sendNodeResponse } from 'srvx/node';
import type { WorkerLoop } from '../loop.ts';
import { NodeInterface } from './node-interface.ts';

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
    // One whose body is a string or bytes has a length, and needs no stream.
    globalThis.Response = NodeResponse as unknown as typeof Response;
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

async function answer(
  application: FetchHandler,
  context: FetchContext,
  incoming: IncomingMessage,
  outgoing: ServerResponse,
): Promise<void> {
  const request = new NodeRequest({ req: incoming, res: outgoing });
  request.waitUntil = context.waitUntil;
  const response = await application(request, { incoming, outgoing }, context);
  if (!isResponse(response)) {
    throw new TypeError(`The fetch handler must return a Response, and returned ${String(response)}`);
  }
  outgoing.writeHead = writeHead as ServerResponse['writeHead'];
  await sendNodeResponse(outgoing, response);
  // A body that broke off has destroyed it; a client that left has not.
  if (outgoing.errored) throw outgoing.errored;
}

/** Some frameworks bring a Response of their own. */
function isResponse(value: unknown): value is Response {
  if (value instanceof Response) return true;
  const { status, headers } = (value ?? {}) as { status?: unknown; headers?: { entries?: unknown } };
  return typeof status === 'number' && typeof headers?.entries === 'function';
}

const { writeHead: nodeWriteHead } = ServerResponse.prototype;

/** A response without a `statusText` has the one that Node gives its status. */
function writeHead(this: ServerResponse, status: number, ...rest: unknown[]): ServerResponse {
  if (rest[0] === '') rest[0] = STATUS_CODES[status];
  return (nodeWriteHead as (...args: unknown[]) => ServerResponse).call(this, status, ...rest);
}

function textOf(error: unknown): string {
  return error instanceof Error ? (error.stack ?? String(error)) : String(error);
}

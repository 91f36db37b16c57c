/**
 * Fetch handlers inside a worker: `Request` in, `Response` out.
 *
 * Law: serves them as Node's listeners, with the web's classes by srvx. Adds a handler's further arguments, and waits for the
 * promises that it has left running.
 */
import { patchGlobalRequest } from 'srvx/node';
import { errorText } from '../../error-text.ts';
import type { WorkerLoop } from '../exchange/loop.ts';
import type { NodeExchange } from '../node/exchange.ts';
import type { Arrived } from '../node/exchange-host.ts';
import { patchGlobalResponse } from './response.ts';
import { type FetchCall, FetchExchange, type FetchListener } from './exchange.ts';
import { NodeInterface } from '../node/interface.ts';
import type { Site } from '../node/site.ts';
import { type ExchangeOutbound, exchangeOf } from '../node/socket.ts';

export interface FetchInterfaceOptions {
  readonly application: FetchListener;
  readonly requestIdPrefix: string;
  /** Logs the rejection of a promise that was passed to `waitUntil`. */
  readonly report: (text: string) => void;
}

export class FetchInterface extends NodeInterface {
  readonly #left: Set<Promise<unknown>> = new Set();
  readonly #call: FetchCall;

  constructor(loop: WorkerLoop, { application, requestIdPrefix, report }: FetchInterfaceOptions) {
    // A handler's `new Request(request)` then accepts a request of this interface.
    patchGlobalRequest();
    // In the caller's own thread, the global `Response` stays unchanged.
    if (loop.apart) patchGlobalResponse();
    super(loop, {
      requestIdPrefix,
      application: (incoming) => (exchangeOf(incoming) as FetchExchange).respond(),
    });
    const waitUntil = (promise: Promise<unknown>) => {
      const settled = Promise.resolve(promise)
        .catch((error: unknown) => report(`A promise given to waitUntil was rejected: ${errorText(error)}`))
        .finally(() => this.#left.delete(settled));
      this.#left.add(settled);
    };
    this.#call = { handler: application, context: { waitUntil, passThroughOnException: () => {} } };
  }

  protected override exchange(outbound: ExchangeOutbound, site: Site, arrived: Arrived): NodeExchange {
    return new FetchExchange(outbound, site, arrived, this.#call);
  }

  /** Resolves when all promises that handlers passed to `waitUntil` have settled. */
  async settled(): Promise<void> {
    while (this.#left.size > 0) await Promise.all(this.#left);
  }
}

/**
 * One exchange of a fetch handler: `Request` in, `Response` out, and Node's messages only for who wants them.
 *
 * Law: a plain answer to a request that came whole goes straight into the ring (`plain-head.ts` says what is plain). When
 * somebody wants Node's request or response, the handler by its bindings or the answer by its kind, they are made, and
 * from then on this is an exchange like any of Node's. Where somebody listens to Node's server they are made at once.
 */
import type { IncomingMessage, ServerResponse } from 'node:http';
import { type Arrived, type ExchangeHost, NodeExchange } from './exchange.ts';
import { prepare } from './fast-response.ts';
import { bindingsOf, type FetchBindings, FetchRequest, type FetchSource } from './fetch-request.ts';
import { drop, sendResponse } from './send-response.ts';
import type { ExchangeOutbound } from './socket.ts';

/** What a handler is given besides its request, as handlers of other servers are. */
export interface FetchContext {
  /** The worker does not end before this has settled. */
  waitUntil(promise: Promise<unknown>): void;
  /** There is no other server that could answer. */
  passThroughOnException(): void;
}

export type FetchHandler = (
  request: Request,
  bindings: FetchBindings,
  context: FetchContext,
) => Response | Promise<Response>;

/** What all exchanges of an interface have in common; its listener calls `respond`. */
export interface FetchHost extends ExchangeHost {
  /** Somebody listens to its server, and is to be shown Node's messages. */
  readonly isObserved: boolean;
}

export interface FetchCall {
  readonly handler: FetchHandler;
  readonly context: FetchContext;
}

export class FetchExchange extends NodeExchange implements FetchSource {
  readonly #isObserved: boolean;
  readonly #call: FetchCall;
  #asked: FetchRequest | null = null;

  constructor(outbound: ExchangeOutbound, host: FetchHost, arrived: Arrived, call: FetchCall) {
    super(outbound, host, arrived);
    this.#isObserved = host.isObserved;
    this.#call = call;
  }

  protected override serve(): void {
    if (this.#isObserved || this.body !== null) super.serve();
    else this.follow(this.respond());
  }

  /** Calls the handler and sends what it returns. A promise settles when all was written, or nobody waits for it. */
  respond(): Promise<void> | undefined {
    const { handler, context } = this.#call;
    const request = new FetchRequest(this);
    this.#asked = request;
    request.waitUntil = context.waitUntil;
    const response: unknown = handler(request, bindingsOf(this), context);
    if (typeof (response as Promise<unknown> | undefined)?.then !== 'function') return this.#send(response);
    return Promise.resolve(response).then((settled) => this.#send(settled));
  }

  #send(response: unknown): Promise<void> | undefined {
    const prepared = prepare(response);
    if (!this.hasMessages) {
      if (this.isAbandoned) return void drop(prepared.body);
      if (this.outbound.sendPlain(prepared)) return void this.onOver();
    }
    return sendResponse(prepared, this.outgoing);
  }

  get incoming(): IncomingMessage {
    this.#wantMessages();
    return this.request;
  }

  get outgoing(): ServerResponse {
    this.#wantMessages();
    return this.response;
  }

  #wantMessages(): void {
    if (this.hasMessages) return;
    this.makeMessages();
    this.pushComplete();
    // Asked for when all is over: there is nothing left to write to.
    if (this.outbound.over) this.response.destroy();
  }

  protected override onAbort(why: number): void {
    super.onAbort(why);
    this.#asked?.abort();
    if (!this.hasMessages && !this.late) this.onOver();
  }

  protected override onDismiss(reason: Error): void {
    super.onDismiss(reason);
    this.#asked?.abort();
  }

  /** Of whoever ends the connection before the answer is finished. */
  override socketOnClose(): void {
    super.socketOnClose();
    if (!this.response.writableFinished) this.#asked?.abort();
  }
}

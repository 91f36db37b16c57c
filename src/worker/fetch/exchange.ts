/**
 * One exchange of a fetch handler: `Request` in, `Response` out, and Node's messages only if they are used.
 *
 * Law: a plain answer to a request without a body goes straight into the ring (`plain-response-head.ts` decides what is plain).
 * If the handler reads Node's request or response through its bindings, or the answer needs them, the exchange makes them. From
 * then on it behaves like any Node exchange. After a plain answer, Node's messages are made finished, and write nothing. If
 * Node's server has observers, the messages are made at once.
 */
import type { IncomingMessage, ServerResponse } from 'node:http';
import type { Prepared } from './body-fields.ts';
import { Abort } from '../../ring/layout.ts';
import { NodeExchange } from '../node/exchange.ts';
import type { Arrived, ExchangeHost } from '../node/exchange-host.ts';
import { prepare } from './response.ts';
import { bindingsOf, type FetchBindings, FetchRequest, type FetchSource } from './request.ts';
import { sendHeadAsLatin1 } from '../node/response.ts';
import { drop, sendResponse } from './send-response.ts';
import { type ExchangeOutbound, ExchangeSocket } from '../node/socket.ts';

/** The third argument of a handler, as on other servers. */
export interface FetchContext {
  /** The worker does not end before this promise has settled. */
  waitUntil(promise: Promise<unknown>): void;
  /** Does nothing: there is no other server that could answer. */
  passThroughOnException(): void;
}

export type FetchListener = (
  request: Request,
  bindings: FetchBindings,
  context: FetchContext,
) => Response | Promise<Response>;

/** The part that all exchanges of an interface share. Its listener calls `respond`. */
export interface FetchHost extends ExchangeHost {
  /** True if other code observes its server, and must see Node's messages. */
  readonly isObserved: boolean;
}

export interface FetchCall {
  readonly handler: FetchListener;
  readonly context: FetchContext;
}

export class FetchExchange extends NodeExchange implements FetchSource {
  declare protected readonly host: FetchHost;
  readonly #call: FetchCall;
  #asked: FetchRequest | null = null;
  /** The answer that was sent without Node's messages. */
  #plain: Prepared | null = null;
  /** Node's messages for such an answer, if they are read afterwards. */
  #spent: FetchBindings | null = null;
  /** True if the exchange ended without an answer of its handler. */
  #cut = false;

  constructor(outbound: ExchangeOutbound, host: FetchHost, arrived: Arrived, call: FetchCall) {
    super(outbound, host, arrived);
    this.#call = call;
  }

  protected override serve(): void {
    if (this.host.isObserved || !this.#isBodiless) super.serve();
    else this.follow(this.respond());
  }

  protected override makeMessages(): void {
    super.makeMessages();
    sendHeadAsLatin1(this.response);
  }

  /** True for GET and HEAD without a body. The body of any other method, even an empty one, is read from Node's request. */
  get #isBodiless(): boolean {
    const { method } = this.head;
    return this.body === null && this.complete === null && (method === 'GET' || method === 'HEAD');
  }

  /** Calls the handler and sends its answer. A promise settles when all bytes are written, or when no client waits for them. */
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
    const prepared = prepare(response, this.head.method === 'HEAD');
    if (!this.hasMessages) {
      if (this.#isClosed) return void drop(prepared.body);
      if (this.outbound.sendPlain(prepared)) return void this.#onSent(prepared);
    }
    return sendResponse(prepared, this.outgoing);
  }

  #onSent(prepared: Prepared): void {
    prepared.body = null;
    this.#plain = prepared;
    this.onOver();
  }

  /** True if its client has left, or has another answer, which may still wait for room. */
  get #isClosed(): boolean {
    return this.outbound.gone || this.outbound.over;
  }

  get incoming(): IncomingMessage {
    if (this.#plain !== null) return this.#spentOf(this.#plain).incoming;
    this.#wantMessages();
    return this.request;
  }

  get outgoing(): ServerResponse {
    if (this.#plain !== null) return this.#spentOf(this.#plain).outgoing;
    this.#wantMessages();
    return this.response;
  }

  #wantMessages(): void {
    if (this.hasMessages) return;
    this.makeMessages();
    this.pushComplete();
    if (this.late) this.hearTheEnd();
    if (this.#isClosed) this.response.destroy();
  }

  /** Makes Node's messages in their final state: the answer is finished, though it may still wait for its reader. */
  #spentOf({ status, headers }: Prepared): FetchBindings {
    if (this.#spent !== null) return this.#spent;
    const { host, head } = this;
    const socket = new ExchangeSocket(host.server, this, this.outbound.spent(), head);
    const incoming = host.request(head, socket);
    incoming.complete = true;
    incoming.push(null);
    const outgoing = host.response(incoming, head.flags);
    socket.assign(outgoing);
    outgoing.writeHead(status, headers).end();
    socket.detach(outgoing);
    this.#spent = { incoming, outgoing };
    return this.#spent;
  }

  // The state that the request's signal shows.

  get isAborted(): boolean {
    return this.#cut || (this.isAbandoned && !this.#isAnswered);
  }

  get #isAnswered(): boolean {
    return this.hasMessages ? this.response.writableEnded : this.#plain !== null;
  }

  /**
   * True if the application can still read the body after its client has left. The body came whole, and the web's body has no
   * owner that could destroy it.
   */
  get #readsOn(): boolean {
    if (!this.hasMessages || this.#isAnswered) return false;
    return this.body === null ? this.complete !== null : this.body.left === 0;
  }

  #onCut(): void {
    if (this.#isAnswered) return;
    this.#cut = true;
    this.#asked?.abort();
  }

  protected override onAbort(why: number): void {
    this.outlivesClient = why !== Abort.DEADLINE && this.#readsOn;
    this.#onCut();
    super.onAbort(why);
    if (!this.hasMessages && !this.late) this.onOver();
  }

  protected override onDismiss(reason: Error): void {
    this.#onCut();
    super.onDismiss(reason);
  }

  override socketOnClose(): void {
    if (!this.hasMessages) return;
    this.#onCut();
    super.socketOnClose();
  }

  override socketOnTimeout(): void {
    if (this.hasMessages) super.socketOnTimeout();
  }
}

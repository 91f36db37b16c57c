/**
 * One exchange of a fetch handler: `Request` in, `Response` out, and Node's messages only for who wants them.
 *
 * Law: a plain answer to a request without a body goes straight into the ring (`plain-response-head.ts` says what is plain). When
 * somebody wants Node's request or response, the handler by its bindings or the answer by its kind, they are made, and
 * from then on this is an exchange like any of Node's; asked for behind a plain answer, they are finished and write
 * nothing. Where somebody listens to Node's server they are made at once.
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

/** What a handler is given besides its request, as handlers of other servers are. */
export interface FetchContext {
  /** The worker does not end before this has settled. */
  waitUntil(promise: Promise<unknown>): void;
  /** There is no other server that could answer. */
  passThroughOnException(): void;
}

export type FetchListener = (
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
  readonly handler: FetchListener;
  readonly context: FetchContext;
}

export class FetchExchange extends NodeExchange implements FetchSource {
  declare protected readonly host: FetchHost;
  readonly #call: FetchCall;
  #asked: FetchRequest | null = null;
  /** What was sent without Node's messages. */
  #plain: Prepared | null = null;
  /** Node's messages of such an answer, for who asks afterwards. */
  #spent: FetchBindings | null = null;
  /** It came to its end without an answer of its handler's. */
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

  /** By its method; another's body, though it be empty, is read from Node's request. */
  get #isBodiless(): boolean {
    const { method } = this.head;
    return this.body === null && this.complete === null && (method === 'GET' || method === 'HEAD');
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

  /** Its client has left, or has another answer, though that may still wait for room. */
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

  /** As they would be now, had they been there: the answer is finished, though it may still wait for its reader. */
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

  // what its request's signal tells

  get isAborted(): boolean {
    return this.#cut || (this.isAbandoned && !this.#isAnswered);
  }

  get #isAnswered(): boolean {
    return this.hasMessages ? this.response.writableEnded : this.#plain !== null;
  }

  /** The web's body has no owner that could destroy it: what came whole can be read. */
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

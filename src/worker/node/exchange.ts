/**
 * One exchange as Node's HTTP sees it: request, response and socket, and when each of them is over.
 *
 * Law: does what a Node server does around a request (`parserOnIncoming` and `resOnFinish`), with Node's own `IncomingMessage`
 * and `ServerResponse`. Knows the outbound and the inbound body by their methods. The listener is its host's
 * (`worker/node/site.ts`).
 *
 * The end: a finished response goes out at once, and END with it. If the application still reads its body, END waits for the
 * body's end, because END would break it off.
 */
import diagnostics from 'node:diagnostics_channel';
import type { IncomingMessage, ServerResponse } from 'node:http';
import { Flag } from '../../http/head-flags.ts';
import { Abort } from '../../ring/layout.ts';
import { leavesTooMuch } from '../../ring/message.ts';
import { keepAliveOf } from '../../server-limits.ts';
import { Running, type RunningOwner } from '../exchange/running.ts';
import { BodyFeed, type FeedOwner } from './body-feed.ts';
import { beginsInterim, InterimText } from './interim.ts';
import { emitClose, emitDrain, internals, limitRequests } from './response.ts';
import type { Arrived, ExchangeHost } from './exchange-host.ts';
import { detachSignal, dump, isRead } from './request.ts';
import type { RequestHead } from './request-head.ts';
import { tellSilence } from './silence.ts';
import { type ExchangeOutbound, ExchangeSocket } from './socket.ts';
import type { ExchangeSocketOwner } from './socket-owner.ts';

const requestStart = diagnostics.channel('http.server.request.start');
const responseFinish = diagnostics.channel('http.server.response.finish');

const CONTINUE = 'HTTP/1.1 100 Continue\r\n\r\n';

export class NodeExchange extends Running implements ExchangeSocketOwner, FeedOwner {
  declare readonly outbound: ExchangeOutbound;
  protected readonly host: ExchangeHost;
  readonly head: RequestHead;
  readonly complete: Uint8Array | null;
  /** True once `makeMessages` was called: the three fields below are set. */
  hasMessages = false;
  protected request!: IncomingMessage;
  protected response!: ServerResponse;
  #socket!: ExchangeSocket;
  #owner!: RunningOwner;
  /** True if no more of the body is read. */
  bodyIsOver = false;
  readonly #feed: BodyFeed | null;
  /** An interim response of which a part was written. */
  #interim: InterimText | null = null;
  #done = false;
  /** Bytes of the response without its head; NaN until the head is sent. */
  #bodyBytes = Number.NaN;
  /** True if the response is finished. END may still wait for the body's end. */
  #ending = false;
  /** True once the whole response is in the ring. */
  #finished = false;
  /** One of `Abort`. Set if the client sent its whole body and left, and the listener still reads the body. */
  #left: number = Abort.NONE;
  /** The client is gone, but its bytes can be read: the exchange ends when the listener's promise settles. */
  protected outlivesClient = false;

  constructor(outbound: ExchangeOutbound, host: ExchangeHost, { head, body, complete }: Arrived) {
    super(outbound, body);
    this.host = host;
    this.head = head;
    this.complete = complete;
    this.#feed = body === null ? null : new BodyFeed(body, this);
  }

  override get label() {
    const { method, url, serial } = this.head;
    return { method, target: url, id: this.host.requestId(serial) };
  }

  protected override call(owner: RunningOwner): void {
    this.#owner = owner;
    try {
      this.serve();
    } catch (error) {
      this.onFailed(error);
    }
  }

  /** Calls the listener. An error from it is the application's failure. */
  protected serve(): void {
    this.makeMessages();
    this.#dispatch(this.request, this.response);
    this.pushComplete();
  }

  /** Runs in the exchange's scope: Node publishes a new response, and a subscriber may enter a context. */
  protected makeMessages(): void {
    this.hasMessages = true;
    const { host } = this;
    const socket = new ExchangeSocket(host.server, this, this.outbound, this.head);
    this.#socket = socket;
    this.request = host.request(this.head, socket);
    const response = host.response(this.request, this.head.flags);
    this.response = response;
    limitRequests(response, host.server, this.head.requests);
    if (requestStart.hasSubscribers) requestStart.publish(this.#message());
    socket.assign(response);
    if (host.server.timeout > 0) socket.setTimeout(host.server.timeout);
    response.on('prefinish', onPrefinish);
    response.on('finish', onFinish);
  }

  #dispatch(request: IncomingMessage, response: ServerResponse): void {
    const { server, listener } = this.host;
    if (this.#expectsContinue && server.listenerCount('checkContinue') > 0)
      return void server.emit('checkContinue', request, response);
    this.follow(listener(request, response));
  }

  /** Follows the result of the application. A promise that rejects is its failure. */
  protected follow(result: unknown): void {
    if (!(result instanceof Promise)) return;
    result.then(
      () => (this.late || this.outlivesClient) && this.onOver(),
      (error) => this.onFailed(error),
    );
  }

  get #expectsContinue(): boolean {
    return (this.head.flags & Flag.EXPECT_CONTINUE) !== 0;
  }

  protected onFailed(error: unknown): void {
    if (this.#done) return;
    this.#done = true;
    this.#owner.runningOnFailed(this, error);
    if (this.hasMessages) this.#socket.settle();
  }

  #message() {
    return {
      request: this.request,
      response: this.response,
      socket: this.#socket,
      server: this.host.server,
    };
  }

  // The body.

  protected pushComplete(): void {
    if (this.body !== null) return;
    const request = this.request;
    const bytes = this.complete;
    if (request.destroyed && bytes !== null) return;
    if (bytes !== null) this.feedOnBytes(bytes);
    request.complete = true;
    // As under Node, a listener that has destroyed the socket still receives the end.
    if (this.bodyIsOver) request.push(null);
    else this.#endBody();
  }

  #endBody(): void {
    if (this.bodyIsOver) return;
    this.bodyIsOver = true;
    this.request.push(null);
    if (this.#ending) this.#sayEnd();
    if (this.#finished) this.onOver();
  }

  socketOnResume(): void {
    this.#feed?.resume();
  }

  get bodyReader(): IncomingMessage {
    return this.request;
  }

  feedOnBytes(bytes: Uint8Array): boolean {
    this.#socket.received(bytes.length);
    return this.request.push(Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength));
  }

  feedOnEnd(): void {
    this.request.complete = true;
    this.#endBody();
    // Node's socket reads the client's end after the body.
    if (this.#left !== Abort.NONE) setImmediate(leave, this);
  }

  feedOnUnread(): void {
    this.bodyIsOver = true;
    this.leaveNow();
  }

  /** Node treats this as an aborted request. */
  feedOnBroken(): void {
    this.#socket.settle();
  }

  // The response.

  socketOnWrite(data: Uint8Array | string): boolean {
    if (!Number.isNaN(this.#bodyBytes)) {
      this.#bodyBytes += data.length;
      this.outbound.observeBody(data);
      return true;
    }
    const { outbound } = this;
    const { _header: head, _headerSent: isSent } = internals(this.response);
    if (this.#interim !== null || (!isSent && beginsInterim(data))) return this.#onInterim(data);
    outbound.begin();
    if (head !== null) outbound.observeJoined(head, data);
    const headBytes = head === null ? 0 : typeof data === 'string' ? head.length : Buffer.byteLength(head);
    this.#bodyBytes = data.length - headBytes;
    return true;
  }

  /** RFC 9110 §15.2: an HTTP/1.0 client receives no interim response. */
  #onInterim(data: Uint8Array | string): false {
    const { outbound } = this;
    const interim = this.#interim ?? new InterimText();
    this.#interim = null;
    for (const text of interim.add(data)) {
      // The acceptor sends `100 Continue` when the body is first requested, if the client waits for it.
      if (text === CONTINUE && this.#expectsContinue && this.#feed?.asked !== true) this.socketOnResume();
      else if (outbound.plan.http11) outbound.sendInterim(text);
    }
    if (!interim.isEmpty) this.#interim = interim;
    return false;
  }

  socketOnDrain(): void {
    emitDrain(this.response);
  }

  get isAbandoned(): boolean {
    return this.outbound.gone || this.outbound.abortedWhy !== Abort.NONE;
  }

  get bodyLeft(): number {
    return this.body === null || this.outbound.over ? 0 : this.body.left;
  }

  get leavesBody(): boolean {
    const { body } = this;
    return body !== null && !this.bodyIsOver && !isRead(this.request) && leavesTooMuch(body.left);
  }

  responseOnPrefinish(): void {
    this.#ending = true;
    const reads = this.body !== null && !this.bodyIsOver && isRead(this.request);
    if (reads && !this.#closes) this.#socket.flush();
    else this.#sayEnd();
  }

  #sayEnd(): void {
    if (!this.outbound.over) this.outbound.finish(this.#closes);
  }

  /** True if the connection ends after the response. A body with another length than announced ends it, too. */
  get #closes(): boolean {
    const response = this.response;
    const { _last, _contentLength, _hasBody } = internals(response);
    const isShort =
      _hasBody &&
      !response.chunkedEncoding &&
      _contentLength !== null &&
      _contentLength !== undefined &&
      _contentLength !== this.#bodyBytes;
    return _last || isShort || !this.outbound.plan.keepAlive;
  }

  /** The whole response is in the ring. Node calls this when the kernel has the whole response. */
  responseOnFinish(): void {
    const request = this.request;
    const socket = this.#socket;
    if (responseFinish.hasSubscribers) responseFinish.publish(this.#message());
    detachSignal(request);
    socket.detach(this.response);
    this.#finished = true;
    if (!isRead(request)) this.#dump(request);
    process.nextTick(emitClose, this.response);
    if (this.bodyIsOver) return this.onOver();
    if (this.outbound.over) return socket.settle();
    // A listener that has stopped reading holds the connection no longer than an idle one is held.
    const keepAlive = keepAliveOf(this.host.server);
    if (keepAlive > 0) socket.setTimeout(keepAlive);
  }

  /** Drops the unread body, and emits the request's end if it has listeners for that. */
  #dump(request: IncomingMessage): void {
    request.complete = true;
    this.#endBody();
    if (request.listenerCount('end') + request.listenerCount('close') > 0) dump(request);
  }

  // The end.

  /** Ends the exchange: nothing more happens to it. */
  protected onOver(): void {
    if (this.#done) return;
    this.#done = true;
    this.#owner.runningOnDone(this);
    if (!this.hasMessages) return;
    if (this.#finished) this.#socket.retire();
    else this.#socket.settle();
  }

  protected override onAbort(why: number): void {
    if (why !== Abort.DEADLINE && this.#readsFirst) return this.#leaveLater(why);
    if (why === Abort.LEFT) return this.#part();
    super.onAbort(why);
    if (!this.hasMessages) return;
    if (this.late) this.hearTheEnd();
    if (this.outlivesClient) process.nextTick(emitClose, this.response);
    else this.#socket.settle();
  }

  /** As under Node, whose socket reads the body and then the client's end. */
  get #readsFirst(): boolean {
    return this.hasMessages && !this.outlivesClient && !this.bodyIsOver && this.body?.left === 0;
  }

  #leaveLater(why: number): void {
    this.#left = why;
    if (why === Abort.GONE) this.outbound.drop();
    // The exchange holds its worker no longer than an idle connection is held.
    this.#feed!.fill(keepAliveOf(this.host.server));
  }

  /** Called by `leave` alone. */
  leaveNow(): void {
    if (!this.#done) this.abort(this.#left);
  }

  /** As Node's server does, ends this side after the client's. `part` would abort a body that is still read. */
  #part(): void {
    this.#ending = true;
    if (this.outlivesClient && this.body?.isComing === true) this.outbound.drop();
    else this.outbound.part();
    if (this.outlivesClient) process.nextTick(emitClose, this.response);
    else if (this.hasMessages) this.#socket.clientOnEnd();
  }

  protected override onCloseFor(server: object): void {
    if (this.hasMessages && this.host.server === server) this.#socket.destroy();
  }

  protected override onDismiss(reason: Error): void {
    this.#done = true;
    super.onDismiss(reason);
    if (this.hasMessages) this.#socket.settle();
  }

  /** A late exchange goes on. Its socket is gone, so its response emits no event at its end. */
  protected hearTheEnd(): void {
    const response = this.response;
    const { end } = response;
    response.end = ((...args: Parameters<typeof end>) => {
      const result = end.apply(response, args);
      this.onOver();
      return result;
    }) as typeof end;
  }

  socketOnEnd(): void {
    this.outbound.begin();
    this.#ending = true;
    this.outbound.finish(true);
  }

  socketOnHangUp(): void {
    this.outbound.closeConnection(this.head.connection);
  }

  socketOnTimeout(): void {
    tellSilence(this.request, this.#socket);
  }

  /** Called when the client or the application destroys the socket, or when all is over. */
  socketOnDestroy(): void {
    this.bodyIsOver = true;
    if (!this.#done) this.outbound.abort();
  }

  socketOnClose(): void {
    const request = this.request;
    if (!this.#finished || !request.complete)
      request.destroy(Object.assign(new Error('aborted'), { code: 'ECONNRESET' }));
    emitClose(this.response);
    if (!this.late) this.onOver();
  }
}

function leave(exchange: NodeExchange): void {
  exchange.leaveNow();
}

function onPrefinish(this: ServerResponse): void {
  (this.socket as unknown as ExchangeSocket | null)?.owner.responseOnPrefinish();
}

function onFinish(this: ServerResponse): void {
  (this.socket as unknown as ExchangeSocket | null)?.owner.responseOnFinish();
}

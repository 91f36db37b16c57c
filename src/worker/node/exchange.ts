/**
 * One exchange as Node's HTTP sees it: request, response and socket, and when each of them is over.
 *
 * Law: does what Node's server does around a request (its `parserOnIncoming` and `resOnFinish`), with Node's own
 * `IncomingMessage` and `ServerResponse`; knows the outbound and the inbound body by their methods. What is called with
 * them is the listener's (`node-interface.ts`).
 *
 * The end: a response that is finished goes out at once, and END with it, unless the application still reads its body:
 * END would break that off, so it waits for the body's end.
 */
import type { IncomingMessage, Server, ServerResponse } from 'node:http';
import diagnostics from 'node:diagnostics_channel';
import type { InboundBody } from '../inbound.ts';
import type { Outbound } from '../outbound.ts';
import { Running, type RunningOwner } from '../running.ts';
import { emitDrain, internals } from './node-response.ts';
import type { ExchangeSocket } from './socket.ts';
import { type SocketOwner } from './socket.ts';

const requestStart = diagnostics.channel('http.server.request.start');
const responseCreated = diagnostics.channel('http.server.response.created');
const responseFinish = diagnostics.channel('http.server.response.finish');

const INTERIM = /^HTTP\/1\.1 1\d\d /;
/** What Node adds to `server.keepAliveTimeout`. */
const KEEP_ALIVE_SLACK_MS = 1000;
const CONTINUE = 'HTTP/1.1 100 Continue\r\n\r\n';

/** Its request and its response. */
export interface Messages {
  readonly request: IncomingMessage;
  readonly response: ServerResponse;
}

export interface ExchangeParts {
  /** Whose listeners are told. */
  readonly server: Server;
  /** Calls them. What it returns is awaited if it is a promise; its rejection is the application's failure. */
  readonly listener: (request: IncomingMessage, response: ServerResponse) => unknown;
  readonly requestId: string;
  /** The whole body, when it came with the head. */
  readonly complete: Uint8Array | null;
  readonly expectsContinue: boolean;
}

export class NodeExchange extends Running implements SocketOwner {
  readonly #parts: ExchangeParts;
  #messages!: Messages;
  #socket!: ExchangeSocket;
  #owner!: RunningOwner;
  /** No more of the body is read. */
  #bodyOver = false;
  #reading = false;
  /** The acceptor was told to let it come. */
  #asked = false;
  #done = false;
  /** Bytes of the response, its head left out; NaN as long as the head is not sent. */
  #bodyBytes = Number.NaN;
  /** The response is finished, and END waits for the body to end. */
  #ending = false;
  /** All of the response is in the ring. */
  #finished = false;

  constructor(outbound: Outbound, body: InboundBody | null, parts: ExchangeParts) {
    super(outbound, body);
    this.#parts = parts;
  }

  /** Before `call`: what is made with this exchange's socket. */
  with(socket: ExchangeSocket, messages: Messages): void {
    this.#socket = socket;
    this.#messages = messages;
  }

  override get label() {
    const { method, url } = this.#messages.request;
    return { method: method ?? '', target: url ?? '', id: this.#parts.requestId };
  }

  protected override call(owner: RunningOwner): void {
    this.#owner = owner;
    const { request, response } = this.#messages;
    const { server } = this.#parts;
    const message = { request, response, socket: this.#socket, server };
    if (requestStart.hasSubscribers) requestStart.publish(message);
    if (responseCreated.hasSubscribers) responseCreated.publish({ request, response });
    response.assignSocket(this.#socket as unknown as Parameters<ServerResponse['assignSocket']>[0]);
    response.on('prefinish', this.#onPrefinish);
    response.on('finish', this.#onFinish);
    try {
      this.#dispatch(request, response);
    } catch (error) {
      return this.#onFailed(error);
    }
    if (this.body === null) this.#pushComplete(this.#parts.complete);
  }

  #dispatch(request: IncomingMessage, response: ServerResponse): void {
    const { server, listener, expectsContinue } = this.#parts;
    if (expectsContinue) {
      internals(response)._expect_continue = true;
      if (server.listenerCount('checkContinue') > 0)
        return void server.emit('checkContinue', request, response);
    }
    const result = listener(request, response);
    if (result instanceof Promise) result.then(this.#onReturned, this.#onFailed);
  }

  readonly #onReturned = (): void => {
    if (this.late) this.#over();
  };

  readonly #onFailed = (error: unknown): void => {
    if (this.#done) return;
    this.#done = true;
    this.#owner.runningOnFailed(this, error);
    this.#socket.destroy();
  };

  // the body

  #pushComplete(bytes: Uint8Array | null): void {
    const { request } = this.#messages;
    if (this.#bodyOver && bytes !== null) return;
    request.complete = true;
    if (bytes !== null) {
      this.#socket.received(bytes.length);
      request.push(Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength));
    }
    this.#endBody();
  }

  #endBody(): void {
    if (this.#bodyOver) return;
    this.#bodyOver = true;
    this.#messages.request.push(null);
    if (this.#ending) this.#sayEnd();
    if (this.#finished) this.#over();
  }

  socketOnResume(): void {
    if (this.body !== null && !this.#reading && !this.#bodyOver) this.#read(this.body);
  }

  /** Gives the request what has come until it has enough; asks for more when there is nothing. */
  #read(body: InboundBody): void {
    const { request } = this.#messages;
    try {
      for (;;) {
        const bytes = body.next();
        if (bytes === undefined) return this.#await(body);
        if (bytes === null) {
          request.complete = true;
          return this.#endBody();
        }
        this.#socket.received(bytes.length);
        if (!request.push(Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength))) return;
        if (this.#bodyOver) return;
      }
    } catch {
      // The client has gone, or broke its body off: for Node both are an aborted request.
      this.#socket.destroy();
    }
  }

  #await(body: InboundBody): void {
    this.#reading = true;
    this.#asked = true;
    internals(this.#messages.response)._sent100 = true;
    void body.wait().then(() => {
      this.#reading = false;
      if (!this.#bodyOver) this.#read(body);
    });
  }

  // the response

  socketOnWrite(data: Uint8Array | string): boolean {
    const { outbound } = this;
    const head = internals(this.#messages.response)._header;
    if (head === null && typeof data === 'string' && INTERIM.test(data)) {
      // The acceptor says it, to a client that waits for it, when its body is first asked for.
      if (data === CONTINUE && this.#parts.expectsContinue && !this.#asked) this.socketOnResume();
      else outbound.sendInterim(data);
      return false;
    }
    if (Number.isNaN(this.#bodyBytes)) {
      outbound.begin();
      const headBytes = head === null ? 0 : typeof data === 'string' ? head.length : Buffer.byteLength(head);
      this.#bodyBytes = -headBytes;
    }
    this.#bodyBytes += data.length;
    return true;
  }

  socketOnDrain(): void {
    emitDrain(this.#messages.response);
  }

  readonly #onPrefinish = (): void => {
    const { request } = this.#messages;
    this.#ending = true;
    const reads = this.body !== null && !this.#bodyOver && isRead(request) && !this.#closes;
    if (reads) this.#socket.flush();
    else this.#sayEnd();
  };

  #sayEnd(): void {
    if (!this.outbound.over) this.outbound.finish(this.#closes);
  }

  /** Whether the connection ends behind the response; what does not have the length it announced ends it, too. */
  get #closes(): boolean {
    const { response } = this.#messages;
    const { _last, _contentLength, _hasBody } = internals(response);
    const isShort =
      _hasBody &&
      !response.chunkedEncoding &&
      _contentLength !== null &&
      _contentLength !== undefined &&
      _contentLength !== this.#bodyBytes;
    return _last || isShort || !this.outbound.plan.keepAlive;
  }

  /** All of the response is in the ring, as Node calls it when all is with the kernel. */
  readonly #onFinish = (): void => {
    const { request, response } = this.#messages;
    const { server } = this.#parts;
    const socket = this.#socket;
    if (responseFinish.hasSubscribers) responseFinish.publish({ request, response, socket, server });
    response.detachSocket(socket as unknown as Parameters<ServerResponse['detachSocket']>[0]);
    process.nextTick(emitClose, response);
    this.#finished = true;
    if (!isRead(request)) this.#dump(request);
    if (this.#bodyOver) this.#over();
    else if (this.outbound.over) socket.destroy();
    // Who began to read and stopped holds the connection no longer than an idle one is held.
    else if (server.keepAliveTimeout > 0) socket.setTimeout(server.keepAliveTimeout + KEEP_ALIVE_SLACK_MS);
  };

  /** What was not read is let go, and whoever waits for the request's end hears of it. */
  #dump(request: IncomingMessage): void {
    request.complete = true;
    this.#endBody();
    if (request.listenerCount('end') + request.listenerCount('close') > 0) request.resume();
  }

  // the end

  #over(): void {
    if (this.#done) return;
    this.#done = true;
    this.#owner.runningOnDone(this);
    this.#socket.retire();
  }

  protected override onAbort(why: number): void {
    super.onAbort(why);
    if (this.late) this.#hearTheEnd();
    this.#socket.destroy();
  }

  /** One that is late goes on; for its socket is gone, its response says nothing of its end. */
  #hearTheEnd(): void {
    const { response } = this.#messages;
    const { end } = response;
    response.end = ((...args: Parameters<typeof end>) => {
      const result = end.apply(response, args);
      this.#over();
      return result;
    }) as typeof end;
  }

  /** The connection ends behind what was written. */
  socketOnEnd(): void {
    this.outbound.begin();
    this.#ending = true;
    this.outbound.finish(true);
    setImmediate(destroy, this.#socket);
  }

  socketOnTimeout(): void {
    const { request, response } = this.#messages;
    const socket = this.#socket;
    const heard = [
      !request.complete && request.emit('timeout', socket),
      response.emit('timeout', socket),
      this.#parts.server.emit('timeout', socket),
    ];
    if (!heard.includes(true)) socket.destroy();
  }

  /** By the client, by the application, or because all is over. */
  socketOnDestroy(): void {
    this.#bodyOver = true;
    if (!this.#done) this.outbound.abort();
  }

  socketOnClose(): void {
    const { request } = this.#messages;
    if (!this.#finished || !request.complete)
      request.destroy(Object.assign(new Error('aborted'), { code: 'ECONNRESET' }));
    if (!this.late) this.#over();
  }
}

function destroy(socket: ExchangeSocket): void {
  socket.destroy();
}

/** Somebody reads the body, or did. */
function isRead(request: IncomingMessage): boolean {
  const { _consuming } = request as unknown as { readonly _consuming: boolean };
  return _consuming || request.readableFlowing === true;
}

function emitClose(response: ServerResponse): void {
  const inner = response as unknown as { destroyed: boolean; _closed: boolean };
  inner.destroyed = true;
  inner._closed = true;
  response.emit('close');
}

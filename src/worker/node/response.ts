/**
 * Adapts Node's `ServerResponse` to a connection that it does not own.
 *
 * Law: sets own properties of an instance, and never uses a class of its own, because frameworks replace a response's
 * prototype. Node makes everything else of a response.
 */
import { OutgoingMessage, type Server, ServerResponse } from 'node:http';
import { endToEnd, type Fields } from './response-fields.ts';

/** Undocumented properties of Node responses; the same since Node 12. */
export interface Internals {
  /** The head as it goes out; null before it is made. */
  _header: string | null;
  /** True once the socket has the head. */
  _headerSent: boolean;
  /** Announced bytes of the body. */
  _contentLength: number | null;
  _hasBody: boolean;
  /** True if the connection ends after this response. */
  _last: boolean;
  useChunkedEncodingByDefault: boolean;
  _storeHeader(firstLine: string, headers: Fields): void;
  /** Sends a part of the body, and the head before the first part. */
  _send(data: Uint8Array | string, encoding?: BufferEncoding | null, ...rest: unknown[]): boolean;
}

const { _storeHeader: nodeStoreHeader, _send: nodeSend } = ServerResponse.prototype as unknown as Internals;

const blank = new OutgoingMessage();
/** True while a writer waits for 'drain'. */
const NEED_DRAIN = symbolOf('kNeedDrain');
/** The fields that `setHeader` has set: name in lower case → [name, value]. */
const OUT_HEADERS = symbolOf('kOutHeaders');

export function internals(response: ServerResponse): Internals {
  return response as unknown as Internals;
}

/** The properties of its socket that a response reads when its head is made. */
export interface HeadContext {
  readonly http11: boolean;
  /** True if the client or the server ends the connection after the response. */
  readonly closes: boolean;
  /** True if the application writes the whole response in one call, which also ends it. */
  endsNow: boolean;
}

/** True if the socket is a HeadContext, and not a Node socket. */
export function isOurs({ socket }: ServerResponse): boolean {
  return typeof (socket as unknown as HeadContext | null)?.endsNow === 'boolean';
}

/** Marks that the current call writes the whole response. */
export function endNow(response: ServerResponse): void {
  if (isOurs(response)) (response.socket as unknown as HeadContext).endsNow = true;
}

/** Prepares a response whose socket is a HeadContext. */
export function prepareResponse(response: ServerResponse, http11: boolean): void {
  const inner = internals(response);
  // Holds for every TE field of an HTTP/1.0 client (RFC 9112 §6.1).
  if (!http11) inner.useChunkedEncodingByDefault = false;
  inner._storeHeader = storeHeader;
}

/** One function for all responses. */
function storeHeader(this: Internals & ServerResponse, firstLine: string, headers: Fields): void {
  const context = this.socket as unknown as HeadContext;
  // Before the head is made, only `end` sets `_contentLength`.
  if (this._contentLength !== null) context.endsNow = true;
  if (context.closes) this.shouldKeepAlive = false;
  const own = (this as unknown as Record<symbol, unknown>)[OUT_HEADERS];
  nodeStoreHeader.call(this, firstLine, endToEnd(this, headers, context.http11, own));
}

/**
 * Sends the head in Latin-1, whatever the body is: the web's header values are bytes (ByteString). Node alone would encode the
 * head in UTF-8 when it sends a string with it, and in Latin-1 otherwise.
 */
export function sendHeadAsLatin1(response: ServerResponse): void {
  internals(response)._send = send;
}

const NOT_ASCII = /[\u0080-\u00FF]/;

/** One function for all responses. */
function send(this: Internals, ...[data, encoding, ...rest]: Parameters<Internals['_send']>): boolean {
  const joins = !this._headerSent && typeof data === 'string' && NOT_ASCII.test(this._header ?? '');
  return nodeSend.call(this, joins ? Buffer.from(data, encoding ?? 'utf8') : data, encoding, ...rest);
}

/** As Node's server does, closes the connection after its last answer. `requests`: number of requests on the connection. */
export function limitRequests(response: ServerResponse, server: Server, requests: number): void {
  const most = server.maxRequestsPerSocket;
  // Node writes `Connection: close`, and leaves the close to the client or to keepAliveTimeout.
  if (most && requests >= most) response.shouldKeepAlive = false;
}

/** Emits 'drain' as Node's server does when its socket drains. */
export function emitDrain(response: ServerResponse): void {
  const flags = response as unknown as Record<symbol, unknown>;
  if (response.writableEnded || flags[NEED_DRAIN] !== true) return;
  flags[NEED_DRAIN] = false;
  response.emit('drain');
}

/** Emits 'close' as Node's server does. The response is over, finished or not. */
export function emitClose(response: ServerResponse): void {
  const inner = response as unknown as { destroyed: boolean; _closed: boolean };
  if (inner._closed) return;
  inner.destroyed = true;
  inner._closed = true;
  response.emit('close');
}

function symbolOf(name: string): symbol {
  return Object.getOwnPropertySymbols(blank).find(({ description }) => description === name) ?? Symbol(name);
}

/**
 * What Node's `ServerResponse` is told of a connection that is not its own.
 *
 * Law: own properties of an instance, never a class of our own: frameworks replace a response's prototype. All that
 * makes a response is Node's.
 */
import { OutgoingMessage, type Server, ServerResponse } from 'node:http';
import { endToEnd, type Fields } from './response-fields.ts';

/** What Node's HTTP keeps in a response and does not document; the same since Node 12. */
export interface Internals {
  /** The head, as it goes out; null before it is made. */
  _header: string | null;
  /** The head was given to the socket. */
  _headerSent: boolean;
  /** Bytes of the body as far as they were announced. */
  _contentLength: number | null;
  _hasBody: boolean;
  /** The connection ends behind this response. */
  _last: boolean;
  useChunkedEncodingByDefault: boolean;
  _storeHeader(firstLine: string, headers: Fields): void;
  /** Sends a part of the body, and the head before the first one. */
  _send(data: Uint8Array | string, encoding?: BufferEncoding | null, ...rest: unknown[]): boolean;
}

const { _storeHeader: nodeStoreHeader, _send: nodeSend } = ServerResponse.prototype as unknown as Internals;

const blank = new OutgoingMessage();
/** Set while a writer waits for 'drain'. */
const NEED_DRAIN = symbolOf('kNeedDrain');
/** The fields that `setHeader` has set: name in lower case → [name, value]. */
const OUT_HEADERS = symbolOf('kOutHeaders');

export function internals(response: ServerResponse): Internals {
  return response as unknown as Internals;
}

/** What a response asks of its socket when its head is made. */
export interface HeadContext {
  readonly http11: boolean;
  /** The connection ends behind the response by the client's wish or the server's. */
  readonly closes: boolean;
  /** All of the response is written in the same call, which tells of its end. */
  endsNow: boolean;
}

/** Its socket is a HeadContext, and not one of Node's. */
export function isOurs({ socket }: ServerResponse): boolean {
  return typeof (socket as unknown as HeadContext | null)?.endsNow === 'boolean';
}

/** All of the response is written in this call. */
export function endNow(response: ServerResponse): void {
  if (isOurs(response)) (response.socket as unknown as HeadContext).endsNow = true;
}

/** Its socket is a HeadContext. */
export function prepareResponse(response: ServerResponse, http11: boolean): void {
  const inner = internals(response);
  // Whatever a client of HTTP/1.0 says in TE (RFC 9112 §6.1).
  if (!http11) inner.useChunkedEncodingByDefault = false;
  inner._storeHeader = storeHeader;
}

/** One function for all responses. */
function storeHeader(this: Internals & ServerResponse, firstLine: string, headers: Fields): void {
  const context = this.socket as unknown as HeadContext;
  // A length that nobody has set yet is that of `end`.
  if (this._contentLength !== null) context.endsNow = true;
  if (context.closes) this.shouldKeepAlive = false;
  const own = (this as unknown as Record<symbol, unknown>)[OUT_HEADERS];
  nodeStoreHeader.call(this, firstLine, endToEnd(this, headers, context.http11, own));
}

/**
 * The head leaves in Latin-1, whatever the body is: the web's header values are bytes (ByteString). Node alone would
 * encode the head in UTF-8 when it sends a string with it, and in Latin-1 otherwise.
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

/** As Node's server: the last answer that a connection may have closes it. `requests`: those of the connection so far. */
export function limitRequests(response: ServerResponse, server: Server, requests: number): void {
  const most = server.maxRequestsPerSocket;
  // Node writes `Connection: close`, and leaves the close to the client or to keepAliveTimeout.
  if (most && requests >= most) response.shouldKeepAlive = false;
}

/** As Node's server does when its socket drains. */
export function emitDrain(response: ServerResponse): void {
  const flags = response as unknown as Record<symbol, unknown>;
  if (response.writableEnded || flags[NEED_DRAIN] !== true) return;
  flags[NEED_DRAIN] = false;
  response.emit('drain');
}

/** As Node's server does: it is over, whether it was finished or not. */
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

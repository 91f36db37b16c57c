/**
 * What Node's `ServerResponse` is told of a connection that is not its own.
 *
 * Law: own properties of an instance, never a class of our own: frameworks replace a response's prototype. All that
 * makes a response is Node's.
 */
import { OutgoingMessage, ServerResponse } from 'node:http';
import { isHopByHop } from '../../tsgi/hop-by-hop.ts';

type Headers = Record<string, unknown> | readonly unknown[] | null | undefined;

/** What Node's HTTP keeps in a response and does not document; the same since Node 12. */
export interface Internals {
  /** The head, as it goes out; null before it is made. */
  _header: string | null;
  /** Bytes of the body as far as they were announced. */
  _contentLength: number | null;
  _hasBody: boolean;
  /** The client waits for `100 Continue` before it sends its body: without that, the connection ends. */
  _expect_continue: boolean;
  _sent100: boolean;
  /** The connection ends behind this response. */
  _last: boolean;
  useChunkedEncodingByDefault: boolean;
  _storeHeader(firstLine: string, headers: Headers): void;
}

const { _storeHeader: nodeStoreHeader } = ServerResponse.prototype as unknown as Internals;

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

/** Its socket is a HeadContext. */
export function prepareResponse(response: ServerResponse, http11: boolean): void {
  const inner = internals(response);
  // Whatever a client of HTTP/1.0 says in TE (RFC 9112 §6.1).
  if (!http11) inner.useChunkedEncodingByDefault = false;
  inner._storeHeader = storeHeader;
}

/** One function for all responses. */
function storeHeader(this: Internals & ServerResponse, firstLine: string, headers: Headers): void {
  const context = this.socket as unknown as HeadContext;
  // A length that nobody has set yet is that of `end`.
  if (this._contentLength !== null) context.endsNow = true;
  if (context.closes) this.shouldKeepAlive = false;
  nodeStoreHeader.call(this, firstLine, endToEnd(this, headers, context.http11));
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

/** Fields without those that speak of the connection, which is the server's (RFC 9110 §7.6.1). */
function endToEnd(response: ServerResponse, headers: Headers, http11: boolean): Headers {
  if (headers === null || headers === undefined) return headers;
  const drops = (name: unknown, value: unknown) =>
    typeof name === 'string' && isHopByHop(name) && !stays(name.toLowerCase(), value, response, http11);
  if (Array.isArray(headers)) {
    if (Array.isArray(headers[0])) return headers.filter(([name, value]) => !drops(name, value));
    return headers.filter((_, i) => !drops(headers[i & ~1], headers[i | 1]));
  }
  const fields = headers as Record<string, unknown>;
  const isOwn = fields === (response as unknown as Record<symbol, unknown>)[OUT_HEADERS];
  let kept = fields;
  for (const name in fields) {
    if (!drops(name, isOwn ? (fields[name] as [string, unknown])[1] : fields[name])) continue;
    if (!isOwn && kept === fields) kept = { ...fields };
    Reflect.deleteProperty(kept, name);
  }
  return kept;
}

/** What says something of the response, and not only of the connection. `name` in lower case. */
function stays(name: string, value: unknown, { statusCode }: ServerResponse, http11: boolean): boolean {
  switch (name) {
    case 'connection':
      return /\bclose\b/i.test(String(value)) || (statusCode === 426 && /\bupgrade\b/i.test(String(value)));
    case 'transfer-encoding':
      return http11 && /^chunked$/i.test(String(value));
    case 'trailer':
      return http11;
    case 'upgrade':
      return statusCode === 426;
    default:
      return name === 'proxy-authenticate';
  }
}

function symbolOf(name: string): symbol {
  return Object.getOwnPropertySymbols(blank).find(({ description }) => description === name) ?? Symbol(name);
}

/**
 * Response → bytes: the head, and the framing of the body.
 *
 * Law: pure; the caller passes the date. Strings are Latin-1, one code unit a byte. A worker encodes the responses of the
 * application, and the acceptor encodes its own.
 */
import { STATUS_CODES } from 'node:http';

/** How a client knows the end of a response (RFC 9112 §6.3). NONE: the response has no body. */
export const Framing = { NONE: 0, LENGTH: 1, CHUNKED: 2, CLOSE: 3 } as const;

export const LAST_CHUNK = '0\r\n\r\n';

const STATUS_LINES: string[] = Array.from(
  { length: 600 },
  (_, status) => `HTTP/1.1 ${status} ${STATUS_CODES[status] ?? ''}\r\n`,
);

export interface ResponseHead {
  readonly status: number;
  readonly headers: [name: string, value: string][];
  readonly framing: number;
  /** Bytes of the body. −1: the length is not known. */
  readonly length: number;
  readonly http11: boolean;
  /** Whether the connection stays open. With Framing.CLOSE it does not: the caller closes it after the body. */
  readonly keepAlive: boolean;
  /** The value of Date if `headers` has none. */
  readonly date: string;
}

/** An HTTP/1.0 peer cannot read chunked bodies: there the end of the connection ends the body. */
export function chooseFraming(status: number, length: number, http11: boolean, headRequest: boolean): number {
  if (headRequest || status === 204 || status === 304) return Framing.NONE;
  if (length >= 0) return Framing.LENGTH;
  return http11 ? Framing.CHUNKED : Framing.CLOSE;
}

/** The status line with its line end. The reason is empty if the status has no name. */
export function statusLine(status: number): string {
  return STATUS_LINES[status]!;
}

/** The head from the status line to the empty line. The application's fields keep their order and their case. */
export function encodeHead(head: ResponseHead): string {
  const { status, headers, framing, length } = head;
  let text = statusLine(status);
  let hasLength = false;
  let hasDate = false;
  for (let i = 0; i < headers.length; i++) {
    const field = headers[i]!;
    const name = field[0];
    if (name.length === 14 && name.toLowerCase() === 'content-length') {
      hasLength = true;
      if (status === 204) continue;
    } else if (name.length === 4 && name.toLowerCase() === 'date') hasDate = true;
    text += `${name}: ${field[1]}\r\n`;
  }
  // A response to HEAD has the length of the GET response. A 204 has no length. A 304 would need the length of the 200.
  if (!hasLength && length >= 0 && status !== 204 && status !== 304) {
    text += `content-length: ${length}\r\n`;
  }
  if (framing === Framing.CHUNKED) text += 'transfer-encoding: chunked\r\n';
  if (!hasDate) text += `date: ${head.date}\r\n`;
  if (!head.keepAlive || framing === Framing.CLOSE) text += 'connection: close\r\n';
  else if (!head.http11) text += 'connection: keep-alive\r\n';
  return `${text}\r\n`;
}

export function encodeChunkPrefix(bytes: number): string {
  return `${bytes.toString(16)}\r\n`;
}

export interface Refusal {
  readonly close: boolean;
  readonly date: string;
  /** ASCII. Empty: the body has only the status. */
  readonly detail?: string;
  /** Seconds. */
  readonly retryAfter?: number | undefined;
}

/** A complete response of the server itself, as plain text. */
export function encodeRefusal(status: number, { detail = '', ...refusal }: Refusal): string {
  const body = `${status} ${STATUS_CODES[status] ?? ''}${detail === '' ? '' : `: ${detail}`}\n`;
  const headers: [string, string][] = [['content-type', 'text/plain; charset=utf-8']];
  if (refusal.retryAfter !== undefined) headers.push(['retry-after', String(refusal.retryAfter)]);
  const head = encodeHead({
    status,
    headers,
    framing: Framing.LENGTH,
    length: body.length,
    http11: true,
    keepAlive: !refusal.close,
    date: refusal.date,
  });
  return head + body;
}

/**
 * Response → bytes: the head, and how the body's end is known.
 *
 * Law: pure, save for what it keeps of the last head; the date is given. Strings here are Latin-1, one code unit a byte. Runs in the worker for applications'
 * answers and in the acceptor for its own.
 */
import { STATUS_CODES } from 'node:http';

/** How a response's end is known (RFC 9112 §6.3). NONE: no body is sent. */
export const Framing = { NONE: 0, LENGTH: 1, CHUNKED: 2, CLOSE: 3 } as const;

export const LAST_CHUNK = '0\r\n\r\n';

const STATUS_LINES: string[] = Array.from(
  { length: 600 },
  (_, status) => `HTTP/1.1 ${status} ${STATUS_CODES[status] ?? ''}\r\n`,
);

type Fields = readonly (readonly [name: string, value: string])[];

export interface ResponseHead {
  readonly status: number;
  /** Kept until the next: never changed by whoever gives it. */
  readonly headers: Fields;
  readonly framing: number;
  /** Bytes of the body, −1 when not known. */
  readonly length: number;
  readonly http11: boolean;
  /** Whether the connection goes on. Framing.CLOSE ends it all the same: whoever asked for it must close. */
  readonly keepAlive: boolean;
  /** The value of Date, unless the application gives one. */
  readonly date: string;
}

/** Chunked is never sent to an HTTP/1.0 peer: there the connection's end is the body's. */
export function chooseFraming(status: number, length: number, http11: boolean, headRequest: boolean): number {
  if (headRequest || status === 204 || status === 304) return Framing.NONE;
  if (length >= 0) return Framing.LENGTH;
  return http11 ? Framing.CHUNKED : Framing.CLOSE;
}

/** With its end; a status without a name has an empty reason. */
export function statusLine(status: number): string {
  return STATUS_LINES[status]!;
}

/** Status line and fields of the last head: many answers of an application have the same, and differ in their length. */
const last = { status: 0, headers: [] as Fields, text: '', hasLength: false, hasDate: false };

/** The line of the last date. */
const dated = { date: '', line: '' };

/** Status line to empty line. The application's fields stand as it gave them. */
export function encodeHead(head: ResponseHead): string {
  const { status, headers, framing, length } = head;
  if (status !== last.status || !areEqual(headers, last.headers)) encodeFields(status, headers);
  let { text } = last;
  // A HEAD answer says the length of what GET would send; 204 has none, and 304's would be another's.
  if (!last.hasLength && length >= 0 && status !== 204 && status !== 304) {
    text += `content-length: ${length}\r\n`;
  }
  if (framing === Framing.CHUNKED) text += 'transfer-encoding: chunked\r\n';
  if (!last.hasDate) text += dateLine(head.date);
  if (!head.keepAlive || framing === Framing.CLOSE) text += 'connection: close\r\n';
  else if (!head.http11) text += 'connection: keep-alive\r\n';
  return `${text}\r\n`;
}

function encodeFields(status: number, headers: Fields): void {
  last.status = status;
  last.headers = headers;
  last.text = statusLine(status);
  last.hasLength = false;
  last.hasDate = false;
  for (const [name, value] of headers) {
    if (name.length === 14 && name.toLowerCase() === 'content-length') {
      last.hasLength = true;
      if (status === 204) continue;
    } else if (name.length === 4 && name.toLowerCase() === 'date') last.hasDate = true;
    last.text += `${name}: ${value}\r\n`;
  }
}

function areEqual(some: Fields, others: Fields): boolean {
  if (some.length !== others.length) return false;
  for (let i = 0; i < some.length; i++) {
    const one = some[i]!;
    const other = others[i]!;
    if (one[0] !== other[0] || one[1] !== other[1]) return false;
  }
  return true;
}

function dateLine(date: string): string {
  if (date !== dated.date) {
    dated.date = date;
    dated.line = `date: ${date}\r\n`;
  }
  return dated.line;
}

export function encodeChunkPrefix(bytes: number): string {
  return `${bytes.toString(16)}\r\n`;
}

export interface Refusal {
  readonly close: boolean;
  readonly date: string;
  /** ASCII; '' is none. */
  readonly detail?: string;
  /** Seconds. */
  readonly retryAfter?: number | undefined;
}

/** A complete answer of the server's own, as plain text. */
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

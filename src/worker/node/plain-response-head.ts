/**
 * The head of an answer that needs nothing of Node's `ServerResponse`, which is slower.
 *
 * Law: says of every other answer that it is none, and never bends one: what Node refuses, changes or closes the
 * connection for is Node's to do, and is decided in one place. What is left is written as Node writes it.
 */
import { STATUS_CODES } from 'node:http';
import { statusLine } from '../../http/encoder.ts';
import { isHopByHop } from '../../tsgi/hop-by-hop.ts';
import type { Prepared } from '../fetch/body-fields.ts';

/** What a field's name says of it. */
const Field = { ANY: 0, LENGTH: 1, SPECIAL: 2 } as const;

/** A token (RFC 9110 §5.6.2). */
const TOKEN = /^[\w!#$%&'*+.^`|~-]+$/;
/** What no value has (RFC 9110 §5.5): Node rejects it. */
const UNUSUAL = /[^\t\u0020-\u007E\u0080-\u00FF]/;

/** Names in any case of letters; an application has few, and one that makes up new ones does not fill the memory. */
const known = new Map<string, number>();
const MOST_KNOWN = 512;

export interface PlainContext {
  /** Bytes of the body; −1: it is not sent, and its length is what the fields say. */
  readonly length: number;
  readonly http11: boolean;
  readonly keepAlive: boolean;
  readonly date: string;
}

/** Status line to empty line, Latin-1; null when Node's response must be asked. */
export function plainHead(
  answer: Prepared,
  { length, http11, keepAlive, date }: PlainContext,
): string | null {
  const { status, statusText, headers } = answer;
  // 205 says by its length that it has no body, and who forgets that is Node's concern.
  if (statusText || status === 205 || STATUS_CODES[status] === undefined) return null;
  let said = false;
  let text = statusLine(status);
  for (let i = 0; i < headers.length; i += 2) {
    const name = headers[i] as string;
    const value = headers[i + 1] as string;
    const field = fieldOf(name);
    if (field === Field.SPECIAL || UNUSUAL.test(value)) return null;
    if (field === Field.LENGTH) {
      if (status === 204 || status === 304) return null;
      if (length !== -1 && value !== String(length)) return null;
      said = true;
    }
    text += `${name}: ${value}\r\n`;
  }
  // Node would send it in chunks, or end a connection of HTTP/1.0 behind it.
  if (!said && (length > 0 || !http11)) return null;
  return `${text}Date: ${date}\r\nConnection: ${keepAlive ? 'keep-alive' : 'close'}\r\n\r\n`;
}

function fieldOf(name: string): number {
  const field = known.get(name);
  if (field !== undefined) return field;
  const found = look(name);
  if (known.size < MOST_KNOWN) known.set(name, found);
  return found;
}

function look(name: string): number {
  const lower = name.toLowerCase();
  if (lower === 'content-length') return Field.LENGTH;
  return lower === 'date' || isHopByHop(name) || !TOKEN.test(name) ? Field.SPECIAL : Field.ANY;
}

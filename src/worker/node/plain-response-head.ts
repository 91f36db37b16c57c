/**
 * Builds the head of an answer that does not need Node's `ServerResponse`, which is slower.
 *
 * Law: returns null for every other answer, and never changes one. If Node would reject or change an answer, or close its
 * connection, Node's code does so: that decision has one place. All other heads are the same text that Node writes.
 */
import { STATUS_CODES } from 'node:http';
import { statusLine } from '../../http/encoder.ts';
import { isHopByHop } from '../../tsgi/hop-by-hop.ts';
import type { Prepared } from '../fetch/body-fields.ts';

/** Kinds of fields by their name. */
const Field = { ANY: 0, LENGTH: 1, SPECIAL: 2 } as const;

/** A token (RFC 9110 §5.6.2). */
const TOKEN = /^[\w!#$%&'*+.^`|~-]+$/;
/** A character that no value may have (RFC 9110 §5.5): Node rejects it. */
const UNUSUAL = /[^\t\u0020-\u007E\u0080-\u00FF]/;

/**
 * Kinds by name, in any case of letters. An application has few names. `MOST_KNOWN` bounds the memory if it makes up new ones.
 */
const known = new Map<string, number>();
const MOST_KNOWN = 512;

export interface PlainContext {
  /** Bytes of the body; −1 if the body is not sent, and the fields give its length. */
  readonly length: number;
  readonly http11: boolean;
  readonly keepAlive: boolean;
  readonly date: string;
}

/** Returns the head, status line to empty line, in Latin-1. Returns null if Node's response must decide. */
export function plainHead(
  answer: Prepared,
  { length, http11, keepAlive, date }: PlainContext,
): string | null {
  const { status, statusText, headers } = answer;
  // The length of a 205 must announce that it has no body. Node handles an application that forgets this.
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
  // Node would send the body in chunks, or end an HTTP/1.0 connection after it.
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

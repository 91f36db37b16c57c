/**
 * The rules of startResponse and of chunks, checked at the call, so that the error is thrown in the application.
 *
 * Law: checks values, and keeps no state except a bounded memory of names that have passed.
 */
import { show, TsgiRuleError } from './rule-errors.ts';
import { isHopByHop } from './hop-by-hop.ts';
import type { BodyChunk, HeaderList } from './types.ts';

const TOKEN = /^[!#$%&'*+\-.^_`|~0-9A-Za-z]+$/;
const BAD_VALUE = /[^\t\x20-\x7e\x80-\xff]/;
const DIGITS = /^\d{1,15}$/;

/**
 * Kinds of names. A name is checked once and then remembered. The memory is bounded, because an application may make up names.
 */
const FieldKind = { PLAIN: 1, CONTENT_LENGTH: 2 } as const;
const KNOWN: Map<string, number> = new Map();
const MOST_KNOWN = 500;
const CONTENT_LENGTH_CHARACTERS = 'content-length'.length;

function judgeName(name: unknown): number {
  if (typeof name !== 'string' || !TOKEN.test(name)) {
    throw new TsgiRuleError('A5', `A header name must be a token: ${show(name)}`);
  }
  const lower = name.toLowerCase();
  if (isHopByHop(lower)) {
    throw new TsgiRuleError('A7', `A header must not be hop-by-hop, the connection is the server's: ${name}`);
  }
  if (lower === 'status')
    throw new TsgiRuleError('A5', 'A header must not be named Status: pass the status to startResponse');
  const kind = lower === 'content-length' ? FieldKind.CONTENT_LENGTH : FieldKind.PLAIN;
  if (KNOWN.size < MOST_KNOWN) KNOWN.set(name, kind);
  return kind;
}

export function checkStatus(status: unknown): void {
  if (Number.isInteger(status) && (status as number) >= 200 && (status as number) <= 599) return;
  throw new TsgiRuleError('A3', `The status must be an integer from 200 to 599: ${show(status)}`);
}

/** Checks and copies the list. */
export function copyHeaders(headers: unknown): HeaderList {
  if (!Array.isArray(headers)) {
    throw new TsgiRuleError('A4', `The headers must be an array of [name, value] pairs: ${show(headers)}`);
  }
  const copy: HeaderList = new Array(headers.length);
  for (let i = 0; i < headers.length; i++) copy[i] = checkField(headers[i]);
  return copy;
}

function checkField(field: unknown): [string, string] {
  if (!Array.isArray(field) || field.length !== 2) {
    throw new TsgiRuleError('A4', `A header must be a [name, value] pair: ${show(field)}`);
  }
  const [name, value] = field as [string, string];
  if (KNOWN.get(name) === undefined) judgeName(name);
  if (typeof value !== 'string' || BAD_VALUE.test(value)) {
    throw new TsgiRuleError(
      'A6',
      `The value of header ${name} must be a Latin-1 string without CR, LF and NUL: ${show(value)}`,
    );
  }
  return [name, value];
}

/** The Content-Length in checked headers; −1 without one. */
export function lengthOf(headers: HeaderList): number {
  let length = -1;
  for (let i = 0; i < headers.length; i++) {
    const [name, value] = headers[i]!;
    if (name.length !== CONTENT_LENGTH_CHARACTERS) continue;
    if ((KNOWN.get(name) ?? judgeName(name)) !== FieldKind.CONTENT_LENGTH) continue;
    if (length !== -1) throw new TsgiRuleError('A13', 'Content-Length must occur once');
    if (!DIGITS.test(value))
      throw new TsgiRuleError('A13', `Content-Length must be a number of bytes: ${show(value)}`);
    length = Number(value);
  }
  return length;
}

export function isChunk(value: unknown): value is BodyChunk {
  return typeof value === 'string' || value instanceof Uint8Array;
}

export function checkChunk(chunk: unknown): asserts chunk is BodyChunk {
  if (isChunk(chunk)) return;
  const hint = chunk instanceof Promise ? ' (await it first)' : '';
  throw new TsgiRuleError('A12', `A chunk must be a string or a Uint8Array${hint}: ${show(chunk)}`);
}

export function bodyError(body: unknown): TsgiRuleError {
  const hint = typeof body === 'function' ? ' (is the export a factory? name it as file:name())' : '';
  return new TsgiRuleError(
    'A11',
    `The application must return a string, a Uint8Array or an iterable of those${hint}: ${show(body)}`,
  );
}

export function isThenable(value: unknown): value is PromiseLike<unknown> {
  return (
    typeof value === 'object' && value !== null && typeof (value as { then?: unknown }).then === 'function'
  );
}

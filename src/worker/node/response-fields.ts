/**
 * The fields of a response that the server controls: fields about the connection, and fields that frame the body.
 *
 * Law: accepts fields in each form that Node's `_storeHeader` takes, and returns them in the same form. Whatever an application
 * sets, a client must find the body's end in one way only (RFC 9112 §6): in chunks, or by one valid Content-Length. It drops a
 * Content-Length that is not a number, and several that differ. Node then frames the body as if there was none.
 */
import type { ServerResponse } from 'node:http';
import { isHopByHop } from '../../tsgi/hop-by-hop.ts';

export type Fields = Record<string, unknown> | readonly unknown[] | null | undefined;

const LENGTH = 'content-length';
const DIGITS = /^[\t ]*\d{1,15}[\t ]*$/;

/** The framing that the current fields announce. One object is enough: responses are made one after the other. */
const said = { chunked: 0, lengths: 0, length: '', isValid: true };

interface Context {
  readonly status: number;
  readonly http11: boolean;
}

/** Returns `fields` itself if it drops nothing. `own`: the object in which `setHeader` keeps its fields. */
export function endToEnd(
  { statusCode }: ServerResponse,
  fields: Fields,
  http11: boolean,
  own: unknown,
): Fields {
  if (fields === null || fields === undefined) return fields;
  const context = { status: statusCode, http11 };
  if (!Array.isArray(fields)) return ofObject(fields as Record<string, unknown>, fields === own, context);
  const isPairs = Array.isArray(fields[0]);
  const flat = (isPairs ? fields.flat() : fields) as readonly unknown[];
  begin();
  let isClean = true;
  for (let i = 0; i < flat.length; i += 2) isClean = look(flat[i], flat[i + 1], context) && isClean;
  if (isClean && isFramedOnce(context)) return fields;
  const kept: unknown[] = [];
  for (let i = 0; i < flat.length; i += 2)
    if (stays(flat[i], flat[i + 1], context)) kept.push(flat[i], flat[i + 1]);
  if (flat.length % 2 === 1) kept.push(flat.at(-1));
  const length = lengthToSend(context);
  if (length !== undefined) kept.push('Content-Length', length);
  if (isChunked(context)) kept.push('Transfer-Encoding', 'chunked');
  return kept;
}

/** Changes the fields of `setHeader` in place, because Node compares their identity. Copies any other object. */
function ofObject(fields: Record<string, unknown>, isOwn: boolean, context: Context): Fields {
  const valueOf = (name: string) => (isOwn ? (fields[name] as [string, unknown])[1] : fields[name]);
  begin();
  let isClean = true;
  for (const name of Object.keys(fields)) isClean = look(name, valueOf(name), context) && isClean;
  if (isClean && isFramedOnce(context)) return fields;
  const kept = isOwn ? fields : { ...fields };
  for (const name of Object.keys(fields))
    if (!stays(name, valueOf(name), context)) Reflect.deleteProperty(kept, name);
  const length = lengthToSend(context);
  const field = (name: string, value: string) => (isOwn ? [name, value] : value);
  if (length !== undefined) kept[LENGTH] = field('Content-Length', length);
  if (isChunked(context)) kept['transfer-encoding'] = field('Transfer-Encoding', 'chunked');
  return kept;
}

function begin(): void {
  said.chunked = 0;
  said.lengths = 0;
  said.length = '';
  said.isValid = true;
}

/** Returns false if a field must be dropped or replaced. */
function look(name: unknown, value: unknown, context: Context): boolean {
  if (typeof name !== 'string') return true;
  if (name.length === LENGTH.length && name.toLowerCase() === LENGTH) return lookAtLength(value);
  if (!isHopByHop(name)) return true;
  if (!isEndToEnd(name.toLowerCase(), value, context)) return false;
  if (name.toLowerCase() !== 'transfer-encoding') return true;
  said.chunked += 1;
  return said.chunked === 1;
}

/** Node throws an error for an undefined value. */
function lookAtLength(value: unknown): boolean {
  if (value === undefined) return true;
  const isList = Array.isArray(value);
  for (const one of isList ? value : [value]) {
    const text = String(one);
    if (!DIGITS.test(text) || (said.lengths > 0 && text !== said.length)) said.isValid = false;
    said.lengths += 1;
    said.length = text;
  }
  return !isList;
}

/** RFC 9112 §6.1, RFC 9110 §8.6. */
function isFramedOnce(context: Context): boolean {
  if (said.lengths === 0) return true;
  return said.lengths === 1 && said.isValid && said.chunked === 0 && context.status !== 204;
}

/** Returns false for every field that is replaced. */
function stays(name: unknown, value: unknown, context: Context): boolean {
  if (typeof name !== 'string') return true;
  const lower = name.toLowerCase();
  if (lower === LENGTH) return value === undefined;
  if (lower === 'transfer-encoding') return false;
  return !isHopByHop(lower) || isEndToEnd(lower, value, context);
}

function lengthToSend({ status }: Context): string | undefined {
  const hasOne = said.lengths > 0 && said.isValid && said.chunked === 0 && status !== 204;
  return hasOne ? said.length : undefined;
}

function isChunked(context: Context): boolean {
  return said.chunked > 0 && isEndToEnd('transfer-encoding', 'chunked', context);
}

/** True for a field that concerns the response, and not only the connection. `name` is in lower case. */
function isEndToEnd(name: string, value: unknown, { status, http11 }: Context): boolean {
  switch (name) {
    case 'connection':
      return /\bclose\b/i.test(String(value)) || (status === 426 && /\bupgrade\b/i.test(String(value)));
    case 'transfer-encoding':
      // With 304 Node ends the connection.
      return http11 && status !== 204 && /^chunked$/i.test(String(value));
    case 'trailer':
      return http11;
    case 'upgrade':
      return status === 426;
    default:
      return name === 'proxy-authenticate';
  }
}

/**
 * Finds the key of `--affinity` in the target, the fields and the peer of a request, and in the head of a response.
 *
 * Law: pure. Clients and applications choose the text, so every function reads each character a fixed number of times. No
 * regular expression reads such text. The acceptor reads requests. A worker reads its own responses.
 */
import { createHash } from 'node:crypto';

export type AffinityPlace =
  | { readonly kind: 'query' | 'cookie' | 'header'; readonly name: string }
  /** A segment of the path. 1 is the first segment. */
  | { readonly kind: 'path'; readonly segment: number }
  /** The client's address. */
  | { readonly kind: 'address' };

/** Characters. The hash of a longer key replaces it, so that stored keys have a bounded size. */
const LONGEST_KEY = 64;

/** @param option `query:NAME`, `cookie:NAME`, `header:NAME`, `path:N` or `address`, as the options table checks it */
export function placeOf(option: string): AffinityPlace {
  const [kind, name = ''] = option.split(':');
  if (kind === 'address') return { kind };
  if (kind === 'path') return { kind, segment: Number(name) };
  const field = kind === 'header' ? name.toLowerCase() : name;
  return { kind: kind as 'query' | 'cookie' | 'header', name: field };
}

/**
 * The key for comparison and storage: at most 65 characters. Undefined for an empty key. The result is a copy, because a
 * slice would keep the larger string alive.
 */
export function shortKey(key: string | undefined): string | undefined {
  if (key === undefined || key === '') return undefined;
  if (key.length > LONGEST_KEY) return `#${createHash('sha256').update(key, 'latin1').digest('hex')}`;
  return Buffer.from(key, 'latin1').toString('latin1');
}

/** The undecoded value of the first query parameter with this name. */
export function parameterOf(target: string, name: string): string | undefined {
  const start = target.indexOf('?');
  return start === -1 ? undefined : valueIn(target, start + 1, '&', name);
}

/** The value of the first cookie with this name in a Cookie field. */
export function cookieOf(field: string | undefined, name: string): string | undefined {
  return field === undefined ? undefined : valueIn(field, 0, ';', name);
}

/** A segment of the target's path. 1 is the first segment. The target may be absolute (`http://host/path`). */
export function segmentOf(target: string, segment: number): string | undefined {
  const end = endOf(target, '?', 0, target.length);
  let at = pathStart(target);
  for (let left = segment; at !== -1 && at < end; left--) {
    const next = endOf(target, '/', at + 1, end);
    if (left === 1) return target.slice(at + 1, next);
    at = next;
  }
  return undefined;
}

/** The address of a client. An IPv4 client has the same key on an IPv4 socket and on an IPv6 socket. */
export function addressKey(address: string): string {
  return address.startsWith('::ffff:') && address.includes('.') ? address.slice(7) : address;
}

/**
 * The key that a response sets for its client. Undefined if the response sets no key, or if its status is not 2xx or 3xx.
 * If a head sets several keys, the last one counts, as in a browser.
 *
 * @param head status line to empty line
 */
export function keyGivenBy(place: AffinityPlace, status: number, head: string): string | undefined {
  if (status < 200 || status > 399) return undefined;
  if (place.kind === 'header') return shortKey(lastField(head, place.name));
  if (place.kind === 'cookie') return shortKey(cookieSetBy(head, place.name));
  return undefined;
}

/** Whether a request may open an Engine.IO session by long-polling. The response body then contains the session's name. */
export function mayOpenSession(method: string, target: string, name: string): boolean {
  return method === 'GET' && parameterOf(target, name) === undefined;
}

/** Whether a request belongs to Engine.IO long-polling. */
export function isPolling(target: string): boolean {
  if (!target.includes('transport=polling')) return false;
  const version = parameterOf(target, 'EIO')?.charCodeAt(0) ?? 0;
  return isDigit(version) && parameterOf(target, 'transport') === 'polling';
}

/** Characters of a body that may contain the handshake, and characters of the longest session name. */
const HANDSHAKE = 512;
const LONGEST_SESSION = 256;

/**
 * The session in the OPEN packet of Engine.IO: `0{"sid":"…"`. Protocol 3 puts the length of the packet before it. JSONP wraps
 * the packet in a call. Undefined if the body does not begin with such a packet.
 */
export function sessionOpenedBy(body: string, name: string): string | undefined {
  let text = body.slice(0, HANDSHAKE);
  if (text.startsWith('___eio[')) text = text.slice(text.indexOf('("') + 2).replaceAll('\\"', '"');
  const start = startOfPacket(text);
  const opening = `0{"${name}":"`;
  if (!text.startsWith(opening, start)) return undefined;
  const from = start + opening.length;
  const to = text.indexOf('"', from);
  if (to === -1 || to - from > LONGEST_SESSION) return undefined;
  const session = text.slice(from, to);
  return session.includes('\\') ? undefined : shortKey(session);
}

/** The index after a leading `digits:`, otherwise 0. */
function startOfPacket(text: string): number {
  let at = 0;
  while (isDigit(text.charCodeAt(at))) at += 1;
  return at > 0 && text[at] === ':' ? at + 1 : 0;
}

function isDigit(code: number): boolean {
  return code >= 48 && code <= 57;
}

function pathStart(target: string): number {
  if (target.startsWith('/')) return 0;
  const scheme = target.indexOf('://');
  return scheme === -1 ? -1 : target.indexOf('/', scheme + 3);
}

/** The value of the first `name=value` pair with this name in a list. */
function valueIn(text: string, start: number, separator: string, name: string): string | undefined {
  for (let at = start; at < text.length;) {
    const end = endOf(text, separator, at, text.length);
    while (isBlank(text.charCodeAt(at))) at += 1;
    if (text.startsWith(name, at) && text[at + name.length] === '=')
      return text.slice(at + name.length + 1, end);
    at = end + 1;
  }
  return undefined;
}

function endOf(text: string, mark: string, from: number, end: number): number {
  const found = text.indexOf(mark, from);
  return found === -1 || found > end ? end : found;
}

/** The value of the last field with this name in a head. `name` is in lower case. */
export function lastField(head: string, name: string): string | undefined {
  let value: string | undefined;
  forEachField(head, name, (from, to) => {
    value = trimmed(head, from, to);
  });
  return value;
}

/** The last value that a head sets for a cookie. */
export function cookieSetBy(head: string, name: string): string | undefined {
  let value: string | undefined;
  forEachCookie(head, (found, given) => {
    if (found === name) value = given;
  });
  return value;
}

/** Calls `callback` with the name, the value and the whole field of each cookie that a head sets. */
export function forEachCookie(
  head: string,
  callback: (name: string, value: string, field: string) => void,
): void {
  forEachField(head, 'set-cookie', (from, to) => {
    const end = endOf(head, ';', from, to);
    const equals = head.indexOf('=', from);
    if (equals === -1 || equals > end) return;
    callback(trimmed(head, from, equals), trimmed(head, equals + 1, end), head.slice(from, to));
  });
}

/** Calls `callback` with the start and the end of the value of each field with this name. */
function forEachField(head: string, name: string, callback: (from: number, to: number) => void): void {
  for (let at = head.indexOf('\r\n') + 2; at > 1;) {
    const end = head.indexOf('\r\n', at);
    if (end <= at) return;
    const colon = at + name.length;
    if (head.charCodeAt(colon) === 58 && head.slice(at, colon).toLowerCase() === name)
      callback(colon + 1, end);
    at = end + 2;
  }
}

function trimmed(text: string, from: number, to: number): string {
  while (from < to && isBlank(text.charCodeAt(from))) from += 1;
  while (to > from && isBlank(text.charCodeAt(to - 1))) to -= 1;
  return text.slice(from, to);
}

function isBlank(code: number): boolean {
  return code === 32 || code === 9;
}

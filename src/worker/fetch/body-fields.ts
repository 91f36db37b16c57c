/**
 * The fields of a fetch handler's answer that describe its body: decides which of them fit the body that is sent.
 *
 * Law: pure. A body of known length is sent with that length, whatever the handler set.
 *
 * Handlers pass on the fields of an upstream's answer, whose body `fetch` has decoded. Its Transfer-Encoding, Trailer,
 * Content-Length and Content-Encoding describe bytes that do not exist any more. This file decides as much as can be known:
 *
 * - Text is never compressed.
 * - gzip and zstd begin with known bytes.
 * - A length that differs from the body's shows that the fields belong to another body.
 * - For brotli and deflate from another source nothing can be known, and their Content-Encoding stays.
 */
import type { NodeResponse } from 'srvx/node';

type SrvxPrepared = ReturnType<NodeResponse['_toNodeResponse']>;

/** The source of an answer's fields. */
export const Origin = {
  HANDLER: 0,
  /** The answer of an upstream, through `fetch`. The body may be another one. */
  FETCHED: 1,
  /** The answer of an upstream with its body, which `fetch` has decoded. */
  DECODED: 2,
} as const;

/** An answer that is ready to be sent. Its headers alternate names and values. */
export interface Prepared extends SrvxPrepared {
  /** Bytes of the body; −1 if unknown. */
  length: number;
  /** One of `Origin`. */
  origin: number;
  /** First bytes of a body that fits its Content-Encoding; null if the body need not be checked. */
  magic: Uint8Array | null;
}

const DIGITS = /^\d{1,15}$/;
/** Codings that `fetch` decodes. */
const DECODES = new Set(['gzip', 'x-gzip', 'deflate', 'br', 'zstd']);
const GZIP = new Uint8Array([0x1f, 0x8b]);
const ZSTD = new Uint8Array([0x28, 0xb5, 0x2f, 0xfd]);
const MAGIC: Readonly<Record<string, Uint8Array | undefined>> = { gzip: GZIP, 'x-gzip': GZIP, zstd: ZSTD };

/** The values of an answer's fields. */
interface Said {
  lengths: number;
  length: string;
  /** Codings, in the order in which they were applied. */
  codings: string;
  /** True with Transfer-Encoding or Trailer: they belong to another message. */
  framesAnother: boolean;
}

/** True for a stream of the web or of a framework. */
export function isStream(body: unknown): body is ReadableStream<Uint8Array> {
  return typeof (body as ReadableStream | null | undefined)?.getReader === 'function';
}

/** Makes an answer's fields fit its body. Also sets its `length` and `magic`. */
export function fitFields(answer: Prepared, isHead: boolean): void {
  const { origin } = answer;
  const said = sayingOf(answer.headers);
  answer.length = lengthOf(answer.body);
  answer.magic = null;
  const keepsCoding = said.codings === '' || codingFits(answer, said, origin);
  const length = lengthToSend(answer, said, { isHead, keepsCoding });
  const isRight = said.lengths === 1 ? said.length === length : length === undefined && said.lengths === 0;
  if (said.framesAnother || !keepsCoding || (!isRight && said.lengths > 0)) {
    answer.headers = without(answer.headers, { coding: !keepsCoding, length: !isRight });
  }
  if (!isRight && length !== undefined) answer.headers.push('content-length', length);
}

/** Called when a stream's first bytes are known: drops a Content-Encoding that does not fit them. */
export function fitCoding(answer: Prepared, begin: Uint8Array): void {
  if (answer.magic === null || begins(begin, answer.magic)) return;
  answer.headers = without(answer.headers, { coding: true, length: false });
}

function sayingOf(headers: SrvxPrepared['headers']): Said {
  const said: Said = { lengths: 0, length: '', codings: '', framesAnother: false };
  for (let i = 0; i < headers.length; i += 2) {
    const value = String(headers[i + 1]);
    headers[i + 1] = value;
    switch (bodyKindOf(headers[i] as string)) {
      case 'content-length':
        said.length = said.lengths === 0 || said.length === value ? value : 'several';
        said.lengths += 1;
        break;
      case 'content-encoding':
        said.codings += said.codings === '' ? value : `, ${value}`;
        break;
      case 'transfer-encoding':
      case 'trailer':
        said.framesAnother = true;
    }
  }
  if (said.codings !== '' && /^\s*(?:identity\s*)?$/i.test(said.codings)) said.codings = '';
  return said;
}

/** Returns the name in lower case if it may be one of the four fields, otherwise ''. */
function bodyKindOf(name: string): string {
  switch (name.length) {
    case 7:
    case 14:
    case 16:
    case 17:
      return name.toLowerCase();
    default:
      return '';
  }
}

function lengthOf(body: unknown): number {
  if (typeof body === 'string') return Buffer.byteLength(body);
  if (body instanceof Uint8Array) return body.byteLength;
  return body === undefined || body === null ? 0 : -1;
}

interface Sending {
  readonly isHead: boolean;
  readonly keepsCoding: boolean;
}

/** RFC 9110 §8.6: an empty answer to HEAD does not announce the length of the answer to GET. 204 has no length. */
function lengthToSend(answer: Prepared, said: Said, { isHead, keepsCoding }: Sending): string | undefined {
  const { status, length, headers } = answer;
  if (status === 204) return undefined;
  if (status === 205) return '0';
  const given = keepsCoding && said.lengths > 0 && DIGITS.test(said.length) ? said.length : undefined;
  if (status === 304) return given;
  if (length === -1) return said.codings === '' ? given : undefined;
  if (!isHead || length > 0) return String(length);
  // srvx adds the length of an empty body, after all other fields.
  const isAdded = answer.body !== undefined && answer.body !== null && headers.at(-2) === 'content-length';
  return isAdded && said.lengths === 1 && said.length === '0' ? undefined : given;
}

function codingFits(answer: Prepared, said: Said, origin: number): boolean {
  const { body, length } = answer;
  if (typeof body === 'string') return false;
  const codings = said.codings
    .toLowerCase()
    .split(',')
    .map((coding) => coding.trim());
  const isDecoded = origin !== Origin.HANDLER && codings.every((coding) => DECODES.has(coding));
  const magic = MAGIC[codings.at(-1)!] ?? null;
  if (body instanceof Uint8Array) {
    if (magic !== null) return begins(body, magic);
    return !isDecoded && (said.lengths === 0 || said.length === String(length));
  }
  if (length === 0 || magic === null) return !isDecoded;
  if (origin === Origin.DECODED) return !isDecoded;
  answer.magic = magic;
  return true;
}

function begins(bytes: Uint8Array, magic: Uint8Array): boolean {
  return magic.every((byte, index) => bytes[index] === byte);
}

function without(
  headers: SrvxPrepared['headers'],
  drops: { coding: boolean; length: boolean },
): typeof headers {
  const kept: typeof headers = [];
  for (let i = 0; i < headers.length; i += 2) {
    const kind = bodyKindOf(headers[i] as string);
    if (kind === 'transfer-encoding' || kind === 'trailer' || (kind === 'content-encoding' && drops.coding))
      continue;
    if (kind === 'content-length' && drops.length) continue;
    kept.push(headers[i]!, headers[i + 1]!);
  }
  return kept;
}

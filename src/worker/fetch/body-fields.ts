/**
 * The fields of a fetch handler's answer that describe its body: which of them fit the body that is sent.
 *
 * Law: pure. A body of known length is sent with that length, whatever the handler said. Handlers pass on the fields of
 * an upstream's answer, whose body `fetch` has decoded: its Transfer-Encoding, Trailer, Content-Length and
 * Content-Encoding belong to bytes that are gone. What can be known is decided here: text is never compressed; gzip and zstd begin with
 * bytes of their own; a length that is not the body's shows that the fields are another body's. Of brotli and deflate
 * from another source nothing can be known, and their Content-Encoding stays.
 */
import type { NodeResponse } from 'srvx/node';

type SrvxPrepared = ReturnType<NodeResponse['_toNodeResponse']>;

/** Where the fields of an answer come from. */
export const Origin = {
  HANDLER: 0,
  /** The answer of an upstream, by `fetch`; the body may be another one. */
  FETCHED: 1,
  /** The answer of an upstream with its body, which `fetch` has decoded. */
  DECODED: 2,
} as const;

/** An answer as it is to be sent; its headers are names and values in turns. */
export interface Prepared extends SrvxPrepared {
  /** Bytes of the body, −1 when that is not known. */
  length: number;
  /** One of `Origin`. */
  origin: number;
  /** Bytes with which the body begins if its Content-Encoding fits; null when that need not be looked at. */
  magic: Uint8Array | null;
}

const DIGITS = /^\d{1,15}$/;
/** What `fetch` decodes. */
const DECODES = new Set(['gzip', 'x-gzip', 'deflate', 'br', 'zstd']);
const GZIP = new Uint8Array([0x1f, 0x8b]);
const ZSTD = new Uint8Array([0x28, 0xb5, 0x2f, 0xfd]);
const MAGIC: Readonly<Record<string, Uint8Array | undefined>> = { gzip: GZIP, 'x-gzip': GZIP, zstd: ZSTD };

/** What the fields at hand say. */
interface Said {
  lengths: number;
  length: string;
  /** Codings, the last one applied last. */
  codings: string;
  /** Transfer-Encoding or Trailer: they belong to another message. */
  framesAnother: boolean;
}

/** The web's own stream, or a framework's. */
export function isStream(body: unknown): body is ReadableStream<Uint8Array> {
  return typeof (body as ReadableStream | null | undefined)?.getReader === 'function';
}

/** Makes an answer's fields those of its body; its `length` and `magic` are set as well. */
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

/** The coding of a stream's first bytes is known now: whether it stays. */
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

/** In lower case, of those that are looked at; '' is any other. */
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

/** RFC 9110 §8.6: an empty answer to HEAD does not say how long one to GET would be; 204 has no length. */
function lengthToSend(answer: Prepared, said: Said, { isHead, keepsCoding }: Sending): string | undefined {
  const { status, length, headers } = answer;
  if (status === 204) return undefined;
  if (status === 205) return '0';
  const given = keepsCoding && said.lengths > 0 && DIGITS.test(said.length) ? said.length : undefined;
  if (status === 304) return given;
  if (length === -1) return said.codings === '' ? given : undefined;
  if (!isHead || length > 0) return String(length);
  // srvx adds the length of an empty body, behind all other fields.
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

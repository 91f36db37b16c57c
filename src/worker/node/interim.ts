/**
 * Interim responses (1xx): which text is valid in one, and when Node's functions may write one.
 *
 * Law: checks text and arguments; writes nothing. Node before 26 writes the hints of `writeEarlyHints` without a check. A name
 * or value with a line end would split the response, even if the line end is only the low byte of another character.
 *
 * The functions are replaced in `ServerResponse` itself, because applications reach them through subclasses and through the
 * prototype. Responses of other servers in this thread keep Node's behavior.
 */
import { ServerResponse, validateHeaderName, validateHeaderValue } from 'node:http';
import { internals, isOurs } from './response.ts';

/** Bytes of the longest interim response. */
const LONGEST = 16 * 1024;

const BEGINS = /^HTTP\/1\.1 1\d\d /;
/** One whole interim response: its line and fields are Latin-1, without control characters. */
const WHOLE =
  /^HTTP\/1\.1 1\d\d [\t\x20-\x7e\x80-\xff]*\r\n(?:[\w!#$%&'*+.^`|~-]+:[\t\x20-\x7e\x80-\xff]*\r\n)*\r\n$/;
const END = '\r\n\r\n';

type Method = (this: ServerResponse, ...args: unknown[]) => unknown;

/** Replaces Node's functions that write interim responses. Called once in a thread. */
export function guardInterim(): void {
  const prototype = ServerResponse.prototype as unknown as Record<string, Method>;
  guard(prototype, 'writeContinue', (args) => args);
  guard(prototype, 'writeProcessing', (args) => args);
  guard(prototype, 'writeEarlyHints', ([hints, ...rest]) => [checkedHints(hints), ...rest]);
}

function guard(
  prototype: Record<string, Method>,
  name: string,
  checked: (args: unknown[]) => unknown[],
): void {
  const original = prototype[name]!;
  const guarded = {
    [name](this: ServerResponse, ...args: unknown[]): unknown {
      if (!isOurs(this)) return original.apply(this, args);
      if (internals(this)._headerSent) throw headIsSent(name);
      return original.apply(this, checked(args));
    },
  };
  prototype[name] = guarded[name]!;
}

/** Copies the hints, so that the checked values are the written ones: a getter may return another value the next time. */
function checkedHints(hints: unknown): unknown {
  // Node's own check rejects these.
  if (typeof hints !== 'object' || hints === null || Array.isArray(hints)) return hints;
  const copy: Record<string, unknown> = Object.create(null) as Record<string, unknown>;
  for (const [name, value] of Object.entries(hints)) {
    validateHeaderName(name);
    copy[name] = name === 'link' && Array.isArray(value) ? value.map(checkedLink) : checkedValue(name, value);
  }
  return copy;
}

/** Node rejects a link that is not a string. */
function checkedLink(link: unknown): unknown {
  if (typeof link === 'string') validateHeaderValue('link', link);
  return link;
}

function checkedValue(name: string, value: unknown): unknown {
  if (name === 'link' && typeof value !== 'string') return value;
  const text = String(value);
  validateHeaderValue(name, text);
  return text;
}

function headIsSent(name: string): Error {
  return Object.assign(
    new Error(`Cannot call ${name}: the head of the response has been sent. Call it before the head.`),
    { code: 'ERR_HTTP_HEADERS_SENT' },
  );
}

/** True if a write before the response's head begins an interim response. */
export function beginsInterim(data: Uint8Array | string): boolean {
  return BEGINS.test(typeof data === 'string' ? data : asLatin1(data.subarray(0, 13)));
}

/** Collects interim responses, which may arrive in several writes. */
export class InterimText {
  #text = '';

  /**
   * Returns the interim responses that are complete now, or none while the first one is not.
   *
   * @throws TypeError ERR_INVALID_CHAR if the text is not a sequence of interim responses. The caller must not send any of it.
   */
  add(data: Uint8Array | string): readonly string[] {
    let text = this.#text + (typeof data === 'string' ? data : asLatin1(data));
    this.#text = '';
    const whole: string[] = [];
    for (let end = text.indexOf(END); end !== -1; end = text.indexOf(END)) {
      const one = text.slice(0, end + END.length);
      if (!WHOLE.test(one)) throw malformed(one);
      whole.push(one);
      text = text.slice(one.length);
    }
    if (text !== '' && (!BEGINS.test(text) || text.length > LONGEST)) throw malformed(text);
    this.#text = text;
    return whole;
  }

  /** True if no incomplete interim response is left. */
  get isEmpty(): boolean {
    return this.#text === '';
  }
}

function asLatin1(bytes: Uint8Array): string {
  return Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength).toString('latin1');
}

function malformed(text: string): Error {
  const shown = JSON.stringify(text.length > 80 ? `${text.slice(0, 80)}…` : text);
  return Object.assign(
    new TypeError(
      `Cannot send the interim response ${shown}: its line and fields must be Latin-1 without control characters, and end with one empty line. Check the values that were put into it.`,
    ),
    { code: 'ERR_INVALID_CHAR' },
  );
}

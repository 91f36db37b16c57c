/**
 * Bytes → spans: llhttp, and the rules that the shim adds to it, behind plain numbers.
 *
 * Law: pure; no socket, no clock, and the caller passes the limits. The word numbers below are the context of
 * `native/shim.c`: change both together. One parser serves all connections of a thread, one message at a time. Between
 * two reads, a connection keeps the result of `save`.
 *
 * The memory after the context: body spans, header spans, space for an unfinished head, the read buffer. `restore` puts
 * an unfinished head directly before the read buffer. So the bytes of a head are contiguous, and no byte is parsed twice.
 */
import { Hosts } from './hosts.ts';
import { linkParser, REGION } from './wasm.ts';

/** The result of `feed`. */
export const Outcome = { MORE: 0, MESSAGE: 1, BODY_FULL: 2, ERROR: 3 } as const;

/** The shim adds this to an Outcome if a URL parser must check a host of the head. */
const UNUSUAL_HOST = 8;

/** Header fields that fit the span table. */
export const MOST_HEADERS = 2000;

/** Bytes of the largest read. */
export const READ_BUFFER_SIZE: number = 64 * 1024;

export interface ParserLimits {
  /** Bytes of method, target and version. Above the limit, `error` is 414. */
  readonly maxRequestLine: number;
  /** Bytes of all header fields. Above the limit, `error` is 431. */
  readonly maxHeaderSize: number;
  /** Number of header fields. Above the limit, `error` is 431. */
  readonly maxHeaders: number;
}

/** An unfinished message. Its connection keeps it between two reads. */
export interface SavedMessage {
  /** The context, and the header spans of an unfinished head: `stateLength` bytes. */
  state: Uint8Array;
  stateLength: number;
  /** The first `headLength` bytes are the unfinished head. `headLength` is 0 once the head is complete. */
  head: Uint8Array;
  headLength: number;
}

const CONSUMED = 0;
const FLAGS = 1;
const HEAD_START = 2;
const HEAD_LENGTH = 3;
const HEADER_COUNT = 4;
const METHOD_LENGTH = 5;
const TARGET = 6;
const TARGET_LENGTH = 7;
const HEAD_COMPLETE = 8;
const HEAD_FRESH = 9;
const BODY_SPAN_COUNT = 10;
const STATUS = 11;
const REASON = 12;
const CONTENT_LENGTH = 7; // in doubles
const MAX_REQUEST_LINE = 16;
const MAX_HEADER_SIZE = 17;
const MAX_HEADERS = 18;
const FED_END = 25;
const HOST = 31;
const AUTHORITY = 33;

const PARSER_BYTES = 80;
const PRISTINE = REGION + 640;
/** Bytes of the context and of llhttp's state. */
const STATE_BYTES = 592;
const BODY_SPANS = REGION + 1024;
const HEADER_SPANS = REGION + 8192;
const SPAN_BYTES = 16;
/** Bytes after the read buffer that `native/plain-head.h` may read. */
const BEHIND = 8;
const NOTHING = new Uint8Array(0);
/** Up to this many bytes are moved one by one: `copyWithin` costs more. */
const FEW = 32;
/** Bytes for empty lines and for the fixed part of a request line, which no limit covers. */
const SLACK = 1024;

const REASONS = [
  '',
  'the bytes are not HTTP/1.1',
  'the request line is longer than maxRequestLine',
  'the header section is larger than maxHeaderSize',
  'there are more header fields than maxHeaders',
  'the version is neither HTTP/1.1 nor HTTP/1.0',
  'the request line is malformed',
  'the request target is malformed',
  'a CONNECT request has a body',
  'there is not exactly one Host field',
  'the Host field is malformed',
  'Content-Length is malformed or repeated',
  'Transfer-Encoding is malformed, repeated or beside Content-Length',
  'Expect is not 100-continue',
  'chunk extensions and trailers are larger than 8 KiB',
  'the method is not known',
  'Transfer-Encoding names a coding that is not known',
];
const HOST_IS_MALFORMED = REASONS.indexOf('the Host field is malformed');
const TARGET_IS_MALFORMED = REASONS.indexOf('the request target is malformed');

export class Parser {
  /** The whole memory. It is never detached. */
  readonly memory: Uint8Array;
  readonly words: Int32Array;
  /** Sockets read into this buffer. */
  readonly buffer: Uint8Array;
  readonly bufferStart: number;
  readonly #doubles: Float64Array;
  readonly #context: Int32Array;
  readonly #text: Buffer;
  readonly #hosts: Hosts = new Hosts();
  readonly #start: () => void;
  readonly #feed: (address: number, length: number) => number;
  /** First word of the header span table. */
  readonly spansStart: number = HEADER_SPANS / 4;
  readonly #maxHeaders: number;

  constructor(limits: ParserLimits) {
    this.#maxHeaders = limits.maxHeaders;
    const spans = (Math.max(limits.maxHeaders, MOST_HEADERS) + 1) * SPAN_BYTES;
    const room = limits.maxRequestLine + limits.maxHeaderSize + SLACK + READ_BUFFER_SIZE;
    this.bufferStart = HEADER_SPANS + spans + Math.ceil(room / 16) * 16;
    const linked = linkParser(this.bufferStart + READ_BUFFER_SIZE + BEHIND - REGION);
    this.memory = new Uint8Array(linked.memory);
    this.words = new Int32Array(linked.memory);
    this.#doubles = new Float64Array(linked.memory, REGION);
    this.#context = new Int32Array(linked.memory, REGION);
    this.#text = Buffer.from(linked.memory);
    this.buffer = new Uint8Array(linked.memory, this.bufferStart, READ_BUFFER_SIZE);
    this.#start = linked.start;
    this.#feed = linked.feed;
    this.memory.copyWithin(PRISTINE, linked.pristine, linked.pristine + PARSER_BYTES);
    this.#context[MAX_REQUEST_LINE] = limits.maxRequestLine;
    this.#context[MAX_HEADER_SIZE] = limits.maxHeaderSize;
  }

  /**
   * Begins a message: the next byte of `feed` is its first byte.
   *
   * @param maxHeaders most header fields of this message, up to MOST_HEADERS
   */
  start(maxHeaders: number = this.#maxHeaders): void {
    this.#context[MAX_HEADERS] = maxHeaders;
    this.#start();
  }

  /** Parses `buffer[offset, offset + length)` up to the end of the message. Returns an Outcome. */
  feed(offset: number, length: number): number {
    const outcome = this.#feed(this.bufferStart + offset, length);
    return outcome < UNUSUAL_HOST ? outcome : this.#judgeHosts(outcome - UNUSUAL_HOST);
  }

  /** Rejects hosts that no URL parser accepts. The head is complete and valid, so this error replaces any later one. */
  #judgeHosts(outcome: number): number {
    if (!this.#takesHost(AUTHORITY)) return this.#refuse(TARGET_IS_MALFORMED);
    if (!this.#takesHost(HOST)) return this.#refuse(HOST_IS_MALFORMED);
    return outcome;
  }

  #takesHost(word: number): boolean {
    const length = this.#context[word + 1]!;
    if (length === 0) return true;
    const start = this.headStart + this.#context[word]!;
    return this.#hosts.takes(this.#text.toString('latin1', start, start + length));
  }

  #refuse(reason: number): number {
    this.#context[STATUS] = 400;
    this.#context[REASON] = reason;
    return Outcome.ERROR;
  }

  /**
   * After MORE: the state that `restore` needs. An unfinished head is part of it.
   *
   * @param before the earlier state of the same message. Its memory is used again, so many reads do not allocate each time.
   */
  save(before: SavedMessage | null = null): SavedMessage {
    const unfinished = this.#context[HEAD_COMPLETE] === 0 && this.#context[HEAD_START] !== 0;
    const spans = unfinished ? this.headerCount * SPAN_BYTES : 0;
    const saved = before ?? { state: NOTHING, stateLength: 0, head: NOTHING, headLength: 0 };
    saved.stateLength = STATE_BYTES + spans;
    saved.state = roomFor(saved.stateLength, saved.state);
    saved.state.set(this.memory.subarray(REGION, REGION + STATE_BYTES));
    saved.state.set(this.memory.subarray(HEADER_SPANS, HEADER_SPANS + spans), STATE_BYTES);
    const start = this.#context[HEAD_START]!;
    saved.headLength = unfinished ? this.#context[FED_END]! - start : 0;
    saved.head = unfinished ? roomFor(saved.headLength, saved.head) : NOTHING;
    saved.head.set(this.memory.subarray(start, start + saved.headLength));
    return saved;
  }

  /** Continues a saved message: the next byte of `feed` follows the last byte before `save`. */
  restore({ state, stateLength, head, headLength }: SavedMessage): void {
    this.memory.set(state.subarray(0, STATE_BYTES), REGION);
    this.memory.set(state.subarray(STATE_BYTES, stateLength), HEADER_SPANS);
    if (headLength === 0) return;
    const start = this.bufferStart - headLength;
    this.memory.set(head.subarray(0, headLength), start);
    this.#context[HEAD_START] = start;
  }

  /** Bytes of the last feed that belong to the message. The rest is pipelined. */
  get consumed(): number {
    return this.#context[CONSUMED]!;
  }

  get headComplete(): boolean {
    return this.#context[HEAD_COMPLETE] === 1;
  }

  /** Whether the head became complete in the last feed. The getters below describe it until the next feed. */
  get headFresh(): boolean {
    return this.#context[HEAD_FRESH] === 1;
  }

  get flags(): number {
    return this.#context[FLAGS]!;
  }

  /** The value of Content-Length. −1: the head has no such field. */
  get contentLength(): number {
    return this.#doubles[CONTENT_LENGTH]!;
  }

  /** Address of the head's first byte. */
  get headStart(): number {
    return this.#context[HEAD_START]!;
  }

  /** Bytes up to the end of the last field's value. */
  get headLength(): number {
    return this.#context[HEAD_LENGTH]!;
  }

  get headerCount(): number {
    return this.#context[HEADER_COUNT]!;
  }

  get methodLength(): number {
    return this.#context[METHOD_LENGTH]!;
  }

  get targetOffset(): number {
    return this.#context[TARGET]!;
  }

  get targetLength(): number {
    return this.#context[TARGET_LENGTH]!;
  }

  /** Pieces of body in the last feed. */
  get bodySpanCount(): number {
    return this.#context[BODY_SPAN_COUNT]!;
  }

  bodySpanStart(index: number): number {
    return this.words[BODY_SPANS / 4 + index * 2]!;
  }

  bodySpanLength(index: number): number {
    return this.words[BODY_SPANS / 4 + index * 2 + 1]!;
  }

  /**
   * The body bytes of the last feed, contiguous and valid until the next feed. The pieces overwrite the chunk framing between
   * them, which is already parsed. So a body of tiny chunks costs no more than its bytes.
   */
  body(): Uint8Array {
    const count = this.bodySpanCount;
    if (count === 0) return NOTHING;
    const { memory } = this;
    const start = this.bodySpanStart(0);
    let end = start + this.bodySpanLength(0);
    for (let i = 1; i < count; i++) {
      const from = this.bodySpanStart(i);
      const length = this.bodySpanLength(i);
      if (length <= FEW) for (let at = from; at < from + length; at++) memory[end++] = memory[at]!;
      else {
        memory.copyWithin(end, from, from + length);
        end += length;
      }
    }
    return memory.subarray(start, end);
  }

  /** After ERROR: the status of the response. */
  get error(): number {
    return this.#context[STATUS]!;
  }

  get reason(): string {
    return REASONS[this.#context[REASON]!] ?? '';
  }
}

/** `memory`, or a larger array without its bytes. */
function roomFor(bytes: number, memory: Uint8Array): Uint8Array {
  if (bytes <= memory.length) return memory;
  // The first array has the exact size, because most messages arrive in two reads.
  return new Uint8Array(memory.length === 0 ? bytes : bytes + (bytes >> 1));
}

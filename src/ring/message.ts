/**
 * The messages between the acceptor and the workers: the layout of a request in the slab, and the kinds of records.
 *
 * Law: the only file that both threads use to write and read a message, so a change here changes both sides. Knows
 * offsets; not HTTP (flags are opaque here), not sockets, not TSGI.
 *
 * A request in the slab (words from its block's start, then bytes):
 *
 *   0 flags            the parser's, opaque            8 remote address, bytes
 *   1 head, bytes                                      9 remote port
 *   2 header fields                                   10 local address, bytes
 *   3 method, bytes (at the head's start)             11 local port
 *   4 target offset   5 target bytes                  12 serial number of the exchange, for its request id
 *   6 body, bytes                                     13 1: more body follows through the inbound ring
 *   14 number of the connection                        15 of its requests, the number of this one
 *   16… span table (4 words a field: name offset, name bytes, value offset, value bytes, from the head's start)
 *   …   head, remote address, local address, body
 */
import { Buffer } from 'node:buffer';
import { type ByteBuffer, bytesOf, copyWords, says } from './bytes.ts';

/** Kinds of records. Records of the response ring go from a worker to the acceptor. */
export const RecordKind = {
  /** Response bytes. The first record of a response includes the head. Flags: END, CLOSE, INTERIM. */
  RESPONSE: 1,
  /** The application waits for the body: the acceptor sends `100 Continue` if it is due, and reads the body. Flag: BLOCKS. */
  READ: 2,
  /** The response cannot be finished: the acceptor destroys the connection, so that the client sees the truncation. */
  ABORT: 3,
  /** Body bytes for an exchange (acceptor → worker, inbound ring). Flags: END, BROKEN. */
  BODY: 4,
  /** With END: a head, and a file that the acceptor sends after it. `writeFileRecord` makes the payload. */
  FILE: 5,
  /** The application takes the connection over. Bytes that the client sends after the head become BODY records. END ends both. */
  TUNNEL: 6,
  /** An exchange for this worker (acceptor → worker, inbound ring). The exchange is PENDING, and the worker takes it as usual. */
  ASSIGN: 7,
  /** A key of `--affinity` that this worker sends to a client. The payload is the key in Latin-1. Names no exchange. */
  KEY: 8,
  /** The application closes a connection after the END of a response. The exchange is `NO_EXCHANGE`, and the generation is the connection's number. */
  HANG_UP: 9,
} as const;

/** The exchange that a record names when it is about a connection. No exchange has this index. */
export const NO_EXCHANGE = -1;

/** Flags of a record, above the kind's 8 bits. */
export const END = 1 << 8;
/** With END: the acceptor closes the connection after the response. */
export const CLOSE = 1 << 9;
/** With READ: the worker's thread blocks until the bytes arrive. */
export const BLOCKS = 1 << 10;
/** With RESPONSE: an interim response (1xx) before the response. It does not begin the response. */
export const INTERIM = 1 << 11;
/** With BODY and END: the client is gone. */
export const BROKEN = 1 << 12;

/** Bytes of the largest record of a response. Larger chunks are split. */
export const PIECE: number = 64 * 1024;

/**
 * Bytes of one exchange that may be under way in one direction. The directions are from the worker to the client's kernel,
 * and from the acceptor to the application. The receiver stores how many bytes it has passed on, cumulative, in a word of the exchange.
 */
export const WINDOW: number = 256 * 1024;

/**
 * Whether the receiver should wake the sender. A sender waits while a whole window is under way, so a wake after each half
 * window keeps it sending. A wake for each record would cost more than the bytes.
 *
 * @param passed bytes passed on so far
 * @param told value of `passed` at the last wake
 */
export function halfWindow(passed: number, told: number): boolean {
  return ((passed - told) | 0) >= WINDOW / 2;
}

/** A response may end before this many bytes of the request body have arrived. The acceptor drops them and keeps the connection. */
const DISCARD_LIMIT = 64 * 1024;
/** If this many bytes of a body of unknown length have arrived without its end, the rest counts as more than the limit. */
const LARGE_CHUNKED = 32 * 1024;

/** Whether the connection closes after a response that leaves this much of the request body (`ExchangeTable.setLeft`). */
export function leavesTooMuch(left: number): boolean {
  return left >= 0 ? left > DISCARD_LIMIT : -1 - left > LARGE_CHUNKED;
}

export function kindOf(word: number): number {
  return word & 0xff;
}

const FLAGS = 0;
const HEAD_LENGTH = 1;
const HEADER_COUNT = 2;
const METHOD_LENGTH = 3;
const TARGET_OFFSET = 4;
const TARGET_LENGTH = 5;
const BODY_LENGTH = 6;
const REMOTE_LENGTH = 8;
const REMOTE_PORT = 9;
const LOCAL_LENGTH = 10;
const LOCAL_PORT = 11;
const SERIAL = 12;
const MORE_BODY = 13;
const CONNECTION = 14;
const REQUESTS = 15;
const SPANS = 16;

/** A parsed head, in the parser's memory or saved with a connection. */
export interface HeadBytes {
  flags: number;
  /** Memory that contains the head and its span table. `bytes` and `words` begin at the same address. */
  bytes: Uint8Array;
  words: Int32Array;
  /** First byte of the head, and its length. Up to three bytes after the head may be copied with it. */
  start: number;
  length: number;
  /** First word of the span table. */
  spans: number;
  headerCount: number;
  methodLength: number;
  targetOffset: number;
  targetLength: number;
}

/** The two ends of a connection. */
export interface Peers {
  readonly remoteAddress: string;
  readonly remotePort: number;
  readonly localAddress: string;
  readonly localPort: number;
}

/** The peers, encoded for the requests of one connection. */
export interface PeerBytes {
  /** Both addresses in Latin-1. The remote address comes first and has `remoteLength` bytes. */
  readonly addresses: Uint8Array;
  readonly remoteLength: number;
  readonly remotePort: number;
  readonly localPort: number;
  /** The acceptor's number of the connection. */
  readonly connection: number;
  /** Requests of the connection so far. */
  requests: number;
}

export function encodePeers(
  { remoteAddress, remotePort, localAddress, localPort }: Peers,
  connection: number,
): PeerBytes {
  const addresses = Uint8Array.from(Buffer.from(remoteAddress + localAddress, 'latin1'));
  return { addresses, remoteLength: remoteAddress.length, remotePort, localPort, connection, requests: 0 };
}

/** The id of a request in logs and for its application. `serial` is the number of the exchange. */
export function requestId(prefix: string, serial: number): string {
  return `${prefix}-${(serial >>> 0).toString(36)}`;
}

/** Bytes that a request needs in the slab. */
export function requestSize(head: HeadBytes, peers: PeerBytes, bodyLength: number): number {
  return (SPANS + 4 * head.headerCount) * 4 + head.length + peers.addresses.length + bodyLength;
}

/** The slab as one thread sees it. */
export class SlabView {
  readonly words: Int32Array;
  readonly bytes: ByteBuffer;

  constructor(buffer: SharedArrayBuffer) {
    this.words = new Int32Array(buffer);
    this.bytes = bytesOf(buffer);
  }

  /** Writes everything except the body. Returns the byte offset for the body. */
  writeRequest(offset: number, head: HeadBytes, peers: PeerBytes): number {
    const { words, bytes } = this;
    const at = offset >> 2;
    words[at + FLAGS] = head.flags;
    words[at + HEAD_LENGTH] = head.length;
    words[at + HEADER_COUNT] = head.headerCount;
    words[at + METHOD_LENGTH] = head.methodLength;
    words[at + TARGET_OFFSET] = head.targetOffset;
    words[at + TARGET_LENGTH] = head.targetLength;
    const { addresses, remoteLength } = peers;
    words[at + REMOTE_LENGTH] = remoteLength;
    words[at + REMOTE_PORT] = peers.remotePort;
    words[at + LOCAL_LENGTH] = addresses.length - remoteLength;
    words[at + LOCAL_PORT] = peers.localPort;
    words[at + CONNECTION] = peers.connection;
    words[at + REQUESTS] = peers.requests;
    const spanWords = head.headerCount * 4;
    copyWords(words, at + SPANS, head.words, head.spans, spanWords);
    let to = offset + (SPANS + spanWords) * 4;
    this.#writeHead(to, head);
    to += head.length;
    for (let i = 0; i < addresses.length; i++) bytes[to + i] = addresses[i]!;
    return to + addresses.length;
  }

  /** Copies words if the head starts on a word boundary. A block also ends on one, so the last word stays in the block. */
  #writeHead(to: number, { bytes, words, start, length }: HeadBytes): void {
    if ((start & 3) === 0) copyWords(this.words, to >> 2, words, start >> 2, (length + 3) >> 2);
    else this.bytes.set(new Uint8Array(bytes.buffer, bytes.byteOffset + start, length), to);
  }

  /** Completes a request: `bodyLength` bytes are in the slab. If `more` is set, the inbound ring carries the rest. */
  finishRequest(offset: number, bodyLength: number, more: boolean, serial: number): void {
    const at = offset >> 2;
    this.words[at + BODY_LENGTH] = bodyLength;
    this.words[at + MORE_BODY] = more ? 1 : 0;
    this.words[at + SERIAL] = serial;
  }

  /** Method and target, for a log line. The request must still be in the slab. */
  requestLine(offset: number): string {
    const start = this.#headAt(offset);
    const method = this.bytes.latin1Slice(start, start + this.words[(offset >> 2) + METHOD_LENGTH]!);
    return `${method} ${this.target(offset)}`;
  }

  /** The flags of the parser. */
  flags(offset: number): number {
    return this.words[(offset >> 2) + FLAGS]!;
  }

  target(offset: number): string {
    const at = offset >> 2;
    const start = this.#headAt(offset) + this.words[at + TARGET_OFFSET]!;
    return this.bytes.latin1Slice(start, start + this.words[at + TARGET_LENGTH]!);
  }

  remoteAddress(offset: number): string {
    const at = offset >> 2;
    const start = this.#headAt(offset) + this.words[at + HEAD_LENGTH]!;
    return this.bytes.latin1Slice(start, start + this.words[at + REMOTE_LENGTH]!);
  }

  /** The value of the first field with this name. `name` is in lower case. */
  field(offset: number, name: string): string | undefined {
    const { words, bytes } = this;
    const start = this.#headAt(offset);
    const end = (offset >> 2) + SPANS + words[(offset >> 2) + HEADER_COUNT]! * 4;
    for (let at = (offset >> 2) + SPANS; at < end; at += 4) {
      if (words[at + 1] !== name.length) continue;
      const from = start + words[at]!;
      if (bytes.latin1Slice(from, from + name.length).toLowerCase() !== name) continue;
      const value = start + words[at + 2]!;
      return bytes.latin1Slice(value, value + words[at + 3]!);
    }
    return undefined;
  }

  #headAt(offset: number): number {
    return offset + (SPANS + this.words[(offset >> 2) + HEADER_COUNT]! * 4) * 4;
  }
}

/** A request as a worker reads it. A worker uses one reader for all its exchanges. */
export class RequestReader {
  exchange = 0;
  generation = 0;
  flags = 0;
  head = '';
  spans: Int32Array;
  spansStart = 0;
  headerCount = 0;
  methodLength = 0;
  targetOffset = 0;
  targetLength = 0;
  remoteAddress = '';
  remotePort = 0;
  localAddress = '';
  localPort = 0;
  serial = 0;
  /** The acceptor's number of the connection. */
  connection = 0;
  /** Requests of the connection up to this one. */
  requests = 0;
  moreBody = false;
  bodyOffset = 0;
  bodyLength = 0;
  readonly #view: SlabView;

  constructor(view: SlabView) {
    this.#view = view;
    this.spans = view.words;
  }

  /** Reads the request of an exchange at `offset` in the slab. */
  read(exchange: number, generation: number, offset: number): void {
    const { words, bytes } = this.#view;
    const at = offset >> 2;
    this.exchange = exchange;
    this.generation = generation;
    this.flags = words[at + FLAGS]!;
    this.headerCount = words[at + HEADER_COUNT]!;
    this.methodLength = words[at + METHOD_LENGTH]!;
    this.targetOffset = words[at + TARGET_OFFSET]!;
    this.targetLength = words[at + TARGET_LENGTH]!;
    this.remotePort = words[at + REMOTE_PORT]!;
    this.localPort = words[at + LOCAL_PORT]!;
    this.serial = words[at + SERIAL]!;
    this.connection = words[at + CONNECTION]!;
    this.requests = words[at + REQUESTS]!;
    this.moreBody = words[at + MORE_BODY] === 1;
    this.spansStart = at + SPANS;
    const start = offset + (SPANS + this.headerCount * 4) * 4;
    const behind = start + words[at + HEAD_LENGTH]!;
    this.head = bytes.latin1Slice(start, behind);
    this.#readAddresses(behind, words[at + REMOTE_LENGTH]!, words[at + LOCAL_LENGTH]!);
    this.bodyLength = words[at + BODY_LENGTH]!;
  }

  /**
   * Reads the addresses only if they differ from the previous request. Most requests arrive through one proxy, at one address.
   * The addresses are not slices of a larger string, because a stored address would keep that string alive.
   */
  #readAddresses(start: number, remote: number, local: number): void {
    const { bytes } = this.#view;
    const between = start + remote;
    this.bodyOffset = between + local;
    if (!says(bytes, start, remote, this.remoteAddress))
      this.remoteAddress = bytes.latin1Slice(start, between);
    if (!says(bytes, between, local, this.localAddress))
      this.localAddress = bytes.latin1Slice(between, this.bodyOffset);
  }

  /** A copy of the body bytes in the slab. After RUNNING another request may use that memory. */
  body(): Uint8Array {
    const copy = new Uint8Array(this.bodyLength);
    copy.set(this.#view.bytes.subarray(this.bodyOffset, this.bodyOffset + this.bodyLength));
    return copy;
  }
}

/** The content of a FILE record: a head, and the range of a file that follows it. */
export interface FileRecord {
  /** Latin-1. */
  readonly head: string;
  readonly path: string;
  readonly start: number;
  readonly length: number;
}

/** Encodes the payload of a FILE record: a line of JSON, then the head. */
export function writeFileRecord({ head, ...range }: FileRecord): Uint8Array {
  return Buffer.concat([Buffer.from(`${JSON.stringify(range)}\n`), Buffer.from(head, 'latin1')]);
}

export function readFileRecord(payload: Uint8Array): FileRecord {
  const line = payload.indexOf(10);
  const bytes = Buffer.from(payload);
  const range = JSON.parse(bytes.toString('utf8', 0, line)) as Omit<FileRecord, 'head'>;
  return { ...range, head: bytes.toString('latin1', line + 1) };
}

/**
 * The words spoken through the thread wall: how a request lies in the slab, and what records say.
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
import { type Bytes, bytesOf, copyWords, says } from './bytes.ts';

/** Records of the response ring (worker → acceptor). */
export const RecordKind = {
  /** Response bytes, head included if it is the first; flags END, CLOSE, INTERIM. */
  RESPONSE: 1,
  /** The application waits for its body: send `100 Continue` if it is due, and let it come; flag BLOCKS. */
  READ: 2,
  /** The response cannot be finished: destroy the connection, so that the client sees the truncation. */
  ABORT: 3,
  /** Body bytes for an exchange (acceptor → worker, inbound ring); flag END. */
  BODY: 4,
  /** With END: a head and a file that the acceptor sends behind it; the payload is `writeFileRecord`'s. */
  FILE: 5,
  /** The application takes the connection over: what the client sends behind the head comes as BODY, END ends both. */
  TUNNEL: 6,
  /** An exchange that is meant for this worker (acceptor → worker, inbound ring): it waits, and is to be taken like any. */
  ASSIGN: 7,
  /** A key of `--affinity` that this worker gives to a client; the payload is the key, in Latin-1. It names no exchange. */
  KEY: 8,
  /** The application closes a connection behind an answer whose END is written: `NO_EXCHANGE`, and the connection's number in place of the generation. */
  HANG_UP: 9,
} as const;

/** The exchange that a record names when it is about a connection. No exchange has this index. */
export const NO_EXCHANGE = -1;

/** Flags of a record, above the kind's 8 bits. */
export const END = 1 << 8;
/** With END: close the connection after the answer. */
export const CLOSE = 1 << 9;
/** With READ: the worker's thread stands still until the bytes come. */
export const BLOCKS = 1 << 10;
/** With RESPONSE: bytes that stand before the response (1xx), and begin nothing. */
export const INTERIM = 1 << 11;
/** With BODY and END: the client is gone. */
export const BROKEN = 1 << 12;

/** Bytes of an answer's largest record; larger chunks go out in pieces. */
export const PIECE: number = 64 * 1024;

/**
 * Bytes of one exchange that may be under way in one direction: from the worker to the client's kernel, or from the acceptor to the
 * application. The receiver says how many it has passed on, cumulative, in a word of the exchange's own.
 */
export const WINDOW: number = 256 * 1024;

/**
 * Whether the sender may be waiting to hear how many were passed on, and is to be woken: it waits with a whole window under
 * way, and half of one has come since it was last woken. Told earlier it would not stand still; a wake each time costs more
 * than the bytes do.
 */
export function halfWindow(passed: number, told: number): boolean {
  return ((passed - told) | 0) >= WINDOW / 2;
}

/** An answer may leave this much of its request's body to be sent and keep the connection: the acceptor reads and drops it. */
const DISCARD_LIMIT = 64 * 1024;
/** A body of unknown length of which so much has come, and not its end, is taken for one that has more than the limit left. */
const LARGE_CHUNKED = 32 * 1024;

/** Whether the connection ends behind an answer that leaves so much of its request's body unread (`ExchangeTable.setLeft`). */
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

/** A parsed head, wherever its bytes lie: in the parser's memory, or saved with a connection. */
export interface HeadBytes {
  flags: number;
  /** Memory that holds the head and its span table, seen as bytes and as words, from the same place on. */
  bytes: Uint8Array;
  words: Int32Array;
  /** First byte of the head, and its length; up to three bytes behind it may be copied as well. */
  start: number;
  length: number;
  /** First word of the span table. */
  spans: number;
  headerCount: number;
  methodLength: number;
  targetOffset: number;
  targetLength: number;
}

/** Who speaks with whom: a connection's two ends. */
export interface Peers {
  readonly remoteAddress: string;
  readonly remotePort: number;
  readonly localAddress: string;
  readonly localPort: number;
}

/** The same as it is written for each request of the connection. */
export interface PeerBytes {
  /** Both addresses in Latin-1, the remote one first, which has so many bytes of them. */
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

/** What a request is called in logs and by its application; `serial` is its exchange's. */
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
  readonly bytes: Bytes;

  constructor(buffer: SharedArrayBuffer) {
    this.words = new Int32Array(buffer);
    this.bytes = bytesOf(buffer);
  }

  /** Writes everything but the body; returns the byte offset at which the body goes. */
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

  /** By words where it begins with one: a block ends with a word, so what is copied behind the head is the block's as well. */
  #writeHead(to: number, { bytes, words, start, length }: HeadBytes): void {
    if ((start & 3) === 0) copyWords(this.words, to >> 2, words, start >> 2, (length + 3) >> 2);
    else this.bytes.set(new Uint8Array(bytes.buffer, bytes.byteOffset + start, length), to);
  }

  /** Says how the body goes on: `bodyLength` bytes lie in the slab, `more` follow through the inbound ring. */
  finishRequest(offset: number, bodyLength: number, more: boolean, serial: number): void {
    const at = offset >> 2;
    this.words[at + BODY_LENGTH] = bodyLength;
    this.words[at + MORE_BODY] = more ? 1 : 0;
    this.words[at + SERIAL] = serial;
  }

  /** Method and target, for a log line; the request must still lie in the slab. */
  requestLine(offset: number): string {
    const start = this.#headAt(offset);
    const method = this.bytes.latin1Slice(start, start + this.words[(offset >> 2) + METHOD_LENGTH]!);
    return `${method} ${this.target(offset)}`;
  }

  /** The parser's. */
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

  /** The value of the first field of that name, which is in lower case. */
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

/** A request as the worker reads it; one reader is filled again for every exchange. */
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

  /** Reads the request of an exchange, which lies at `offset`. */
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
   * Most requests come from where the last one came from: from one proxy, to one address of ours. Apart from the head,
   * because who keeps an address would keep all that it is a part of.
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

  /** The body bytes in the slab, copied out: the slab is somebody else's after RUNNING. */
  body(): Uint8Array {
    const copy = new Uint8Array(this.bodyLength);
    copy.set(this.#view.bytes.subarray(this.bodyOffset, this.bodyOffset + this.bodyLength));
    return copy;
  }
}

/** What a FILE record says: which bytes of which file follow the head. */
export interface FileRecord {
  /** Latin-1. */
  readonly head: string;
  readonly path: string;
  readonly start: number;
  readonly length: number;
}

/** The payload of a FILE record: a line of JSON, then the head. */
export function writeFileRecord({ head, ...range }: FileRecord): Uint8Array {
  return Buffer.concat([Buffer.from(`${JSON.stringify(range)}\n`), Buffer.from(head, 'latin1')]);
}

export function readFileRecord(payload: Uint8Array): FileRecord {
  const line = payload.indexOf(10);
  const bytes = Buffer.from(payload);
  const range = JSON.parse(bytes.toString('utf8', 0, line)) as Omit<FileRecord, 'head'>;
  return { ...range, head: bytes.toString('latin1', line + 1) };
}

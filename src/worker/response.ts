/**
 * One exchange's answer on its way out: framing, and the order of bytes under two bounds, ring and window.
 *
 * Law: the sink of `tsgi/handler.ts`, and the only writer of RESPONSE records. Never blocks: what finds no room is
 * kept in order and goes out when the loop is told of room. Knows the encoder and the link; not applications.
 *
 * The window: at most WINDOW bytes of an exchange are between this thread and the client's kernel. The acceptor raises
 * the credit as bytes leave, so a client that does not read stops its own application and nobody else's.
 */
import { closeSync, fstatSync, openSync } from 'node:fs';
import path from 'node:path';
import { chooseFraming, encodeChunkPrefix, encodeHead, Framing, LAST_CHUNK } from '../http/encoder.ts';
import { INSUFFICIENT } from '../ring/byte-ring.ts';
import { CLOSE, END, Kind, writeFileRecord } from '../ring/message.ts';
import { TsgiRuleError } from '../tsgi/errors.ts';
import type { FileBody } from '../tsgi/file-body.ts';
import type { Sink } from '../tsgi/handler.ts';
import type { BodyChunk, HeaderList } from '../tsgi/types.ts';
import type { WorkerLoop } from './loop.ts';
import { points } from './points.ts';

const WINDOW = 256 * 1024;
/** Bytes of one record; larger chunks go out in pieces. */
const PIECE = 64 * 1024;
/** A string up to this many code units is written into the ring without a Buffer of its own. */
const SHORT = 8 * 1024;
const CRLF = '\r\n';

/** What of a request's head decides its answer's framing. */
export interface ResponsePlan {
  readonly http11: boolean;
  readonly keepAlive: boolean;
  readonly headRequest: boolean;
}

export class Response implements Sink {
  readonly #loop: WorkerLoop;
  readonly #plan: ResponsePlan;
  readonly exchange: number;
  readonly generation: number;
  /** The head has been given to the acceptor or waits to be. */
  started = false;
  /** END or ABORT was said: the exchange is not ours any more. */
  over = false;
  gone = false;
  /** Called when it becomes over, if that is not so yet when its application is done. */
  onOver: (() => void) | null = null;
  #framing: number = Framing.NONE;
  #close = false;
  #sent = 0;
  #ending = false;
  #queue: (Uint8Array | string)[] = [];
  #flowing: Promise<void> | null = null;
  #flow: (() => void) | null = null;

  constructor(loop: WorkerLoop, exchange: number, generation: number, plan: ResponsePlan) {
    this.#loop = loop;
    this.exchange = exchange;
    this.generation = generation;
    this.#plan = plan;
  }

  // called by the handler

  respond(status: number, headers: HeaderList, body: BodyChunk | null): void {
    const length = body === null ? 0 : typeof body === 'string' ? Buffer.byteLength(body) : body.byteLength;
    const head = this.#head(status, headers, length);
    const sends = body !== null && length > 0 && this.#framing !== Framing.NONE;
    this.#ending = true;
    if (!sends) return this.#sendShort(head, '', 0);
    if (typeof body === 'string' && length <= SHORT) return this.#sendShort(head, body, length);
    this.#queue.push(head, ...(typeof body === 'string' ? [Buffer.from(body)] : [body]));
    this.flush();
  }

  start(status: number, headers: HeaderList, length: number): void {
    this.#queue.push(this.#head(status, headers, length));
    if (this.#framing === Framing.NONE || length === 0) this.flush();
  }

  write(chunk: BodyChunk): Promise<void> | undefined {
    if (this.gone || this.over || chunk.length === 0) return undefined;
    if (this.#framing !== Framing.NONE) this.#push(chunk);
    this.flush();
    if (this.#queue.length > 0) return this.#whenFlowing();
    if (this.#loop.apart) return undefined;
    // The chunk leaves when this thread's acceptor has its turn, and not before; its credit tells.
    this.#loop.blockedOn(this);
    return this.#whenFlowing();
  }

  /** The acceptor sends the file: this thread is done with the exchange at once, and its bytes cross no ring. */
  sendFile(status: number, headers: HeaderList, file: FileBody, length: number): boolean {
    const { path: name, start } = file;
    const available = name === undefined ? -1 : bytesBehind(name, start);
    if (available <= 0) return false;
    if (length > available) {
      throw new TsgiRuleError(
        'A13',
        `${name} must have as many bytes as Content-Length: ${available} of ${length}`,
      );
    }
    const record = { path: path.resolve(name!), start, length: length === -1 ? available : length };
    // Nothing may have been said when we cannot, so room is made sure of before there is a head.
    const ring = this.#loop.link.responses;
    if (headerBytes(headers) > PIECE / 2 || ring.claim(PIECE) === INSUFFICIENT) return false;
    const head = this.#head(status, headers, record.length);
    this.#ending = true;
    if (this.#framing === Framing.NONE) this.#sendShort(head, '', 0);
    else this.#sendRecord(writeFileRecord({ head, ...record }));
    return true;
  }

  end(): void {
    if (this.over) return;
    if (this.#framing === Framing.CHUNKED) this.#queue.push(LAST_CHUNK);
    this.#ending = true;
    this.flush();
  }

  // called by the gateway

  /** The answer cannot be finished: the client shall see the truncation. One that has ended goes out all the same. */
  abort(): void {
    if (!this.#ending) this.#finish(Kind.ABORT);
  }

  /** Nobody waits for this answer any more. Gives the exchange back at once; what is still written is dropped. */
  leave(): void {
    this.gone = true;
    this.#finish(Kind.RESPONSE | END);
  }

  /** Why nobody waits for it any more, one of `Abort`; NONE once it is over. */
  get abortedWhy(): number {
    return this.#loop.abortOf(this);
  }

  // called by the loop

  /** Moves what there is room for into the ring. */
  flush(): void {
    if (this.over) return;
    while (this.#queue.length > 0) if (!this.#sendPiece()) return this.#loop.blockedOn(this);
    if (this.#ending && !this.over) this.#sayEnd(Kind.RESPONSE | END | (this.#close ? CLOSE : 0));
    this.#loop.committed(this.over);
    this.#flows();
  }

  #isOver(): void {
    this.over = true;
    this.onOver?.();
  }

  /** Its head counts as sent: it no longer counts against the worker's concurrency. */
  #start(): void {
    if (this.started) return;
    this.started = true;
    this.#loop.headSent();
  }

  #head(status: number, headers: HeaderList, length: number): string {
    const { http11, headRequest } = this.#plan;
    const keepAlive = this.#plan.keepAlive && !this.#loop.draining;
    this.#start();
    this.#framing = chooseFraming(status, length, http11, headRequest);
    this.#close = !keepAlive || this.#framing === Framing.CLOSE;
    return encodeHead({
      status,
      headers,
      framing: this.#framing,
      length,
      http11,
      keepAlive: !this.#close,
      date: this.#loop.date(),
    });
  }

  /** Head and body in one record, the common case: no copy besides the one into the ring. */
  #sendShort(head: string, body: string, length: number): void {
    const ring = this.#loop.link.responses;
    const size = head.length + length;
    const at = size > PIECE ? INSUFFICIENT : ring.claim(size);
    if (at === INSUFFICIENT) {
      this.#queue.push(head);
      if (length > 0) this.#queue.push(Buffer.from(body));
      return this.flush();
    }
    ring.bytes.latin1Write(head, at);
    if (length > 0) ring.bytes.utf8Write(body, at + head.length);
    points.reached('mid-record');
    this.#isOver();
    ring.commit(size, Kind.RESPONSE | END | (this.#close ? CLOSE : 0), this.exchange, this.generation);
    points.reached('committed');
    this.#loop.committed(true);
  }

  #sendRecord(payload: Uint8Array): void {
    const ring = this.#loop.link.responses;
    ring.bytes.set(payload, ring.claim(payload.length));
    this.#isOver();
    ring.commit(payload.length, Kind.FILE | END | (this.#close ? CLOSE : 0), this.exchange, this.generation);
    this.#loop.committed(true);
  }

  #push(chunk: BodyChunk): void {
    const bytes = typeof chunk === 'string' ? Buffer.from(chunk) : chunk;
    if (this.#framing !== Framing.CHUNKED) {
      this.#queue.push(bytes);
      return;
    }
    this.#queue.push(encodeChunkPrefix(bytes.byteLength), bytes, CRLF);
  }

  /** Sends as much of the queue as one record holds; false when there is no room now. */
  #sendPiece(): boolean {
    const room = Math.min(PIECE, WINDOW - ((this.#sent - this.#loop.creditOf(this)) | 0));
    if (room <= 0) return false;
    const ring = this.#loop.link.responses;
    const wanted = Math.min(room, this.#queuedBytes(room));
    const at = ring.claim(wanted);
    if (at === INSUFFICIENT) return this.#loop.awaitSpace(wanted);
    const used = this.#fill(at, wanted);
    const last = this.#ending && this.#queue.length === 0;
    points.reached('mid-record');
    if (last) this.#isOver();
    const kind = Kind.RESPONSE | (last ? END | (this.#close ? CLOSE : 0) : 0);
    ring.commit(used, kind, this.exchange, this.generation);
    points.reached('committed');
    this.#sent = (this.#sent + used) | 0;
    return true;
  }

  #queuedBytes(enough: number): number {
    let bytes = 0;
    for (const part of this.#queue) {
      bytes += part.length;
      if (bytes >= enough) break;
    }
    return bytes;
  }

  /** Copies from the queue's front into the ring, exactly `room` bytes. Strings here are Latin-1 by construction. */
  #fill(at: number, room: number): number {
    const { bytes } = this.#loop.link.responses;
    let left = room;
    while (left > 0) {
      const part = this.#queue[0]!;
      const length = Math.min(part.length, left);
      if (typeof part === 'string')
        bytes.latin1Write(length === part.length ? part : part.slice(0, length), at);
      else bytes.set(length === part.length ? part : part.subarray(0, length), at);
      at += length;
      left -= length;
      if (length === part.length) this.#queue.shift();
      else this.#queue[0] = typeof part === 'string' ? part.slice(length) : part.subarray(length);
    }
    return room;
  }

  #finish(kind: number): void {
    if (this.over) return;
    this.#queue.length = 0;
    this.#ending = true;
    this.#start();
    this.#sayEnd(kind);
    this.#loop.committed(true);
    this.#flows();
  }

  /** A record without payload; the loop says it later when the ring is full. */
  #sayEnd(kind: number): void {
    this.#isOver();
    this.#loop.say(kind, this.exchange, this.generation);
  }

  #whenFlowing(): Promise<void> {
    this.#flowing ??= new Promise((resolve) => {
      this.#flow = resolve;
    });
    return this.#flowing;
  }

  #flows(): void {
    this.#flow?.();
    this.#flow = null;
    this.#flowing = null;
  }
}

/** Bytes of a file from `start` to its end, −1 when it is no regular file. Throws when it cannot be read. */
function bytesBehind(name: string, start: number): number {
  const fd = openSync(name, 'r');
  try {
    const stat = fstatSync(fd);
    return stat.isFile() ? stat.size - start : -1;
  } finally {
    closeSync(fd);
  }
}

function headerBytes(headers: HeaderList): number {
  let bytes = 0;
  for (const [name, value] of headers) bytes += name.length + value.length + 4;
  return bytes;
}

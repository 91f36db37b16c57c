/**
 * One exchange's answer from a TSGI application: framing, files, and when a writer may go on.
 *
 * Law: the sink of `tsgi/handler.ts`. Never blocks: bytes without room wait in order, and go out when the loop has a notice of
 * room (`outbound.ts`). Knows the encoder; not applications.
 *
 * The window bounds the bytes of an exchange between this thread and the client's kernel. The acceptor raises the credit as
 * bytes leave. A client that does not read therefore stops its own application, and no other one.
 */
import { Buffer } from 'node:buffer';
import { closeSync, constants, fstatSync, openSync, statSync } from 'node:fs';
import path from 'node:path';
import { chooseFraming, encodeChunkPrefix, encodeHead, Framing, LAST_CHUNK } from '../../http/encoder.ts';
import { INSUFFICIENT } from '../../ring/byte-ring.ts';
import { CLOSE, END, RecordKind, PIECE, writeFileRecord } from '../../ring/message.ts';
import { TsgiRuleError } from '../../tsgi/rule-errors.ts';
import { type FileBody, mustBeRegular } from '../../tsgi/file-body.ts';
import type { Sink } from '../../tsgi/handler.ts';
import type { BodyChunk, HeaderList } from '../../tsgi/types.ts';
import { encoded, Outbound } from '../exchange/outbound.ts';

const CRLF = '\r\n';

export class TsgiResponse extends Outbound implements Sink {
  #framing: number = Framing.NONE;
  #flowing: Promise<void> | null = null;
  #flow: (() => void) | null = null;

  // Called by the handler.

  respond(status: number, headers: HeaderList, body: BodyChunk | null): void {
    const length = body === null ? 0 : typeof body === 'string' ? Buffer.byteLength(body) : body.byteLength;
    const head = this.#head(status, headers, length, this.leavesBody);
    this.sendWhole(head, body ?? '', this.#framing === Framing.NONE ? 0 : length);
  }

  start(status: number, headers: HeaderList, length: number): void {
    // Another answer in place of this one may still wait for room.
    if (this.gone || this.over) return;
    // An application that has begun to read may read the whole body.
    const leavesBody = this.body?.asked === false && this.leavesBody;
    this.queue.push(this.#head(status, headers, length, leavesBody));
    if (this.#framing === Framing.NONE || length === 0) this.flush();
  }

  write(chunk: BodyChunk): Promise<void> | undefined {
    if (this.gone || this.over || chunk.length === 0) return undefined;
    if (this.#framing !== Framing.NONE) {
      this.observeBody(chunk);
      this.#push(chunk);
    }
    this.flush();
    if (this.queue.length > 0) return this.#whenFlowing();
    if (this.loop.apart) return undefined;
    // The chunk leaves only when this thread's acceptor has its turn.
    this.loop.awaitTurn(this);
    return this.#whenFlowing();
  }

  /** The acceptor sends the file. This thread is done with the exchange at once, and the file's bytes cross no ring. */
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
    // If this method returns false, it must have sent nothing. It therefore checks for room before it makes a head.
    const ring = this.loop.link.responses;
    if (headerBytes(headers) > PIECE / 2 || ring.claim(PIECE) === INSUFFICIENT) return false;
    const head = this.#head(status, headers, record.length, this.leavesBody);
    this.ending = true;
    if (this.#framing === Framing.NONE) this.sendShort(head, '', 0);
    else this.#sendRecord(writeFileRecord({ head, ...record }));
    return true;
  }

  end(): void {
    if (this.over) return;
    if (this.#framing === Framing.CHUNKED) this.queue.push(LAST_CHUNK);
    this.finish(this.closes);
  }

  #head(status: number, headers: HeaderList, length: number, leavesBody: boolean): string {
    const { http11, headRequest } = this.plan;
    this.begin();
    this.#framing = chooseFraming(status, length, http11, headRequest);
    this.closes = leavesBody || !this.keepsAlive || this.#framing === Framing.CLOSE;
    const head = encodeHead({
      status,
      headers,
      framing: this.#framing,
      length,
      http11,
      keepAlive: !this.closes,
      date: this.loop.date(),
    });
    this.observe(head);
    return head;
  }

  #sendRecord(payload: Uint8Array): void {
    const ring = this.loop.link.responses;
    ring.bytes.set(payload, ring.claim(payload.length));
    this.isOver();
    ring.commit(
      payload.length,
      RecordKind.FILE | END | (this.closes ? CLOSE : 0),
      this.exchange,
      this.generation,
    );
    this.loop.committed(true);
  }

  #push(chunk: BodyChunk): void {
    const length = typeof chunk === 'string' ? Buffer.byteLength(chunk) : chunk.byteLength;
    const part = typeof chunk === 'string' ? encoded(chunk, length) : chunk;
    if (this.#framing !== Framing.CHUNKED) return this.queue.push(part);
    this.queue.push(encodeChunkPrefix(length));
    this.queue.push(part);
    this.queue.push(CRLF);
  }

  #whenFlowing(): Promise<void> {
    this.#flowing ??= new Promise((resolve) => {
      this.#flow = resolve;
    });
    return this.#flowing;
  }

  protected override onFlow(): void {
    const flow = this.#flow;
    this.#flow = null;
    this.#flowing = null;
    flow?.();
  }

  protected override onCut(): void {
    this.onFlow();
  }
}

/** Returns the bytes of a file from `start` to its end. Throws if the file is not regular or cannot be read. */
function bytesBehind(name: string, start: number): number {
  const kind = statSync(name, { throwIfNoEntry: false });
  if (kind !== undefined) mustBeRegular(name, kind);
  const fd = openSync(name, constants.O_RDONLY | constants.O_NONBLOCK);
  try {
    const stat = fstatSync(fd);
    mustBeRegular(name, stat);
    return stat.size - start;
  } finally {
    closeSync(fd);
  }
}

function headerBytes(headers: HeaderList): number {
  let bytes = 0;
  for (const [name, value] of headers) bytes += name.length + value.length + 4;
  return bytes;
}

/**
 * The only state machine that calls an application: startResponse, first chunk, framing, and close on every path.
 *
 * Law: knows TSGI and a sink; no server, no socket, no clock. Every server and adapter of this package uses it.
 *
 * The order of events:
 *
 * - The handler calls the application.
 * - The handler holds the head until the first chunk that is not empty, the first `write`, or the end of the body.
 * - The handler passes each chunk to the sink before it pulls the next one. If the sink is above its high-water mark, the handler
 *   waits for it.
 * - The handler calls `close` of the body exactly once, after the iterator's `return`. This holds on every path: end, error, a
 *   client that is gone, and a body that is not needed any more.
 */
/// <reference types="node" preserve="true" />
import { bodyError, checkChunk, checkStatus, copyHeaders, isThenable, lengthOf } from './check-answer.ts';
import { TsgiRuleError } from './rule-errors.ts';
import { FileBody } from './file-body.ts';
import { byteLength, encodeChunk } from './text.ts';
import type { Application, BodyChunk, Environ, HeaderList, StartResponse, Write } from './types.ts';

/** The destination of a response. The sink decides the bytes; this file decides what it sends, and when. */
export interface Sink {
  /** Sends the complete response in one step: nothing was written before. */
  respond(status: number, headers: HeaderList, body: BodyChunk | null): void;
  /** Begins a streamed response of `length` bytes; −1 if unknown. */
  start(status: number, headers: HeaderList, length: number): void;
  /**
   * Undefined below the high-water mark, otherwise a promise for it. The promise also resolves if the client goes. It never
   * rejects.
   */
  write(chunk: BodyChunk): Promise<void> | undefined;
  end(): void;
  /**
   * Sends head and file itself, if the sink can and `file` has a path. False: it cannot, and has done nothing.
   *
   * @param length value of Content-Length, −1 without
   * @throws before anything is sent, if there is no such file
   */
  sendFile?(status: number, headers: HeaderList, file: FileBody, length: number): boolean;
  /** True if no client waits for the response any more. */
  readonly gone: boolean;
}

const RESOLVED: Promise<void> = Promise.resolve();
const NOT_CALLED = 0;
const NO_HEADERS: HeaderList = [];

type Iteration = Iterator<unknown> | AsyncIterator<unknown>;
interface Closable {
  close?: () => unknown;
}

/** One call of an application. Plain fields, because every request makes one. */
class Call {
  readonly sink: Sink;
  readonly headRequest: boolean;
  /** True once startResponse was called, even if it threw. */
  called = false;
  status = NOT_CALLED;
  headers: HeaderList = NO_HEADERS;
  /** From Content-Length or the sum of an array; −1 without. */
  length = -1;
  written = 0;
  headSent = false;
  ended = false;
  /** `body`: still to be closed. `iterator`: still to be returned. Each is taken from here once. */
  body: Closable | null = null;
  iterator: Iteration | null = null;

  constructor(sink: Sink, headRequest: boolean) {
    this.sink = sink;
    this.headRequest = headRequest;
  }

  // Called by the application.

  startResponse: StartResponse = (status, headers, error) => {
    const replaces = error !== undefined && error !== null;
    if (replaces && this.headSent) throw error;
    if (this.called && !replaces) {
      throw new TsgiRuleError(
        'A8',
        'startResponse must be called once: a second call needs the error as its third argument',
      );
    }
    this.called = true;
    checkStatus(status);
    const copy = copyHeaders(headers);
    this.length = lengthOf(copy);
    this.headers = copy;
    this.status = status;
    return this.write;
  };

  write: Write = (chunk) => {
    checkChunk(chunk);
    if (this.ended) throw new TsgiRuleError('A14', 'write must not be called after the body has ended');
    this.sendHead();
    if (chunk.length === 0) return RESOLVED;
    return this.send(chunk) ?? RESOLVED;
  };

  // The body.

  /** Returns undefined if the whole body was sent. */
  finish(body: unknown): undefined | Promise<void> {
    if (typeof body === 'string' || body instanceof Uint8Array) return this.finishChunk(body);
    if (typeof body !== 'object' || body === null) throw bodyError(body);
    if (body instanceof FileBody) return this.finishFile(body);
    if (Array.isArray(body) && body.length === 1 && (body as Closable).close === undefined) {
      checkChunk(body[0]);
      return this.finishChunk(body[0]);
    }
    return this.finishIterable(body);
  }

  finishChunk(chunk: BodyChunk): undefined | Promise<void> {
    if (this.sink.gone) return undefined;
    const isOther = this.length !== -1 && this.length !== byteLength(chunk);
    if (this.headSent || isOther || this.tellsNothing(chunk.length)) {
      if (chunk.length > 0) this.send(chunk);
      return this.end();
    }
    this.respond(chunk);
    return undefined;
  }

  /** An empty answer to HEAD does not announce the length of the answer to GET (rule S34). */
  tellsNothing(bytes: number): boolean {
    return this.headRequest && bytes === 0 && this.length === -1;
  }

  respond(chunk: BodyChunk | null): void {
    this.requireStarted();
    this.ended = true;
    this.headSent = true;
    this.sink.respond(this.status, this.headers, chunk);
  }

  finishFile(body: FileBody): undefined | Promise<void> {
    this.body = body;
    try {
      if (!this.handsOver(body)) return this.finishIterable(body);
    } catch (error) {
      return this.fail(error);
    }
    this.headSent = true;
    this.ended = true;
    return this.release();
  }

  handsOver(body: FileBody): boolean {
    const { sink } = this;
    if (body.path === undefined || sink.sendFile === undefined || this.headSent || sink.gone) return false;
    this.requireStarted();
    return (
      this.status !== 204 &&
      this.status !== 304 &&
      sink.sendFile(this.status, this.headers, body, this.length)
    );
  }

  finishIterable(body: object): undefined | Promise<void> {
    this.body = body;
    try {
      if (Array.isArray(body)) this.sum(body);
      const asyncIterator = (body as Partial<AsyncIterable<unknown>>)[Symbol.asyncIterator];
      if (typeof asyncIterator === 'function') return this.finishAsync(asyncIterator.call(body));
      const iterator = (body as Partial<Iterable<unknown>>)[Symbol.iterator];
      if (typeof iterator !== 'function') throw bodyError(body);
      const iteration = iterator.call(body);
      const full = this.pull(iteration);
      if (full !== undefined) return this.finishStalled(iteration, full);
    } catch (error) {
      return this.fail(error);
    }
    return this.release();
  }

  /** The chunks of an array are all there, so their sum is the Content-Length. */
  sum(body: unknown[]): void {
    if (this.headSent || this.length !== -1 || this.status === NOT_CALLED) return;
    let sum = 0;
    for (const chunk of body) {
      checkChunk(chunk);
      sum += byteLength(chunk);
    }
    if (!this.tellsNothing(sum)) this.length = sum;
  }

  /** Pulls until the sink is full or the body needs no more chunks. Returns the promise of a full sink. */
  pull(iterator: Iterator<unknown>): Promise<void> | undefined {
    this.iterator = iterator;
    while (!this.wantsNoMore()) {
      const { done, value } = iterator.next();
      if (done === true) {
        this.iterator = null;
        return undefined;
      }
      const full = this.sendChunk(value);
      if (full !== undefined) return full;
    }
    return undefined;
  }

  async finishStalled(iterator: Iterator<unknown>, full: Promise<void>): Promise<void> {
    try {
      let waiting: Promise<void> | undefined = full;
      while (waiting !== undefined) {
        await waiting;
        waiting = this.pull(iterator);
      }
    } catch (error) {
      return this.fail(error);
    }
    await this.release();
  }

  async finishAsync(iterator: AsyncIterator<unknown>): Promise<void> {
    this.iterator = iterator;
    try {
      while (!this.wantsNoMore()) {
        const { done, value } = await iterator.next();
        if (done === true) {
          this.iterator = null;
          break;
        }
        const full = this.sendChunk(value);
        if (full !== undefined) await full;
      }
    } catch (error) {
      return this.fail(error);
    }
    await this.release();
  }

  /** True if the client is gone, or if the rest of the body is not sent. */
  wantsNoMore(): boolean {
    return this.sink.gone || (this.status !== NOT_CALLED && this.hasNoBody()) || this.fileIsSent();
  }

  /** A file is sent up to its Content-Length, and may be longer (rule S36). */
  fileIsSent(): boolean {
    return this.length !== -1 && this.written >= this.length && this.body instanceof FileBody;
  }

  hasNoBody(): boolean {
    return this.headRequest || this.status === 204 || this.status === 304;
  }

  sendChunk(chunk: unknown): Promise<void> | undefined {
    checkChunk(chunk);
    return chunk.length === 0 ? undefined : this.send(chunk);
  }

  send(chunk: BodyChunk): Promise<void> | undefined {
    this.sendHead();
    if (this.length === -1) return this.sink.write(chunk);
    const allowed = this.length - this.written;
    const length = byteLength(chunk);
    this.written += length;
    if (length <= allowed) return this.sink.write(chunk);
    const full = allowed > 0 ? this.sink.write(encodeChunk(chunk).subarray(0, allowed)) : undefined;
    if (this.body instanceof FileBody) return full;
    // The bytes on the wire are right, but the application is wrong.
    this.finishSink();
    throw new TsgiRuleError('A13', `The body must not be longer than its Content-Length: ${this.length}`);
  }

  sendHead(): void {
    if (this.headSent) return;
    this.requireStarted();
    this.headSent = true;
    this.sink.start(this.status, this.headers, this.length);
  }

  requireStarted(): void {
    if (this.status === NOT_CALLED) {
      throw new TsgiRuleError('A2', 'The application must call startResponse before its first chunk');
    }
  }

  // The end.

  /** Called when all needed chunks were pulled. */
  release(): undefined | Promise<void> {
    const { iterator } = this;
    if (iterator !== null) return this.releaseEarly(iterator);
    let closed: unknown;
    try {
      closed = this.close();
    } catch (error) {
      return this.fail(error);
    }
    if (isThenable(closed)) return this.endAfter(closed);
    return this.end();
  }

  async releaseEarly(iterator: Iteration): Promise<void> {
    this.iterator = null;
    try {
      await iterator.return?.();
      await this.close();
    } catch (error) {
      return this.fail(error);
    }
    this.end();
  }

  async endAfter(closed: PromiseLike<unknown>): Promise<void> {
    try {
      await closed;
    } catch (error) {
      return this.fail(error);
    }
    this.end();
  }

  /** Rethrows the error unchanged, after return() and close(). Their own errors would only hide it. */
  async fail(error: unknown): Promise<void> {
    const { iterator } = this;
    this.ended = true;
    this.iterator = null;
    try {
      await iterator?.return?.();
    } catch {}
    try {
      await this.close();
    } catch {}
    throw error;
  }

  close(): unknown {
    const { body } = this;
    this.body = null;
    return body?.close?.();
  }

  end(): undefined {
    if (this.ended || this.sink.gone) return undefined;
    if (!this.headSent && this.length <= 0 && !this.tellsNothing(0)) {
      this.respond(null);
      return undefined;
    }
    this.sendHead();
    if (this.length > this.written && !this.hasNoBody()) {
      this.ended = true;
      throw new TsgiRuleError(
        'A13',
        `The body must have as many bytes as its Content-Length: ${this.written} of ${this.length} came`,
      );
    }
    this.finishSink();
    return undefined;
  }

  finishSink(): void {
    if (this.ended) return;
    this.ended = true;
    this.sink.end();
  }
}

/**
 * Calls an application and sends its response. Returns undefined if all of it happened at once.
 *
 * @throws (or rejects with) the application's error, unchanged, after its body's `close` has run
 */
export function callApplication(
  application: Application,
  environ: Environ,
  sink: Sink,
): undefined | Promise<void> {
  const call = new Call(sink, environ.REQUEST_METHOD === 'HEAD');
  try {
    const body = application(environ, call.startResponse);
    if (isThenable(body)) return finishLater(call, body);
    return call.finish(body);
  } catch (error) {
    call.ended = true;
    throw error;
  }
}

async function finishLater(call: Call, body: PromiseLike<unknown>): Promise<void> {
  try {
    await call.finish(await body);
  } catch (error) {
    call.ended = true;
    throw error;
  }
}

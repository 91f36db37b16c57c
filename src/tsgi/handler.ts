/**
 * The one state machine that calls an application: startResponse, first chunk, framing, close on every path.
 *
 * Law: knows TSGI and a sink; no server, no socket, no clock. Used by every server and adapter here.
 *
 * The order of events: the application is called; its head is held until the first chunk that is not empty, the
 * first `write`, or the end of the body; each chunk is handed to the sink before the next is pulled, and a sink above
 * its high-water mark is waited for. `close` of the body is called exactly once, after the iterator's `return`, on
 * every path: end, error, a client that is gone, a body that needs no more.
 */
import { bodyError, checkChunk, checkStatus, copyHeaders, lengthOf, TsgiRuleError } from './check.ts';
import type { Application, BodyChunk, Environ, HeaderList, StartResponse, Write } from './types.ts';

export { TsgiRuleError } from './check.ts';

/** Where a response goes. The sink decides the bytes; this file decides what and when. */
export interface Sink {
  /** The complete response in one step: nothing was written before. */
  respond(status: number, headers: HeaderList, body: BodyChunk | null): void;
  /** Begins a streamed response of `length` bytes, −1 when that is not known. */
  start(status: number, headers: HeaderList, length: number): void;
  /** Undefined below the high-water mark, else a promise for it. It also resolves when the client goes, never rejects. */
  write(chunk: BodyChunk): Promise<void> | undefined;
  end(): void;
  /** Nobody waits for the response any more. */
  readonly gone: boolean;
}

const RESOLVED: Promise<void> = Promise.resolve();
const NOT_CALLED = 0;

type Iteration = Iterator<unknown> | AsyncIterator<unknown>;
interface Closable {
  close?: () => unknown;
}

/** One call of an application. */
class Call {
  readonly #sink: Sink;
  readonly #headRequest: boolean;
  #status = NOT_CALLED;
  #headers: HeaderList = [];
  /** From Content-Length, −1 without. */
  #length = -1;
  #written = 0;
  #headSent = false;
  #ended = false;

  constructor(sink: Sink, headRequest: boolean) {
    this.#sink = sink;
    this.#headRequest = headRequest;
  }

  // called by the application

  startResponse: StartResponse = (status, headers, error) => {
    if (error !== undefined && error !== null && this.#headSent) throw error;
    if (this.#status !== NOT_CALLED && (error === undefined || error === null)) {
      throw new TsgiRuleError(
        'startResponse must be called once: a second call needs the error as its third argument',
      );
    }
    checkStatus(status);
    const copy = copyHeaders(headers);
    this.#length = lengthOf(copy);
    this.#headers = copy;
    this.#status = status;
    return this.#write;
  };

  #write: Write = (chunk) => {
    checkChunk(chunk);
    if (this.#ended) throw new TsgiRuleError('write must not be called after the body has ended');
    if (chunk.length === 0) return RESOLVED;
    return this.#send(chunk) ?? RESOLVED;
  };

  // the body

  /** Undefined: all is sent. */
  finish(body: unknown): undefined | Promise<void> {
    if (typeof body === 'string' || body instanceof Uint8Array) return this.#finishChunk(body);
    if (typeof body !== 'object' || body === null) throw bodyError(body);
    if (Array.isArray(body)) return this.#finishArray(body);
    const asyncIterator = (body as Partial<AsyncIterable<unknown>>)[Symbol.asyncIterator];
    if (typeof asyncIterator === 'function') return this.#finishAsync(body, asyncIterator.call(body));
    const iterator = (body as Partial<Iterable<unknown>>)[Symbol.iterator];
    if (typeof iterator !== 'function') throw bodyError(body);
    return this.#finishSync(body, iterator.call(body));
  }

  #finishChunk(chunk: BodyChunk): undefined | Promise<void> {
    if (this.#headSent || (this.#length !== -1 && this.#length !== byteLength(chunk))) {
      if (chunk.length > 0) this.#send(chunk);
      return this.#end();
    }
    this.#respond(chunk);
    return undefined;
  }

  #respond(chunk: BodyChunk | null): void {
    this.#requireStarted();
    this.#ended = true;
    this.#headSent = true;
    this.#sink.respond(this.#status, this.#headers, chunk);
  }

  /** Chunks that are all there: their sum is the Content-Length. */
  #finishArray(body: unknown[] & Closable): undefined | Promise<void> {
    if (body.length === 1 && body.close === undefined) {
      checkChunk(body[0]);
      return this.#finishChunk(body[0]);
    }
    if (!this.#headSent && this.#length === -1 && this.#status !== NOT_CALLED) {
      let sum = 0;
      for (const chunk of body) {
        checkChunk(chunk);
        sum += byteLength(chunk);
      }
      this.#length = sum;
    }
    return this.#finishSync(body, body[Symbol.iterator]());
  }

  /** Pulls until a promise must be waited for, then goes on asynchronously. */
  #finishSync(body: object, iterator: Iterator<unknown>): undefined | Promise<void> {
    try {
      while (!this.#wantsNoMore()) {
        const { done, value } = iterator.next();
        if (done === true) return this.#close(body);
        const full = this.#sendChunk(value);
        if (full !== undefined) return this.#finishAsync(body, iterator, full);
      }
    } catch (error) {
      return this.#closeAfter(error, body, iterator);
    }
    return this.#finishAsync(body, iterator);
  }

  async #finishAsync(body: object, iterator: Iteration, full?: Promise<void>): Promise<void> {
    try {
      await full;
      while (!this.#wantsNoMore()) {
        const { done, value } = await iterator.next();
        if (done === true) return await this.#close(body);
        await this.#sendChunk(value);
      }
    } catch (error) {
      return this.#closeAfter(error, body, iterator);
    }
    await iterator.return?.();
    await this.#close(body);
  }

  /** The client is gone, or the response has no body to send. */
  #wantsNoMore(): boolean {
    return this.#sink.gone || (this.#status !== NOT_CALLED && this.#hasNoBody());
  }

  #hasNoBody(): boolean {
    return this.#headRequest || this.#status === 204 || this.#status === 304;
  }

  #sendChunk(chunk: unknown): Promise<void> | undefined {
    checkChunk(chunk);
    return chunk.length === 0 ? undefined : this.#send(chunk);
  }

  #send(chunk: BodyChunk): Promise<void> | undefined {
    this.#sendHead();
    const allowed = this.#length === -1 ? Number.POSITIVE_INFINITY : this.#length - this.#written;
    const length = byteLength(chunk);
    this.#written += length;
    if (length <= allowed) return this.#sink.write(chunk);
    if (allowed > 0) this.#sink.write(bytesOf(chunk).subarray(0, allowed));
    // What is on the wire is right; the application is not.
    this.#finishSink();
    throw new TsgiRuleError(`The body must not be longer than its Content-Length: ${this.#length}`);
  }

  #sendHead(): void {
    if (this.#headSent) return;
    this.#requireStarted();
    this.#headSent = true;
    this.#sink.start(this.#status, this.#headers, this.#length);
  }

  #requireStarted(): void {
    if (this.#status === NOT_CALLED) {
      throw new TsgiRuleError('The application must call startResponse before its first chunk');
    }
  }

  #close(body: object): undefined | Promise<void> {
    const closed = (body as Closable).close?.();
    if (closed instanceof Promise) return closed.then(() => this.#end());
    return this.#end();
  }

  /** The error goes on untouched, after return() and close(); what those throw would only hide it. */
  async #closeAfter(error: unknown, body: object, iterator: Iteration): Promise<void> {
    try {
      await iterator.return?.();
    } catch {}
    try {
      await (body as Closable).close?.();
    } catch {}
    throw error;
  }

  #end(): undefined {
    if (this.#ended || this.#sink.gone) return undefined;
    if (!this.#headSent) {
      if (this.#length > 0) this.#sendHead();
      else {
        this.#respond(null);
        return undefined;
      }
    }
    if (this.#length > this.#written && !this.#hasNoBody()) {
      throw new TsgiRuleError(
        `The body must have as many bytes as its Content-Length: ${this.#written} of ${this.#length} came`,
      );
    }
    this.#finishSink();
    return undefined;
  }

  #finishSink(): void {
    if (this.#ended) return;
    this.#ended = true;
    this.#sink.end();
  }
}

/**
 * Calls an application and sends its response. Undefined when all of it happened at once.
 *
 * @throws (or rejects with) what the application threw, untouched, after its body's `close` has run
 */
export function callApplication(
  application: Application,
  environ: Environ,
  sink: Sink,
): undefined | Promise<void> {
  const call = new Call(sink, environ.REQUEST_METHOD === 'HEAD');
  const body = application(environ, call.startResponse);
  if (isThenable(body)) return finishLater(call, body);
  return call.finish(body);
}

async function finishLater(call: Call, body: PromiseLike<unknown>): Promise<void> {
  await call.finish(await body);
}

function isThenable(value: unknown): value is PromiseLike<unknown> {
  return (
    typeof value === 'object' && value !== null && typeof (value as { then?: unknown }).then === 'function'
  );
}

const encoder = new TextEncoder();

function bytesOf(chunk: BodyChunk): Uint8Array {
  return typeof chunk === 'string' ? encoder.encode(chunk) : chunk;
}

function byteLength(chunk: BodyChunk): number {
  if (typeof chunk !== 'string') return chunk.byteLength;
  // What Node offers without encoding; the standard itself needs nothing of Node.
  return typeof Buffer === 'function' ? Buffer.byteLength(chunk) : encoder.encode(chunk).length;
}

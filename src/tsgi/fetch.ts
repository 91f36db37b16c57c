/**
 * TSGI as a fetch handler: `Request` in, `Response` out, for Deno, Bun and any other runtime with fetch handlers.
 *
 * Law: standard globals only. A `Request` lacks the version, the raw target and the peers of the request. This file fills them
 * in as well as possible: `peerOf` knows Deno's and Bun's second argument.
 */
/// <reference types="node" preserve="true" />
import { type AdapterContext, createEnviron, type SignalSource } from './environ.ts';
import { LineErrors } from './error-stream.ts';
import { ClientGoneError, NoBlockingError } from './rule-errors.ts';
import { fileWrapper } from './file-body.ts';
import { callApplication, type Sink } from './handler.ts';
import { type BodySource, emptyInput, Input } from './input.ts';
import { encodeChunk, copyOf } from './text.ts';
import type { Application, BodyChunk, Environ, HeaderList } from './types.ts';

export interface FetchHandlerOptions {
  /** Receives an error of the application. Default: `console.error`, if the runtime has it. */
  readonly onError?: (error: unknown, environ: Environ) => void;
  /** Receives the text of `tsgi.errors`, line by line. Default: `console.error`, if the runtime has it. */
  readonly onLine?: (line: string) => void;
  /** SERVER_SOFTWARE. */
  readonly software?: string;
}

export type FetchHandler = (request: Request, ...rest: unknown[]) => Promise<Response>;

const CONTEXT = {
  multithread: false,
  multiprocess: false,
  runOnce: false,
  concurrent: true,
  blockingInput: false,
  fileWrapper,
};

/**
 * Returns the application as a fetch handler. The handler never rejects: if the application throws, the response is 500, or its
 * body fails.
 */
export function toFetchHandler(application: Application, options: FetchHandlerOptions = {}): FetchHandler {
  const { onError = reportError, onLine = printLine } = options;
  const context: AdapterContext = { software: options.software ?? 'tsgi/1.0', ...CONTEXT };
  const errors = new LineErrors(onLine);
  return (request, ...rest) =>
    new Promise((resolve) => {
      const exchange = new FetchHandlerCall(request, resolve);
      const parts = { ...partsOf(request, rest), input: exchange.input, errors, signal: exchange };
      const environ = createEnviron(parts, context);
      const fail = (error: unknown) => {
        if (!exchange.gone) onError(error, environ);
        exchange.fail(error);
      };
      try {
        callApplication(application, environ, exchange)?.catch(fail);
      } catch (error) {
        fail(error);
      }
    });
}

function printLine(...line: unknown[]): void {
  (globalThis as { console?: { error(...values: unknown[]): void } }).console?.error(...line);
}

/** The console prints the whole error, with its cause and its properties. */
function reportError(error: unknown, environ: Environ): void {
  const what = `${environ.REQUEST_METHOD} ${environ.REQUEST_URI} failed:`;
  if (error instanceof Error) printLine(what, error);
  else printLine(`${what} thrown: ${String(error)}`);
}

function partsOf(request: Request, rest: readonly unknown[]) {
  const url = new URL(request.url);
  const scheme = url.protocol === 'https:' ? ('https' as const) : ('http' as const);
  const { address, port } = peerOf(request, rest);
  const fields: [string, string][] = [...request.headers];
  return {
    method: request.method,
    target: url.pathname + url.search,
    protocol: 'HTTP/1.1',
    scheme,
    fields: request.headers.has('host') ? fields : [...fields, ['host', url.host] as [string, string]],
    serverName: url.hostname,
    serverPort: url.port || (scheme === 'https' ? '443' : '80'),
    remoteAddress: address,
    remotePort: port,
  };
}

interface Peer {
  readonly address: string;
  readonly port: string;
}

/** Deno's second argument has `remoteAddr`; Bun's is its server. */
function peerOf(request: Request, rest: readonly unknown[]): Peer {
  const info = rest[0] as
    | {
        remoteAddr?: { hostname?: string; port?: number };
        requestIP?: (request: Request) => { address: string; port: number } | null;
      }
    | undefined;
  if (info?.remoteAddr !== undefined) {
    return { address: info.remoteAddr.hostname ?? '', port: String(info.remoteAddr.port ?? '') };
  }
  const peer = typeof info?.requestIP === 'function' ? info.requestIP(request) : null;
  return peer === null ? { address: '', port: '' } : { address: peer.address, port: String(peer.port) };
}

/** Reads a web stream for TSGI's input. */
class FetchBody implements BodySource {
  readonly #reader: ReadableStreamDefaultReader<Uint8Array>;
  #chunk: Uint8Array | null | undefined;
  #error: Error | null = null;

  constructor(body: ReadableStream<Uint8Array>) {
    this.#reader = body.getReader();
  }

  next(): Uint8Array | null | undefined {
    if (this.#error !== null) throw this.#error;
    const chunk = this.#chunk;
    if (chunk !== null) this.#chunk = undefined;
    return chunk;
  }

  async wait(): Promise<void> {
    try {
      const { done, value } = await this.#reader.read();
      this.#chunk = done ? null : value;
    } catch {
      this.#error = new ClientGoneError();
    }
  }

  waitSync(): never {
    throw new NoBlockingError();
  }
}

/** Uses setImmediate if the runtime has it: a timer takes a millisecond more. */
const nextTurn: (then: () => void) => unknown =
  typeof setImmediate === 'function' ? setImmediate : (then) => setTimeout(then, 0);

/** Pulls nothing before the reader reads. */
const LAZY = { highWaterMark: 0 };
/** A body of unknown length for a response that is sent without a body. */
const UNREAD = { pull: (controller: Controller) => controller.close() };

/** 205 has no body in fetch, and none in HTTP (RFC 9110 §15.3.6). */
function isNullBody(status: number): boolean {
  return status === 204 || status === 205 || status === 304;
}

/** The headers, with the length if it is known and allowed (RFC 9110 §8.6). */
function fieldsOf(status: number, list: HeaderList, length: number): Headers {
  const headers = new Headers();
  for (const [name, value] of list) headers.append(name, value);
  if (status === 204) headers.delete('content-length');
  else if (length >= 0 && !isNullBody(status) && !headers.has('content-length')) {
    headers.set('content-length', String(length));
  }
  return headers;
}

type Controller = ReadableStreamDefaultController<Uint8Array>;

/** One request and its response. */
class FetchHandlerCall implements Sink, SignalSource {
  readonly #request: Request;
  readonly #resolve: (response: Response) => void;
  readonly input: Input | typeof emptyInput;
  #answered = false;
  #ended = false;
  #controller: Controller | null = null;
  /** Resolve functions of writes that the reader has not taken. */
  #waiting: (() => void)[] = [];
  #abort: AbortController | null = null;
  gone = false;

  constructor(request: Request, resolve: (response: Response) => void) {
    this.#request = request;
    this.#resolve = resolve;
    this.input = request.body === null ? emptyInput : new Input(new FetchBody(request.body));
    request.signal.addEventListener('abort', () => this.#leave());
  }

  signal(): AbortSignal {
    this.#abort ??= new AbortController();
    if (this.gone) this.#abort.abort(new ClientGoneError());
    return this.#abort.signal;
  }

  respond(status: number, headers: HeaderList, body: BodyChunk | null): void {
    this.#ended = true;
    const bytes = body === null ? null : encodeChunk(body);
    if (this.#isHead) this.#answerHead(status, headers, bytes === null ? 0 : bytes.length);
    else this.#answer(status, fieldsOf(status, headers, -1), bytes);
  }

  start(status: number, headers: HeaderList, length: number): void {
    if (this.#isHead) return this.#answerHead(status, headers, length);
    const fields = fieldsOf(status, headers, length);
    if (isNullBody(status)) return this.#answer(status, fields, null);
    const stream = new ReadableStream<Uint8Array>(
      {
        start: (controller) => {
          this.#controller = controller;
        },
        pull: () => void nextTurn(() => this.#flows()),
        cancel: () => this.#leave(),
      },
      // When the reader pulls, it has the previous chunk. A turn later, that chunk has left.
      LAZY,
    );
    this.#answer(status, fields, stream);
  }

  /** Resolves when the reader has taken the chunk and pulls another one: a body may burn CPU meanwhile (rule S24). */
  write(chunk: BodyChunk): Promise<void> | undefined {
    const controller = this.#controller;
    if (this.gone || controller === null) return undefined;
    const sent = new Promise<void>((resolve) => {
      this.#waiting.push(resolve);
    });
    // Deno's reader may cancel during this call.
    controller.enqueue(copyOf(chunk));
    return sent;
  }

  end(): void {
    this.#ended = true;
    if (!this.gone) this.#controller?.close();
  }

  fail(error: unknown): void {
    if (!this.#answered) this.respond(500, [['content-type', 'text/plain']], 'Internal Server Error\n');
    else if (!this.gone && !this.#ended) this.#controller?.error(error);
  }

  get #isHead(): boolean {
    return this.#request.method === 'HEAD';
  }

  /** For a null body, a runtime announces length 0. A stream of unknown length prevents that. */
  #answerHead(status: number, headers: HeaderList, length: number): void {
    const fields = fieldsOf(status, headers, length);
    this.#answer(status, fields, fields.has('content-length') ? null : new ReadableStream(UNREAD, LAZY));
  }

  #answer(status: number, headers: Headers, body: Uint8Array | ReadableStream<Uint8Array> | null): void {
    const sent = isNullBody(status) ? null : (body as ConstructorParameters<typeof Response>[0]);
    this.#resolve(new Response(sent, { status, headers }));
    this.#answered = true;
  }

  #flows(): void {
    for (const resolve of this.#waiting.splice(0)) resolve();
  }

  #leave(): void {
    // Deno cancels every response, even one that has ended well.
    if (this.gone || this.#ended) return;
    this.gone = true;
    this.#abort?.abort(new ClientGoneError());
    this.#flows();
  }
}

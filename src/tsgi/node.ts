/**
 * TSGI on `node:http`: an application as a `(request, response)` listener, for a `http.Server`, Express and similar frameworks.
 *
 * Law: types of `node:http` only, so that it loads anywhere. `handler.ts` knows applications and calls them. Reads and writes
 * only through Node's public streams.
 */
/// <reference types="node" preserve="true" />
import type { IncomingMessage, ServerResponse } from 'node:http';
import { type AdapterContext, createEnviron, type SignalSource } from './environ.ts';
import { LineErrors } from './error-stream.ts';
import { ClientGoneError, NoBlockingError } from './rule-errors.ts';
import { fileWrapper } from './file-body.ts';
import { callApplication, type Sink } from './handler.ts';
import { type BodySource, emptyInput, Input } from './input.ts';
import { byteLength, encodeChunk } from './text.ts';
import type { Application, BodyChunk, Environ, HeaderList } from './types.ts';

export interface NodeListenerOptions {
  /** Receives an error of the application. Default: standard error. */
  readonly onError?: (error: unknown, environ: Environ) => void;
  /** Receives the text of `tsgi.errors`, line by line. Default: standard error. */
  readonly onLine?: (line: string) => void;
  /** SERVER_SOFTWARE. */
  readonly software?: string;
}

export type NodeListener = (request: IncomingMessage, response: ServerResponse) => void;

/** Express and Connect remove the prefix of a mounted listener from `url`, and store it here. */
interface MountedMessage extends IncomingMessage {
  readonly baseUrl?: string;
  readonly originalUrl?: string;
}

/**
 * Returns the application as a listener. The listener never throws: if the application throws, the response is 500, or is
 * aborted.
 */
export function toNodeListener(application: Application, options: NodeListenerOptions = {}): NodeListener {
  const call = nodeCaller(application, options);
  return (request, response) => call(request, response, false);
}

/** As `toNodeListener`. The third argument is true if `100 Continue` is still to be sent (`checkContinue`). */
export function nodeCaller(
  application: Application,
  options: NodeListenerOptions,
): (request: IncomingMessage, response: ServerResponse, continueDue: boolean) => void {
  const errors = new LineErrors(options.onLine ?? writeLine);
  const context: AdapterContext = {
    software: options.software ?? 'tsgi/1.0',
    multithread: false,
    multiprocess: false,
    runOnce: false,
    concurrent: true,
    blockingInput: false,
    fileWrapper,
  };
  return (request, response, continueDue) => {
    const exchange = new NodeListenerCall(request, response, continueDue);
    const environ = createEnviron(
      { ...partsOf(request), input: exchange.input, errors, signal: exchange },
      context,
    );
    if (isMountItself(request)) environ.PATH_INFO = '';
    exchange.run(application, environ, options.onError ?? writeError);
  };
}

function writeLine(line: string): void {
  process.stderr.write(`${line}\n`);
}

function writeError(error: unknown, environ: Environ): void {
  const what = `${environ.REQUEST_METHOD} ${environ.REQUEST_URI} failed:`;
  const { console } = globalThis as { console?: { error(...values: unknown[]): void } };
  // The console prints the whole error, with its cause and its properties.
  if (error instanceof Error) console?.error(what, error);
  else writeLine(`${what} thrown: ${String(error)}`);
}

function partsOf(request: MountedMessage) {
  const { socket, url = '/', baseUrl, originalUrl } = request;
  return {
    method: request.method ?? 'GET',
    target: originalUrl ?? url,
    ...(originalUrl === undefined ? {} : { below: url }),
    ...(baseUrl === undefined ? {} : { mount: baseUrl }),
    protocol: `HTTP/${request.httpVersion}`,
    scheme: 'encrypted' in socket ? ('https' as const) : ('http' as const),
    fields: pairs(request.rawHeaders),
    serverName: socket.localAddress ?? 'localhost',
    serverPort: String(socket.localPort ?? 80),
    remoteAddress: socket.remoteAddress ?? '',
    remotePort: String(socket.remotePort ?? ''),
  };
}

/** Express adds a '/' to the `url` of its mount, which the client did not send (rule S4). */
function isMountItself({ baseUrl = '', originalUrl = '' }: MountedMessage): boolean {
  return baseUrl !== '' && originalUrl.split('?', 1)[0] === baseUrl;
}

function* pairs(raw: readonly string[]): Generator<[string, string]> {
  for (let i = 0; i < raw.length; i += 2) yield [raw[i]!, raw[i + 1]!];
}

/** Reads Node's request body for TSGI's input. */
class NodeBody implements BodySource {
  readonly #request: IncomingMessage;
  readonly #onRead: () => void;
  #ended = false;
  #error: Error | null = null;
  #wake: (() => void) | null = null;

  constructor(request: IncomingMessage, onRead: () => void) {
    this.#request = request;
    this.#onRead = onRead;
    request.on('readable', this.#wakeUp);
    request.on('end', () => {
      this.#ended = true;
      this.#wakeUp();
    });
    request.on('error', () => this.break());
  }

  next(): Uint8Array | null | undefined {
    this.#onRead();
    if (this.#error !== null) throw this.#error;
    const chunk = this.#request.read() as Uint8Array | null;
    if (chunk !== null) return chunk;
    return this.#ended || (this.#request.complete && this.#request.readableLength === 0) ? null : undefined;
  }

  wait(): Promise<void> {
    if (this.#ended || this.#error !== null || this.#request.readableLength > 0) return Promise.resolve();
    return new Promise((resolve) => {
      this.#wake = resolve;
    });
  }

  waitSync(): never {
    throw new NoBlockingError();
  }

  /** The body has no more bytes. */
  break(): void {
    if (!this.#ended) this.#error ??= new ClientGoneError();
    this.#wakeUp();
  }

  /** The response is sent. Drops the unread body, so that Node can read the next request. */
  release(): void {
    this.#request.off('readable', this.#wakeUp);
    // Node counts its listeners one tick later, and does not resume before.
    process.nextTick(() => this.#request.resume());
  }

  readonly #wakeUp = (): void => {
    this.#wake?.();
    this.#wake = null;
  };
}

/**
 * Writes the head. If a framework has set fields already, Node would keep only one of each name from an array. The framework's
 * own framing is removed: a response has only one.
 */
function writeHead(response: ServerResponse, status: number, flat: string[]): void {
  if (response.getHeaderNames().length === 0) {
    response.writeHead(status, flat);
    return;
  }
  const hasLength = flat.some((text, i) => i % 2 === 0 && text.toLowerCase() === 'content-length');
  if (response.hasHeader('content-length')) response.removeHeader('content-length');
  if (response.hasHeader('transfer-encoding')) {
    // If the field were removed, Node would end the connection after the body.
    if (hasLength || isBodiless(response, status)) response.removeHeader('transfer-encoding');
    else response.setHeader('transfer-encoding', 'chunked');
  }
  for (let i = 0; i < flat.length; i += 2) response.removeHeader(flat[i]!);
  for (let i = 0; i < flat.length; i += 2) response.appendHeader(flat[i]!, flat[i + 1]!);
  response.writeHead(status);
}

/** True if the response has no body, or if its body ends with the connection: HTTP/1.0 has no chunks. */
function isBodiless({ req }: ServerResponse, status: number): boolean {
  return req.method === 'HEAD' || status === 204 || status === 304 || req.httpVersion === '1.0';
}

const NOTHING = new Uint8Array(0);
const NOT_ASCII = /[^\0-\x7f]/;

/** One request and its response. */
class NodeListenerCall implements Sink, SignalSource {
  readonly #response: ServerResponse;
  readonly #body: NodeBody | null;
  readonly input: Input | typeof emptyInput;
  #controller: AbortController | null = null;
  /** Resolve functions of writes that have not left. */
  readonly #waiting: Set<() => void> = new Set();
  gone = false;

  constructor(request: IncomingMessage, response: ServerResponse, continueDue: boolean) {
    this.#response = response;
    const sendContinue = () => {
      if (continueDue && !response.headersSent) response.writeContinue();
      continueDue = false;
    };
    const { 'content-length': length, 'transfer-encoding': encoding } = request.headers;
    const hasBody = encoding !== undefined || (length !== undefined && length !== '0');
    this.#body = hasBody ? new NodeBody(request, sendContinue) : null;
    this.input = this.#body === null ? emptyInput : new Input(this.#body);
    response.on('finish', () => this.#body?.release());
    response.on('close', () => {
      if (!response.writableFinished) this.#leave();
    });
  }

  signal(): AbortSignal {
    this.#controller ??= new AbortController();
    if (this.gone) this.#controller.abort(new ClientGoneError());
    return this.#controller.signal;
  }

  run(application: Application, environ: Environ, report: (error: unknown, environ: Environ) => void): void {
    const fail = (error: unknown) => {
      // If its client left, an application that throws has done nothing wrong.
      if (!this.gone) report(error, environ);
      this.#fail();
    };
    try {
      callApplication(application, environ, this)?.catch(fail);
    } catch (error) {
      fail(error);
    }
  }

  respond(status: number, headers: HeaderList, body: BodyChunk | null): void {
    this.#writeHead(status, headers, body === null ? 0 : byteLength(body));
    // As bytes: Node encodes the head in the encoding of a string that follows it.
    if (body === null) this.#response.end();
    else this.#response.end(encodeChunk(body));
  }

  start(status: number, headers: HeaderList, length: number): void {
    this.#writeHead(status, headers, length);
    // Before any string, even an empty one, Node would encode the head in UTF-8.
    if (headers.some(([, value]) => NOT_ASCII.test(value))) this.#response.write(NOTHING);
    else this.#response.flushHeaders();
  }

  /** Resolves when the kernel has the chunk: Node may hold it back, and a body may burn CPU meanwhile (rule S24). */
  write(chunk: BodyChunk): Promise<void> | undefined {
    if (this.gone) return undefined;
    return new Promise((resolve) => {
      this.#waiting.add(resolve);
      this.#response.write(chunk, () => {
        this.#waiting.delete(resolve);
        resolve();
      });
    });
  }

  end(): void {
    this.#response.end();
  }

  #writeHead(status: number, headers: HeaderList, length: number): void {
    const flat: string[] = [];
    let hasLength = status === 204 || status === 304;
    for (const [name, value] of headers) {
      const isLength = name.toLowerCase() === 'content-length';
      // RFC 9110 §8.6.
      if (isLength && status === 204) continue;
      flat.push(name, value);
      hasLength ||= isLength;
    }
    if (length >= 0 && !hasLength) flat.push('content-length', String(length));
    writeHead(this.#response, status, flat);
  }

  #fail(): void {
    const response = this.#response;
    if (this.gone) return;
    // A response that has ended is right, and may still be on its way.
    if (response.writableEnded) return;
    if (response.headersSent) response.destroy();
    else this.respond(500, [['content-type', 'text/plain']], 'Internal Server Error\n');
  }

  #leave(): void {
    this.gone = true;
    for (const resolve of this.#waiting) resolve();
    this.#body?.break();
    this.#controller?.abort(new ClientGoneError());
  }
}

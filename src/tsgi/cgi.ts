/**
 * TSGI after CGI (RFC 3875): reads one request from the environment and standard input, and writes its response to standard
 * output.
 *
 * Law: knows its process only through the arguments of `runCgi`; their defaults are that process.
 */
/// <reference types="node" preserve="true" />
import { read, readSync, writeSync } from 'node:fs';
import { STATUS_CODES } from 'node:http';
import { inspect, promisify } from 'node:util';
import { fieldName } from './check-environ.ts';
import { type AdapterContext, createEnviron, encodePath, type SignalSource } from './environ.ts';
import { LineErrors } from './error-stream.ts';
import { ClientGoneError } from './rule-errors.ts';
import { fileWrapper } from './file-body.ts';
import { callApplication, type Sink } from './handler.ts';
import { isWithheld } from './hop-by-hop.ts';
import { type BodySource, emptyInput, Input } from './input.ts';
import { encodeChunk } from './text.ts';
import type { Application, BodyChunk, Environ, HeaderList } from './types.ts';

export interface CgiOptions {
  /** Default: `process.env`. */
  readonly env?: Readonly<Record<string, string | undefined>>;
  /** File descriptors. Defaults: 0, 1 and 2. */
  readonly stdin?: number;
  readonly stdout?: number;
  readonly stderr?: number;
}

const CONTEXT: AdapterContext = {
  software: 'tsgi-cgi/1.0',
  multithread: false,
  multiprocess: true,
  runOnce: true,
  concurrent: false,
  blockingInput: true,
  fileWrapper,
};
const BLOCK = 64 * 1024;

/**
 * Answers the one request of this process. Resolves with true when the response is written.
 *
 * If the application throws, the error is written to stderr. If nothing was written yet, the client gets 500. The promise then
 * resolves with false, and the caller may set the exit code.
 */
export async function runCgi(application: Application, options: CgiOptions = {}): Promise<boolean> {
  const { env = process.env, stdin = 0, stdout = 1, stderr = 2 } = options;
  const tell = (line: string) => writeAll(stderr, encodeChunk(`${line}\n`));
  const sink = new CgiSink(stdout, env.REQUEST_METHOD === 'HEAD');
  const errors = new LineErrors(tell);
  try {
    await callApplication(application, environOf(env, stdin, errors, sink), sink);
    return true;
  } catch (error) {
    // If its client left, an application that throws has done nothing wrong.
    if (sink.gone) return true;
    tell(error instanceof Error ? inspect(error) : `thrown: ${String(error)}`);
    sink.fail();
    return false;
  } finally {
    // The process ends now, and an unfinished line would be lost.
    errors.flush();
  }
}

type CgiEnv = CgiOptions['env'] & object;

/** Without a length, CGI has no body (RFC 3875 §4.2). A value that is not a number of bytes counts as no length. */
function lengthIn(env: CgiEnv): string {
  return /^\d{1,15}$/.test(env.CONTENT_LENGTH ?? '') ? env.CONTENT_LENGTH! : '';
}

function environOf(env: CgiEnv, stdin: number, errors: LineErrors, signal: SignalSource): Environ {
  const query = env.QUERY_STRING ?? '';
  const path = encodePath((env.SCRIPT_NAME ?? '') + (env.PATH_INFO ?? ''));
  const https = /^(?:on|yes|1)$/i.test(env.HTTPS ?? '') || env.REQUEST_SCHEME === 'https';
  const length = lengthIn(env);
  const parts = {
    method: env.REQUEST_METHOD ?? 'GET',
    target: env.REQUEST_URI ?? (query === '' ? path || '/' : `${path || '/'}?${query}`),
    protocol: env.SERVER_PROTOCOL ?? 'HTTP/1.0',
    scheme: https ? ('https' as const) : ('http' as const),
    fields: [],
    serverName: env.SERVER_NAME || 'localhost',
    serverPort: env.SERVER_PORT || (https ? '443' : '80'),
    remoteAddress: env.REMOTE_ADDR ?? '',
    remotePort: env.REMOTE_PORT ?? '',
    input: Number(length) === 0 ? emptyInput : new Input(new CgiBody(stdin, Number(length))),
    errors,
    signal,
  };
  const environ = createEnviron(parts, CONTEXT);
  // The web server has computed these values already.
  environ.SCRIPT_NAME = env.SCRIPT_NAME === '/' ? '' : (env.SCRIPT_NAME ?? '');
  environ.PATH_INFO = env.PATH_INFO ?? '';
  environ.QUERY_STRING = query;
  environ.CONTENT_TYPE = env.CONTENT_TYPE ?? '';
  environ.CONTENT_LENGTH = length;
  environ.SERVER_SOFTWARE = env.SERVER_SOFTWARE ?? CONTEXT.software;
  for (const [name, value] of Object.entries(env)) {
    if (isField(name)) environ[name] = value;
  }
  if (environ.SCRIPT_NAME === '' && environ.PATH_INFO === '') environ.PATH_INFO = '/';
  return environ;
}

/** True for a header field of the request, except fields of the connection and fields with a key of their own. */
function isField(name: string): name is `HTTP_${string}` {
  if (!name.startsWith('HTTP_')) return false;
  const field = fieldName(name);
  return !isWithheld(field) && field !== 'content-type' && field !== 'content-length';
}

/** Standard input up to its Content-Length. A synchronous read blocks the process. */
class CgiBody implements BodySource {
  readonly #fd: number;
  #left: number;
  #chunk: Uint8Array | undefined;

  constructor(fd: number, length: number) {
    this.#fd = fd;
    this.#left = length;
  }

  next(): Uint8Array | null | undefined {
    const chunk = this.#chunk;
    this.#chunk = undefined;
    return chunk ?? (this.#left === 0 ? null : undefined);
  }

  async wait(): Promise<void> {
    const block = this.#block();
    const { bytesRead } = await promisify(read)(this.#fd, block, 0, block.length, null);
    this.#arrived(block, bytesRead);
  }

  waitSync(): void {
    const block = this.#block();
    this.#arrived(block, readSync(this.#fd, block, 0, block.length, null));
  }

  #block(): Uint8Array {
    return new Uint8Array(Math.min(BLOCK, this.#left));
  }

  #arrived(block: Uint8Array, bytes: number): void {
    if (bytes === 0) throw new Error(`The request body ended ${this.#left} bytes early`);
    this.#left -= bytes;
    this.#chunk = block.subarray(0, bytes);
  }
}

class CgiSink implements Sink, SignalSource {
  readonly #fd: number;
  readonly #headRequest: boolean;
  readonly #controller: AbortController = new AbortController();
  #started = false;
  #hasBody = true;
  gone = false;

  constructor(fd: number, headRequest: boolean) {
    this.#fd = fd;
    this.#headRequest = headRequest;
  }

  signal(): AbortSignal {
    return this.#controller.signal;
  }

  respond(status: number, headers: HeaderList, body: BodyChunk | null): void {
    this.start(status, headers, body === null ? 0 : encodeChunk(body).length);
    if (body !== null) this.write(body);
  }

  start(status: number, headers: HeaderList, length: number): void {
    this.#started = true;
    this.#hasBody = !this.#headRequest && status !== 204 && status !== 304;
    let head = `Status: ${status} ${STATUS_CODES[status] ?? ''}\r\n`;
    let hasLength = status === 204 || status === 304;
    for (const [name, value] of headers) {
      const isLength = name.toLowerCase() === 'content-length';
      // RFC 9110 §8.6.
      if (isLength && status === 204) continue;
      head += `${name}: ${value}\r\n`;
      hasLength ||= isLength;
    }
    if (length >= 0 && !hasLength) head += `Content-Length: ${length}\r\n`;
    this.#send(Uint8Array.from(`${head}\r\n`, (character) => character.charCodeAt(0)));
  }

  write(chunk: BodyChunk): undefined {
    if (this.#hasBody) this.#send(encodeChunk(chunk));
  }

  end(): void {}

  fail(): void {
    if (!this.#started) this.respond(500, [['Content-Type', 'text/plain']], 'Internal Server Error\n');
  }

  /** Sends bytes. If the web server does not read any more, the client is gone. */
  #send(bytes: Uint8Array): void {
    if (this.gone) return;
    try {
      writeAll(this.#fd, bytes);
    } catch (error) {
      if (!LEFT.has((error as NodeJS.ErrnoException).code)) throw error;
      this.gone = true;
      this.#controller.abort(new ClientGoneError());
    }
  }
}

/** Error codes of a pipe and of a socket whose reader has closed it. */
const LEFT: ReadonlySet<string | undefined> = new Set(['EPIPE', 'ECONNRESET']);

function writeAll(fd: number, bytes: Uint8Array): void {
  for (let at = 0; at < bytes.length;) at += writeSync(fd, bytes, at);
}

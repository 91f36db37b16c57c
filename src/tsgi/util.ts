/**
 * Functions of an environ for applications and middleware, and a replacement for a server in their tests.
 *
 * Law: functions of an environ; no server, nothing of Node.
 */
/// <reference types="node" preserve="true" />
import { createEnviron, decodePath, encodePath } from './environ.ts';
import { LineErrors } from './error-stream.ts';
import { show } from './rule-errors.ts';
import { fileWrapper } from './file-body.ts';
import { callApplication, type Sink } from './handler.ts';
import { HeaderView } from './headers.ts';
import { completeBody, emptyInput, Input } from './input.ts';
import { encodeChunk, copyOf } from './text.ts';
import type { Application, BodyChunk, Environ, ErrorStream, HeaderList } from './types.ts';
import { validator } from './validate.ts';

export { isHopByHop } from './hop-by-hop.ts';

// Functions of an environ.

export interface UrlOptions {
  /** Include the query. Default: true. */
  readonly query?: boolean;
}

/** The whole URL of the request. Its path is the one that the client sent, if SCRIPT_NAME and PATH_INFO still match it. */
export function requestUrl(environ: Environ, options: UrlOptions = {}): string {
  const { SCRIPT_NAME, PATH_INFO, QUERY_STRING } = environ;
  const raw = rawPath(environ.REQUEST_URI);
  const path = decodePath(raw) === SCRIPT_NAME + PATH_INFO ? raw : encodePath(SCRIPT_NAME + PATH_INFO);
  const query = options.query === false || QUERY_STRING === '' ? '' : `?${QUERY_STRING}`;
  return origin(environ) + (path === '' ? '/' : path) + query;
}

/** The URL at which the application is mounted: without PATH_INFO and query, with a '/' at the root. */
export function applicationUrl(environ: Environ): string {
  return origin(environ) + (encodePath(environ.SCRIPT_NAME) || '/');
}

function origin(environ: Environ): string {
  const scheme = environ['tsgi.url_scheme'];
  const { HTTP_HOST, SERVER_NAME, SERVER_PORT } = environ;
  if (HTTP_HOST !== undefined && HTTP_HOST !== '') return `${scheme}://${HTTP_HOST}`;
  const host = SERVER_NAME.includes(':') ? `[${SERVER_NAME}]` : SERVER_NAME;
  const isDefault = SERVER_PORT === (scheme === 'https' ? '443' : '80');
  return `${scheme}://${host}${isDefault ? '' : `:${SERVER_PORT}`}`;
}

function rawPath(target: string): string {
  const start = target.startsWith('/') ? 0 : target.indexOf('/', target.indexOf('://') + 3);
  if (start === -1) return '';
  const question = target.indexOf('?');
  return target.slice(start, question === -1 ? undefined : question);
}

/**
 * Moves the first segment of PATH_INFO to SCRIPT_NAME and returns it, or undefined if none is left.
 *
 * Skips empty segments and '.'. A '..' removes the last segment from SCRIPT_NAME. If a path ends in '/', its last segment is
 * '', and SCRIPT_NAME gets a '/' at its end. This distinguishes '/x' from '/x/'.
 */
export function shiftPathInfo(environ: Environ): string | undefined {
  if (environ.PATH_INFO === '') return undefined;
  const segments = environ.PATH_INFO.split('/').slice(1);
  const last = segments.pop()!;
  const kept = segments.filter((segment) => segment !== '' && segment !== '.');
  const name = kept.shift();
  if (name !== undefined) {
    environ.SCRIPT_NAME = below(environ.SCRIPT_NAME, name);
    environ.PATH_INFO = `/${[...kept, last].join('/')}`;
    return name;
  }
  environ.PATH_INFO = '';
  if (last === '.') return undefined;
  environ.SCRIPT_NAME = last === '' ? `${below(environ.SCRIPT_NAME, '')}/` : below(environ.SCRIPT_NAME, last);
  return last;
}

function below(script: string, name: string): string {
  const segments = script.split('/').filter((segment) => segment !== '');
  if (name === '..') segments.pop();
  else if (name !== '') segments.push(name);
  return segments.length === 0 ? '' : `/${segments.join('/')}`;
}

// Functions for tests.

/** Adds the missing keys to an environ, so that an application can be called with it. */
export function setupTestingDefaults(environ: Partial<Environ> = {}): Environ {
  const given = Object.entries(environ).filter(([, value]) => value !== undefined);
  return Object.assign(testEnviron({}, new LineErrors(() => {})), Object.fromEntries(given));
}

export interface TestRequest {
  /** Default: GET, or POST with a body. */
  readonly method?: string;
  /** Path and query as a client would send them. Default: '/'. */
  readonly url?: string;
  readonly headers?: Readonly<Record<string, string>> | HeaderList;
  readonly body?: BodyChunk;
  /** Further keys, or other values for existing keys. */
  readonly environ?: Readonly<Record<string, unknown>>;
  readonly signal?: AbortSignal;
  /** Check every rule that can be checked (`validator`). Default: true. */
  readonly validate?: boolean;
}

export interface TestResponse {
  readonly status: number;
  readonly headers: HeaderView;
  readonly body: Uint8Array;
  /** The body as UTF-8. */
  readonly text: string;
  /** Lines that the application wrote to `tsgi.errors`. */
  readonly errors: readonly string[];
}

/**
 * Calls an application with one request and collects its response. Rejects with the application's error, or with a
 * TsgiRuleError if the application breaks a rule.
 */
export async function testRequest(
  application: Application,
  request: TestRequest = {},
): Promise<TestResponse> {
  const errors: string[] = [];
  const stream = new LineErrors((line) => errors.push(line));
  const environ = Object.assign(testEnviron(request, stream), request.environ);
  const sink = new Collector(environ.REQUEST_METHOD === 'HEAD');
  await callApplication(request.validate === false ? application : validator(application), environ, sink);
  stream.flush();
  const body = sink.body;
  return {
    status: sink.status,
    headers: new HeaderView(sink.headers),
    body,
    text: new TextDecoder().decode(body),
    errors,
  };
}

const CONTEXT = {
  software: 'tsgi-test/1.0',
  multithread: false,
  multiprocess: false,
  runOnce: false,
  concurrent: false,
  blockingInput: true,
  fileWrapper,
};

function testEnviron(request: TestRequest, errors: ErrorStream): Environ {
  const { url = '/', headers = {}, signal } = request;
  if (!url.startsWith('/') && url !== '*')
    throw new TypeError(`The url of a request must begin with '/': ${show(url)}`);
  const body = request.body === undefined ? null : encodeChunk(request.body);
  const given: HeaderList = Array.isArray(headers) ? [...headers] : Object.entries(headers);
  const view = new HeaderView(given);
  view.setDefault('host', '127.0.0.1');
  if (body !== null) view.setDefault('content-length', String(body.length));
  const controller = new AbortController();
  const parts = {
    method: request.method ?? (body === null ? 'GET' : 'POST'),
    target: url,
    protocol: 'HTTP/1.1',
    scheme: 'http' as const,
    fields: view.list,
    serverName: '127.0.0.1',
    serverPort: '80',
    remoteAddress: '127.0.0.1',
    remotePort: '50000',
    input: body === null ? emptyInput : new Input(completeBody(body)),
    errors,
    signal: { signal: () => signal ?? controller.signal },
  };
  return createEnviron(parts, CONTEXT);
}

/** A sink that keeps everything that a client would see. */
class Collector implements Sink {
  status = 0;
  headers: HeaderList = [];
  readonly gone = false;
  readonly #headRequest: boolean;
  readonly #chunks: Uint8Array[] = [];

  constructor(headRequest: boolean) {
    this.#headRequest = headRequest;
  }

  get body(): Uint8Array {
    const all = new Uint8Array(this.#chunks.reduce((sum, chunk) => sum + chunk.length, 0));
    let at = 0;
    for (const chunk of this.#chunks) {
      all.set(chunk, at);
      at += chunk.length;
    }
    return all;
  }

  respond(status: number, headers: HeaderList, body: BodyChunk | null): void {
    this.start(status, headers);
    if (body !== null) this.write(body);
  }

  start(status: number, headers: HeaderList): void {
    this.status = status;
    this.headers = headers;
  }

  write(chunk: BodyChunk): undefined {
    const hasBody = !this.#headRequest && this.status !== 204 && this.status !== 304;
    if (hasBody) this.#chunks.push(copyOf(chunk));
  }

  end(): void {}
}

/**
 * Servers that each break one rule of TSGI: the reference server with one fault.
 */
import { once } from 'node:events';
import http, { type IncomingMessage, type ServerResponse } from 'node:http';
import net from 'node:net';
import { setTimeout as wait } from 'node:timers/promises';
import { onTestFinished } from 'vitest';
import { nodeCaller } from '../../../src/tsgi/node.ts';
import type { Rule } from '../../../src/tsgi/rules.ts';
import type {
  Application,
  Body,
  BodyChunk,
  Environ,
  InputStream,
  StartResponse,
  Write,
} from '../../../src/tsgi/types.ts';

type Chunks = AsyncIterable<BodyChunk> & { close?(): unknown };
type Messages = (request: IncomingMessage, response: ServerResponse) => void;

/** A wrong server: a layer between the reference server and the application, or between the server and its messages. */
interface Wrong {
  readonly middleware?: (application: Application) => Application;
  readonly messages?: Messages;
  readonly neverContinues?: boolean;
  readonly listen?: () => Promise<number>;
}

/** Changes the environ before the application sees it. */
function changing(change: (environ: Record<string, unknown>) => unknown): Wrong {
  return {
    middleware: (application) => (environ, startResponse) =>
      application(
        (change(environ as unknown as Record<string, unknown>) ?? environ) as Environ,
        startResponse,
      ),
  };
}

/** Changes one method of the input. */
function changingInput(change: (input: InputStream) => Partial<InputStream>): Wrong {
  return changing((environ) => {
    const input = environ['tsgi.input'] as InputStream;
    const bound = {
      read: input.read.bind(input),
      readline: input.readline.bind(input),
      readlines: input.readlines.bind(input),
      readSync: input.readSync.bind(input),
      readlineSync: input.readlineSync.bind(input),
      readlinesSync: input.readlinesSync.bind(input),
      [Symbol.asyncIterator]: input[Symbol.asyncIterator].bind(input),
    };
    environ['tsgi.input'] = { ...bound, ...change(input) };
  });
}

/** Changes startResponse. */
function starting(change: (startResponse: StartResponse) => StartResponse): Wrong {
  return { middleware: (application) => (environ, start) => application(environ, change(start)) };
}

/** Changes iterated bodies. Bodies of one chunk stay unchanged. */
function sending(change: (body: Chunks) => Body): Wrong {
  return {
    middleware: (application) => async (environ, startResponse) => {
      const body = (await application(environ, startResponse)) as Body | undefined;
      if (typeof body !== 'object' || body === null || body instanceof Uint8Array) return body as Body;
      const isIterable = Symbol.asyncIterator in body || Symbol.iterator in body;
      return isIterable ? change(body as Chunks) : body;
    },
  };
}

/** Changes the return value of startResponse. */
function writing(change: (write: Write, environ: Environ) => Write): Wrong {
  return {
    middleware: (application) => (environ, start) =>
      application(environ, (...args) => change(start(...args), environ)),
  };
}

function onMessages(messages: Messages): Wrong {
  return { messages };
}

const onEveryLevel = (environ: Record<string, unknown>, key: string, value: unknown): void => {
  environ[key] = value;
};

async function collect(body: Chunks): Promise<BodyChunk[]> {
  const chunks: BodyChunk[] = [];
  for await (const chunk of body) chunks.push(chunk);
  return chunks;
}

const shared: Record<string, unknown> = {};

/** For each rule, a server that breaks it. */
export const WRONG_SERVERS: readonly (readonly [Rule, string, Wrong])[] = [
  ['S1', 'freezes environ', changing((environ) => Object.freeze(environ))],
  ['S1', 'gives every request the same environ', changing((environ) => Object.assign(shared, environ))],
  ['S1', 'gives environ a prototype of its own', changing((environ) => Object.assign(Object.create({ a: 1 }) as object, environ))],
  ['S1', 'gives a Proxy of environ', changing((environ) => new Proxy(environ, {}))],
  ['S2', 'gives the port as a number', changing((environ) => onEveryLevel(environ, 'SERVER_PORT', 8000))],
  ['S2', 'leaves out what is empty', changing((environ) => void delete environ.QUERY_STRING)],
  ['S2', 'adds a variable that is no text', changing((environ) => onEveryLevel(environ, 'HTTPS', true))],
  ['S3', 'takes unknown methods for GET', changing((environ) => onEveryLevel(environ, 'REQUEST_METHOD', 'GET'))],
  ['S4', 'does not decode the path', changing((environ) => onEveryLevel(environ, 'PATH_INFO', pathOf(environ)))],
  ['S4', 'decodes the path twice', changing((environ) => onEveryLevel(environ, 'PATH_INFO', twice(String(environ.PATH_INFO))))],
  ['S4', 'puts a replacement for what is no UTF-8', changing((environ) => onEveryLevel(environ, 'PATH_INFO', String(environ.PATH_INFO).replaceAll('\xff', '\ufffd')))],
  ['S5', 'decodes the query', changing((environ) => onEveryLevel(environ, 'QUERY_STRING', decodeURIComponent(String(environ.QUERY_STRING))))],
  ['S5', 'cuts the query at another ?', changing((environ) => onEveryLevel(environ, 'QUERY_STRING', String(environ.QUERY_STRING).split('?')[0]))],
  ['S6', 'normalizes the target', changing((environ) => onEveryLevel(environ, 'REQUEST_URI', new URL(String(environ.REQUEST_URI), 'http://a').pathname))],
  ['S6', 'takes the authority away from a target in absolute form', changing((environ) => onEveryLevel(environ, 'REQUEST_URI', String(environ.REQUEST_URI).replace(/^http:..[^/]*/, '')))],
  ['S6', 'believes Host before the target', changing((environ) => String(environ.REQUEST_URI).startsWith('http:') ? onEveryLevel(environ, 'HTTP_HOST', '127.0.0.1') : undefined)],
  ['S7', 'has an HTTP_ twin of the type', changing((environ) => onEveryLevel(environ, 'HTTP_CONTENT_TYPE', environ.CONTENT_TYPE))],
  ['S7', 'makes up a length for a chunked body', changing((environ) => environ.REQUEST_METHOD === 'POST' && environ.CONTENT_LENGTH === '' ? onEveryLevel(environ, 'CONTENT_LENGTH', '0') : undefined)],
  ['S8', 'says its own version', changing((environ) => onEveryLevel(environ, 'SERVER_PROTOCOL', 'HTTP/1.1'))],
  ['S9', 'keeps the last of repeated fields', changing((environ) => environ.HTTP_X_ONE === undefined ? undefined : onEveryLevel(environ, 'HTTP_X_ONE', '3'))],
  ['S9', 'joins cookies by a comma', changing((environ) => environ.HTTP_COOKIE === undefined ? undefined : onEveryLevel(environ, 'HTTP_COOKIE', 'a=1, b=2'))],
  ['S9', 'puts a replacement for what is no ASCII', changing((environ) => environ.HTTP_X_LATIN === undefined ? undefined : onEveryLevel(environ, 'HTTP_X_LATIN', '?'))],
  ['S9', 'takes trailers for headers', changing((environ) => environ.REQUEST_METHOD === 'POST' ? onEveryLevel(environ, 'HTTP_X_LATE', '1') : undefined)],
  ['S10', 'shows Connection', changing((environ) => onEveryLevel(environ, 'HTTP_CONNECTION', 'x'))],
  ['S10', 'shows names with an underscore', changing((environ) => onEveryLevel(environ, 'HTTP_X_UNDER', '1'))],
  ['S10', 'shows Transfer-Encoding', changing((environ) => onEveryLevel(environ, 'HTTP_TRANSFER_ENCODING', 'chunked'))],
  ['S11', 'gives every request the same id', changing((environ) => onEveryLevel(environ, 'tsgi.request_id', 'x'))],
  ['S11', 'gives the version as text', changing((environ) => onEveryLevel(environ, 'tsgi.version', '1.0'))],
  ['S11', 'adds a key without a prefix', changing((environ) => onEveryLevel(environ, 'socket', {}))],
  ['S11', 'adds a key of TSGI that there is not', changing((environ) => onEveryLevel(environ, 'tsgi.socket', {}))],
  ['S12', 'never aborts the signal', changing((environ) => onEveryLevel(environ, 'tsgi.signal', new AbortController().signal))],
  ['S12', 'aborts the signal of every response', { middleware: abortsAtEnd }],
  ['S12', 'makes a signal too late to be aborted', changing((environ) => makesSignalLate(environ as unknown as Environ))],
  ['S13', 'ends the body with null', changingInput((input) => ({ read: async (size) => { const bytes = await input.read(size); return bytes.length === 0 ? (null as never) : bytes; } }))],
  ['S13', 'pretends that a body that broke off has ended', changingInput((input) => ({ read: (size) => input.read(size).catch(() => new Uint8Array(0)) }))],
  ['S14', 'ignores the size of readline', changingInput((input) => ({ readline: () => input.readline() }))],
  ['S14', 'answers reads out of turn', changingInput((input) => { let reads = 0; return { read: async (size) => { if (reads++ === 0) await wait(20); return input.read(size); } }; })],
  ['S14', 'drops the rest of a body whose iteration is left', changingInput((input) => ({ async *[Symbol.asyncIterator]() { try { yield* input; } finally { await input.read(); } } }))],
  ['S15', 'says it blocks and does not', changing((environ) => onEveryLevel(environ, 'tsgi.blocking_input', true))],
  ['S15', 'gives a promise for readSync', changingInput((input) => ({ readSync: ((size?: number) => input.read(size)) as never }))],
  ['S16', 'never sends 100 Continue', { neverContinues: true }],
  ['S16', 'sends 100 Continue to HTTP/1.0', onMessages((request) => { if (request.httpVersion === '1.0' && request.headers.expect !== undefined) request.socket.write('HTTP/1.1 100 Continue\r\n\r\n'); })],
  ['S17', 'takes a body that was not read for the next request', { listen: listenWithoutBodies }],
  ['S18', 'has errors that cannot be flushed', changing((environ) => { environ['tsgi.errors'] = { write() {}, writelines() {} }; })],
  ['S18', 'has errors that throw', changing((environ) => { environ['tsgi.errors'] = { write() { throw new Error('full'); }, writelines() {}, flush() {} }; })],
  ['S19', 'calls the application twice', { middleware: (application) => (environ, start) => { application({ ...environ }, () => async () => {}); return application(environ, start); } }],
  ['S19', 'calls the application with one more argument', { middleware: (application) => (environ, start) => (application as (...args: unknown[]) => Body)(environ, start, {}) }],
  ['S20', 'sends what write was given behind the body', { middleware: writesLast }],
  ['S20', 'returns no write', starting((start) => ((...args: Parameters<StartResponse>) => void start(...args)) as never)],
  ['S20', 'has a write that returns nothing', writing((write) => ((chunk: BodyChunk) => void write(chunk)) as never)],
  ['S20', 'writes numbers', writing((write) => (chunk) => write(typeof chunk === 'number' ? '' : chunk))],
  ['S20', 'lets those wait who write to a client that is gone', writing((write, environ) => (chunk) => { const sent = write(chunk); return new Promise((resolve) => void sent.then(() => { if (!environ['tsgi.signal'].aborted) resolve(); })); })],
  ['S21', 'does not check headers', starting((start) => (status, headers, error) => { try { return start(status, headers, error); } catch { return start(200, [], error); } })],
  ['S21', 'refuses what is not ASCII', starting((start) => (status, headers, error) => { if (/[^ -~"]/.test(JSON.stringify(headers)) || JSON.stringify(headers).includes('\\t')) throw new Error('not ASCII'); return start(status, headers, error); })],
  ['S21', 'does not copy the headers', { middleware: keepsHeaders }],
  ['S22', 'allows a second call', starting((start) => { let write: Write | undefined; return (...args) => (write = write === undefined || args[2] !== undefined ? start(...args) : write); })],
  ['S22', 'ignores a second call with an error', starting((start) => { let write: Write | undefined; return (...args) => { if (write !== undefined && args[2] === undefined) throw new Error('twice'); return (write ??= start(...args)); }; })],
  ['S22', 'checks what is given with an error that it must rethrow', starting((start) => (status, headers, error) => { if (status < 200) throw new Error('a wrong status'); return start(status, headers, error); })],
  ['S23', 'sends the head at once', starting((start) => (...args) => { const write = start(...args); void write(''); return write; })],
  ['S23', 'wants the head before the body', { middleware: wantsHeadFirst }],
  ['S23', 'sends no head for an empty write', writing((write) => (chunk) => (chunk.length === 0 ? Promise.resolve() : write(chunk)))],
  ['S24', 'collects the body first', sending((body) => slowly(body))],
  ['S25', 'takes everything from the application at once', sending((body) => eagerly(body))],
  ['S25', 'takes everything that is written at once', writing((write) => (chunk) => { void write(chunk); return Promise.resolve(); })],
  ['S26', 'does not know iterables but arrays', sending((body) => (Array.isArray(body) || Symbol.asyncIterator in body ? body : ''))],
  ['S26', 'sends a string as Latin-1', { middleware: (application) => async (environ, start) => { const body = await application(environ, start); return typeof body === 'string' ? Buffer.from(body, 'latin1') : body; } }],
  ['S26', 'takes the synchronous iterator of two', sending((body) => (Symbol.iterator in body ? (function* () { yield* body as unknown as Iterable<string>; })() : body))],
  ['S26', 'looks for a pipe', sending((body) => { void (body as { pipe?: unknown }).pipe; return body; })],
  ['S27', 'ends at an empty chunk', sending((body) => untilEmpty(body))],
  ['S28', 'never calls close', sending((body) => (async function* () { yield* body; })())],
  ['S28', 'calls close twice', sending((body) => Object.assign((async function* () { yield* body; })(), { close() { body.close?.(); body.close?.(); } }))],
  ['S28', 'calls close before the body', sending((body) => { body.close?.(); return (async function* () { yield* body; })(); })],
  ['S28', 'ends a response before close has', sending((body) => Object.assign((async function* () { yield* body; })(), { close() { void body.close?.(); } }))],
  ['S28', 'does not close what it does not send', { middleware: (application) => async (environ, start) => { const body = await application(environ, start); return environ.REQUEST_METHOD === 'HEAD' ? '' : body; } }],
  ['S28', 'does not close what is no body', { middleware: refusesUnclosed }],
  ['S29', 'goes on when the client is gone', sending((body) => { const chunks = body[Symbol.asyncIterator]?.() as AsyncIterator<BodyChunk> | undefined; return chunks === undefined ? body : { [Symbol.asyncIterator]: () => ({ next: () => chunks.next() }), close() {} }; })],
  ['S29', 'forgets return after an error', sending((body) => forgetful(body, 'error'))],
  ['S29', 'forgets return behind a length', sending((body) => forgetful(body, 'length'))],
  ['S30', 'takes nothing for an empty body', { middleware: (application) => async (environ, start) => (await application(environ, start)) ?? [] }],
  ['S31', 'ends a response where its body fails', sending((body) => untilError(body))],
  ['S31', 'does not mind what close throws', sending((body) => Object.assign((async function* () { yield* body; })(), { close() { try { return body.close?.(); } catch { return undefined; } } }))],
  ['S32', 'pads a short body', sending((body) => padded(body))],
  ['S32', 'drops what is written beyond the length', writing((write) => (chunk) => { try { return write(chunk); } catch { return Promise.resolve(); } })],
  ['S33', 'sends chunks to HTTP/1.0', onMessages((_request, response) => { response.useChunkedEncodingByDefault = true; })],
  ['S34', 'answers HEAD with a body', onMessages((_request, response) => { (response as unknown as { _hasBody: boolean })._hasBody = true; })],
  ['S34', 'makes up a length for HEAD', onMessages((request, response) => addLength(response, () => request.method === 'HEAD'))],
  ['S34', 'gives 204 a length', onMessages((_request, response) => addLength(response, (status) => status === 204))],
  ['S35', 'sends no Date', onMessages((_request, response) => { response.sendDate = false; })],
  ['S35', 'changes the list of headers', starting((start) => (status, headers, error) => { headers.push(['x-more', 'yes']); return start(status, headers, error); })],
  ['S35', 'joins repeated headers', starting((start) => (status, headers, error) => start(status, Object.entries(Object.fromEntries(headers.map(([name, value]) => [name.toLowerCase(), value]))), error))],
  ['S35', 'changes the case of names', starting((start) => (status, headers, error) => start(status, headers.map(([name, value]) => [name.toLowerCase(), value]), error))],
  ['S35', 'sorts the headers', starting((start) => (status, headers, error) => start(status, [...headers].sort(), error))],
  ['S36', 'sends a file from its beginning', changing((environ) => { const wrap = environ['tsgi.file_wrapper'] as (...args: unknown[]) => unknown; environ['tsgi.file_wrapper'] = (file: unknown) => wrap(file); })],
  ['S36', 'never closes a file', changing((environ) => { const wrap = environ['tsgi.file_wrapper'] as (...args: unknown[]) => unknown; environ['tsgi.file_wrapper'] = (file: unknown, ...more: unknown[]) => wrap(typeof file === 'object' ? unclosable(file as AsyncIterable<Uint8Array>) : file, ...more); })],
]; // prettier-ignore

function twice(text: string): string {
  try {
    return decodeURIComponent(text);
  } catch {
    return text;
  }
}

function abortsAtEnd(application: Application): Application {
  return async (environ, start) => {
    const controller = new AbortController();
    const { 'tsgi.signal': signal } = environ;
    signal.addEventListener('abort', () => controller.abort());
    environ['tsgi.signal'] = controller.signal;
    const body = await application(environ, start);
    if (typeof body === 'string') setImmediate(() => controller.abort());
    return body;
  };
}

/** The signal is a new one, which misses events before its creation. */
function makesSignalLate(environ: Environ): void {
  const { 'tsgi.signal': signal } = environ;
  let made: AbortSignal | undefined;
  const get = () => {
    if (made !== undefined) return made;
    const controller = new AbortController();
    if (!signal.aborted) signal.addEventListener('abort', () => controller.abort());
    return (made = controller.signal);
  };
  Object.defineProperty(environ, 'tsgi.signal', { get, set() {}, enumerable: true, configurable: true });
}

/** Forwards the head with the final contents of the list. */
function keepsHeaders(application: Application): Application {
  return async (environ, start) => {
    let call: Parameters<StartResponse> | undefined;
    const body = await application(environ, (...args) => {
      call = args;
      return start(...args);
    });
    if (call !== undefined && typeof body === 'string') start(call[0], call[1], new Error('again'));
    return body;
  };
}

function wantsHeadFirst(application: Application): Application {
  return async (environ, start) => {
    let called = false;
    const body = await application(environ, (...args) => {
      called = true;
      return start(...args);
    });
    if (!called) throw new Error('startResponse was not called');
    return body;
  };
}

function refusesUnclosed(application: Application): Application {
  return async (environ, start) => {
    const body = await application(environ, start);
    const isBody = typeof body !== 'object' || Symbol.iterator in body || Symbol.asyncIterator in body;
    if (!isBody) throw new Error('this is no body');
    return body;
  };
}

/** Omits return() if an error, or the stated length, ends the iteration. */
function forgetful(body: Chunks, after: 'error' | 'length'): Body {
  if (!(Symbol.asyncIterator in body)) return body;
  return {
    close: () => body.close?.(),
    [Symbol.asyncIterator]() {
      const chunks = body[Symbol.asyncIterator]();
      let failed = false;
      let last: unknown;
      return {
        async next() {
          try {
            const result = await chunks.next();
            last = result.value;
            return result;
          } catch (error) {
            failed = true;
            throw error;
          }
        },
        async return() {
          const forgets = after === 'error' ? failed : last === 'cd';
          if (!forgets) await chunks.return?.();
          return { done: true, value: undefined };
        },
      };
    },
  };
}

function addLength(response: ServerResponse, when: (status: number) => boolean): void {
  const writeHead = response.writeHead.bind(response) as (status: number, fields: string[]) => ServerResponse;
  response.writeHead = ((status: number, fields: string[]) =>
    writeHead(status, when(status) ? [...fields, 'content-length', '0'] : fields)) as never;
}

function unclosable(file: AsyncIterable<Uint8Array>): AsyncIterable<Uint8Array> {
  return { [Symbol.asyncIterator]: () => file[Symbol.asyncIterator]() };
}

function pathOf(environ: Record<string, unknown>): string {
  return String(environ.REQUEST_URI).split('?')[0]!;
}

function writesLast(application: Application): Application {
  return async (environ, startResponse) => {
    const written: BodyChunk[] = [];
    const body = await application(environ, (...args) => {
      const write = startResponse(...args);
      return (chunk) =>
        typeof chunk === 'number' ? write(chunk) : Promise.resolve(void written.push(chunk));
    });
    if (!Array.isArray(body)) return body;
    return [...(body as BodyChunk[]), ...written];
  };
}

async function* slowly(body: Chunks): AsyncGenerator<BodyChunk> {
  yield* await collect(body);
}

async function* eagerly(body: Chunks): AsyncGenerator<BodyChunk> {
  const all = collect(body);
  // The first chunk comes immediately, as from a queue with other producers.
  yield '';
  yield* await all;
}

async function* untilEmpty(body: Chunks): AsyncGenerator<BodyChunk> {
  for await (const chunk of body) {
    if (chunk.length === 0) return;
    yield chunk;
  }
}

async function* untilError(body: Chunks): AsyncGenerator<BodyChunk> {
  let some = false;
  try {
    for await (const chunk of body) {
      some = true;
      yield chunk;
    }
  } catch (error) {
    if (!some) throw error;
  }
}

async function* padded(body: Chunks): AsyncGenerator<BodyChunk> {
  const chunks = await collect(body);
  yield* chunks;
  if (chunks.join('') === 'abcd') yield '      ';
}

/** Reads no body, and answers every head with its method and query. */
async function listenWithoutBodies(): Promise<number> {
  const server = net.createServer((socket) => {
    let text = '';
    socket.on('error', () => {});
    socket.on('data', (bytes) => {
      text += bytes.toString('latin1');
      for (let end = text.indexOf('\r\n\r\n'); end !== -1; end = text.indexOf('\r\n\r\n')) {
        const [method, target = ''] = text.slice(0, end).split(' ');
        text = text.slice(end + 4);
        const body = JSON.stringify({ REQUEST_METHOD: method, QUERY_STRING: target.split('?')[1] ?? '' });
        socket.write(`HTTP/1.1 200 OK\r\nContent-Length: ${body.length}\r\n\r\n${body}`);
      }
    });
  });
  await once(server.listen(0, '127.0.0.1'), 'listening');
  onTestFinished(() => void server.close());
  return (server.address() as net.AddressInfo).port;
}

/** Starts a wrong server until the test ends. Returns its URL. */
export async function serveWrongly(wrong: Wrong, application: Application): Promise<string> {
  if (wrong.listen !== undefined) return `http://127.0.0.1:${await wrong.listen()}`;
  const { middleware = (app: Application) => app, messages, neverContinues = false } = wrong;
  const call = nodeCaller(middleware(application), { onError() {}, onLine() {} });
  const listener = (continueDue: boolean) => (request: IncomingMessage, response: ServerResponse) => {
    messages?.(request, response);
    call(request, response, continueDue);
  };
  const server = http.createServer(listener(false));
  server.on('checkContinue', listener(!neverContinues));
  await once(server.listen(0, '127.0.0.1'), 'listening');
  onTestFinished(() => {
    server.close();
    server.closeAllConnections();
  });
  return `http://127.0.0.1:${(server.address() as net.AddressInfo).port}`;
}

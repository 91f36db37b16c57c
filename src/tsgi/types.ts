/**
 * TSGI 1.0 as types: the values that pass between a server and an application. Names and order of events come from PEP 3333;
 * the types are JavaScript's.
 *
 * Law: types and prose only; imports nothing. The state machine that calls an application is `handler.ts`.
 */

/** Header fields in order, repeats allowed: `[['content-type', 'text/plain'], …]`. */
export type HeaderList = [name: string, value: string][];

/** One piece of a body. A string is encoded as UTF-8. */
export type BodyChunk = string | Uint8Array;

/**
 * The result of an application: one chunk, or chunks in order. A `ReadableStream`, a Node `Readable` and a generator are such
 * iterables. If the body has `close`, the server calls it exactly once on every path, after the iterator's `return()`.
 */
export type Body = BodyChunk | ((Iterable<BodyChunk> | AsyncIterable<BodyChunk>) & { close?(): unknown });

/**
 * Sends a chunk before the body, and the head before it, even if the chunk is empty. Resolves when the chunk is queued below
 * the high-water mark. Chunks are sent in the order of the calls.
 */
export type Write = (chunk: BodyChunk) => Promise<void>;

/**
 * Begins the response.
 *
 * @param status an integer from 200 to 599; the server chooses the reason phrase
 * @param headers no hop-by-hop fields; names are tokens, values have no CR, LF or NUL (RFC 9110 §5)
 * @param error only from an error handler: replaces the earlier call, or is rethrown if the head was sent already
 * @throws when a rule is broken, at the call
 */
export type StartResponse = (status: number, headers: HeaderList, error?: unknown) => Write;

/** The request body. After its end, every read returns a zero-length chunk. */
export interface InputStream extends AsyncIterable<Uint8Array> {
  /** Reads up to `size` bytes. Default: all the rest. */
  read(size?: number): Promise<Uint8Array>;
  /** Reads up to and including the next line feed, at most `size` bytes. */
  readline(size?: number): Promise<Uint8Array>;
  /** Reads all lines, or enough for `hint` bytes. */
  readlines(hint?: number): Promise<Uint8Array[]>;
  /** Like `read`, but synchronous. Blocks if `tsgi.blocking_input` is true, otherwise throws TSGI_ERR_NO_BLOCKING. */
  readSync(size?: number): Uint8Array;
  readlineSync(size?: number): Uint8Array;
  readlinesSync(hint?: number): Uint8Array[];
}

/** The error log. */
export interface ErrorStream {
  write(text: string): void;
  writelines(lines: Iterable<string>): void;
  flush(): void;
}

/**
 * Makes a body of a file. A server may send it without passing it through the application. The result is an ordinary iterable
 * too. Its `close()` closes `file`, if `file` has a method `close`.
 *
 * @param file a path, a descriptor, an object with a descriptor, or bytes in order
 * @param blockSize bytes of a chunk, a hint. Default: 64 KiB
 * @param start bytes to skip. Default: 0
 */
export type FileWrapper = (
  file: string | number | { readonly fd: number; close?(): unknown } | AsyncIterable<Uint8Array>,
  blockSize?: number,
  start?: number,
) => Body;

/**
 * The request. Each request has an ordinary mutable object of its own. Required keys always exist, and may be ''. To add the
 * keys of a server or a middleware, declare this interface again.
 */
export interface Environ {
  REQUEST_METHOD: string;
  /** Path at which the application is mounted; '' at the root. */
  SCRIPT_NAME: string;
  /** The rest of the path, percent-decoded: UTF-8 if valid, otherwise Latin-1. */
  PATH_INFO: string;
  /** Raw, without the '?'. */
  QUERY_STRING: string;
  CONTENT_TYPE: string;
  /** '' if unknown (chunked) or absent. */
  CONTENT_LENGTH: string;
  SERVER_NAME: string;
  SERVER_PORT: string;
  SERVER_PROTOCOL: string;
  SERVER_SOFTWARE: string;
  REMOTE_ADDR: string;
  REMOTE_PORT: string;
  /** The target as the client sent it. */
  REQUEST_URI: string;
  'tsgi.version': readonly [major: number, minor: number];
  'tsgi.url_scheme': 'http' | 'https';
  'tsgi.input': InputStream;
  'tsgi.errors': ErrorStream;
  /** Other threads of this process run the application. Each thread has its own module state. */
  'tsgi.multithread': boolean;
  'tsgi.multiprocess': boolean;
  'tsgi.run_once': boolean;
  /** This instance may be entered again while it awaits. */
  'tsgi.concurrent': boolean;
  /** The `…Sync` methods of `tsgi.input` may block. */
  'tsgi.blocking_input': boolean;
  /** Aborted when the client is gone or the deadline has passed. Made on first use. */
  'tsgi.signal': AbortSignal;
  /** Time by which the response head must be sent, in ms since the epoch; undefined without a deadline. */
  'tsgi.deadline': number | undefined;
  'tsgi.request_id': string;
  /** Makes a body of a file. Optional for servers. */
  'tsgi.file_wrapper'?: FileWrapper;
  [header: `HTTP_${string}`]: string | undefined;
}

export type Application = (environ: Environ, startResponse: StartResponse) => Body | Promise<Body>;

export type Middleware = (application: Application) => Application;

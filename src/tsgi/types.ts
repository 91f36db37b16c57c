/**
 * TSGI 1.0 as types: what passes between a server and an application. PEP 3333's names and order of events, with
 * JavaScript's types.
 *
 * Law: types and prose only; imports nothing. The state machine that calls an application is `handler.ts`.
 */

/** Header fields in order, repeats allowed: `[['content-type', 'text/plain'], …]`. */
export type HeaderList = [name: string, value: string][];

/** One piece of a body. A string is encoded as UTF-8. */
export type BodyChunk = string | Uint8Array;

/**
 * What an application returns: one chunk, or chunks in order. A `ReadableStream`, a Node `Readable` and a generator
 * are such iterables. If it has `close`, that is called exactly once on every path, after the iterator's `return()`.
 */
export type Body = BodyChunk | ((Iterable<BodyChunk> | AsyncIterable<BodyChunk>) & { close?(): unknown });

/**
 * Sends a chunk before the body, and the head before it, even if the chunk is empty. Resolves when it is queued below
 * the high-water mark. Order is call order.
 */
export type Write = (chunk: BodyChunk) => Promise<void>;

/**
 * Begins the response.
 *
 * @param status an integer from 200 to 599; the reason phrase is the server's
 * @param headers no hop-by-hop fields; names are tokens, values have no CR, LF or NUL (RFC 9110 §5)
 * @param error only from an error handler: replaces what was begun, or rethrows `error` when it has left already
 * @throws when a rule is broken, at the call
 */
export type StartResponse = (status: number, headers: HeaderList, error?: unknown) => Write;

/** The request body. Reads end with a zero-length chunk, for ever. */
export interface InputStream extends AsyncIterable<Uint8Array> {
  /** Up to `size` bytes; all the rest without it. */
  read(size?: number): Promise<Uint8Array>;
  /** Up to and with the next line feed, at most `size` bytes. */
  readline(size?: number): Promise<Uint8Array>;
  /** All lines, or enough for `hint` bytes. */
  readlines(hint?: number): Promise<Uint8Array[]>;
  /** Like `read`, at once: blocks where `tsgi.blocking_input` says so, else throws TSGI_ERR_NO_BLOCKING. */
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
 * Makes a file a body, which a server may send without passing it through the application. The result is an ordinary
 * iterable too; its `close()` closes what was given, if that can be closed.
 *
 * @param file a path, a descriptor, what has one, or bytes in order
 * @param blockSize bytes of a chunk, a hint; default 64 KiB
 * @param start bytes to skip; default 0
 */
export type FileWrapper = (
  file: string | number | { readonly fd: number; close?(): unknown } | AsyncIterable<Uint8Array>,
  blockSize?: number,
  start?: number,
) => Body;

/**
 * The request. An ordinary mutable object of its own for each request; required keys are always there, possibly ''.
 * Add a server's or a middleware's own keys by declaring this interface again.
 */
export interface Environ {
  REQUEST_METHOD: string;
  /** Where the application is mounted; '' at the root. */
  SCRIPT_NAME: string;
  /** The rest of the path, percent-decoded: UTF-8 if valid, else Latin-1. */
  PATH_INFO: string;
  /** Raw, without the '?'. */
  QUERY_STRING: string;
  CONTENT_TYPE: string;
  /** '' when unknown (chunked) or absent. */
  CONTENT_LENGTH: string;
  SERVER_NAME: string;
  SERVER_PORT: string;
  SERVER_PROTOCOL: string;
  SERVER_SOFTWARE: string;
  REMOTE_ADDR: string;
  REMOTE_PORT: string;
  /** The target as it was sent. */
  REQUEST_URI: string;
  'tsgi.version': readonly [major: number, minor: number];
  'tsgi.url_scheme': 'http' | 'https';
  'tsgi.input': InputStream;
  'tsgi.errors': ErrorStream;
  /** Other threads of this process run the application. Module state is each thread's own all the same. */
  'tsgi.multithread': boolean;
  'tsgi.multiprocess': boolean;
  'tsgi.run_once': boolean;
  /** This instance may be entered again while it awaits. */
  'tsgi.concurrent': boolean;
  /** The `…Sync` methods of `tsgi.input` may block. */
  'tsgi.blocking_input': boolean;
  /** Aborted when the client is gone or the deadline has passed. Made on first use. */
  'tsgi.signal': AbortSignal;
  /** When the response head must have been sent, ms since the epoch; undefined: any time. */
  'tsgi.deadline': number | undefined;
  'tsgi.request_id': string;
  /** Where a server has one: makes a file a body. */
  'tsgi.file_wrapper'?: FileWrapper;
  [header: `HTTP_${string}`]: string | undefined;
}

export type Application = (environ: Environ, startResponse: StartResponse) => Body | Promise<Body>;

export type Middleware = (application: Application) => Application;

/**
 * Standard output and standard error, written so that a reader that stands still holds up nobody.
 *
 * Law: descriptors, bytes and counts of lines; whose lines they are is the caller's. Used by every
 * thread: the main thread opens the descriptors (`openOutputs`), and each thread has writers of its own for them.
 *
 * A write to a full pipe blocks, unless the pipe's description is O_NONBLOCK. That flag belongs to all processes that share
 * the description, and libuv clears it in the parent, too, whenever a child inherits the pipe. So a pipe or a terminal is
 * opened anew, which gives a description of our own. A socket cannot be opened anew: its flag is set again before each
 * write of the main thread, and after our own children were started.
 */
import { closeSync, constants, fstatSync, openSync, writeSync } from 'node:fs';
import { isatty } from 'node:tty';
import { pause } from './ring/pause.ts';

/** How long a writer waits between two tries, and how often it tries again by itself, ms. */
const PAUSE_MS = 1;
const RETRY_MS = 100;

export const STREAMS = [
  [1, 'stdout', 'standard output'],
  [2, 'stderr', 'standard error'],
] as const;

/** What standard output and standard error are written to. */
export type Descriptors = readonly [stdout: number, stderr: number];

let opened: Descriptors | undefined;
/** Pipes and sockets that could not be opened anew. */
const shared: ('stdout' | 'stderr')[] = [];

/** Called in the thread that owns the process; the same descriptors each time. */
export function openOutputs(): Descriptors {
  opened ??= [openAnew(1, 'stdout'), openAnew(2, 'stderr')];
  unblockOutputs();
  return opened;
}

function openAnew(fd: number, name: 'stdout' | 'stderr'): number {
  const stats = fstatSync(fd);
  if (stats.isSocket()) shared.push(name);
  if (!stats.isFIFO() && !isatty(fd)) return fd;
  try {
    const own = openSync(
      `/proc/self/fd/${fd}`,
      constants.O_WRONLY | constants.O_NONBLOCK | constants.O_NOCTTY,
    );
    if (fstatSync(own).ino === stats.ino) return own;
    closeSync(own);
  } catch {
    // Another user's terminal or pipe, or a system without /proc.
  }
  if (stats.isFIFO()) shared.push(name);
  return fd;
}

/** Sets O_NONBLOCK of what could not be opened anew; a child that inherited it has cleared the flag. */
export function unblockOutputs(): void {
  for (const name of shared) {
    const { _handle: handle } = process[name] as { _handle?: { setBlocking?(blocking: boolean): void } };
    handle?.setBlocking?.(false);
  }
}

export interface OutputOptions {
  /** How long a write may wait for a reader that takes nothing, ms. */
  readonly patience: number;
  /** Bytes that are kept for a reader that takes nothing; lines beyond are dropped and counted. */
  readonly kept: number;
  /** Called before each write. */
  readonly beforeWrite?: () => void;
  /** Is told how many lines were dropped, when the reader has taken what was kept. */
  readonly report: (text: string) => void;
}

/** Errors of a disk, which may pass; after any other the bytes have no reader, and are nobody's. */
const PASSING = new Set(['EAGAIN', 'ENOSPC', 'EDQUOT', 'EFBIG', 'EIO']);

export class StreamWriter {
  readonly #fd: number;
  readonly #name: string;
  readonly #options: OutputOptions;
  /** In order; the first may be the rest of a line that was begun. Not empty: the reader takes nothing. */
  readonly #waiting: Uint8Array[] = [];
  #kept = 0;
  #dropped = 0;
  #since = 0;
  #cause = '';
  #timer: NodeJS.Timeout | undefined;

  constructor(fd: number, name: string, options: OutputOptions) {
    this.#fd = fd;
    this.#name = name;
    this.#options = options;
  }

  write(bytes: Uint8Array): void {
    if (!this.flush(0)) return this.#keep(bytes, false);
    const left = this.#send(bytes, this.#options.patience);
    if (left.length > 0) this.#keep(left, left.length < bytes.length);
  }

  /** Writes what is kept, and waits so many milliseconds for its reader. True: nothing is kept any more. */
  flush(patience: number): boolean {
    if (this.#waiting.length === 0) return true;
    for (let bytes = this.#waiting[0]; bytes !== undefined; bytes = this.#waiting[0]) {
      const left = this.#send(bytes, patience);
      this.#kept -= bytes.length - left.length;
      if (left.length === 0) this.#waiting.shift();
      else {
        this.#waiting[0] = left;
        return false;
      }
    }
    clearInterval(this.#timer);
    this.#tell();
    return true;
  }

  #tell(): void {
    if (this.#dropped === 0) return;
    const seconds = ((performance.now() - this.#since) / 1000).toFixed(1);
    const text = `${this.#dropped} lines of ${this.#name} were dropped within ${seconds} s, because ${this.#cause}`;
    this.#dropped = 0;
    this.#options.report(text);
  }

  #keep(bytes: Uint8Array, isBegun: boolean): void {
    if (this.#waiting.length === 0) {
      this.#since = performance.now();
      this.#timer = setInterval(() => this.flush(0), RETRY_MS).unref();
    } else if (!isBegun && this.#kept + bytes.length > this.#options.kept) {
      this.#dropped += linesOf(bytes);
      return;
    }
    // The caller may use its memory again.
    this.#waiting.push(Uint8Array.from(bytes));
    this.#kept += bytes.length;
  }

  /** Returns what was not written. */
  #send(bytes: Uint8Array, patience: number): Uint8Array {
    this.#options.beforeWrite?.();
    let left = bytes;
    let progressAt = 0;
    while (left.length > 0) {
      try {
        left = left.subarray(writeSync(this.#fd, left));
        progressAt = 0;
      } catch (error) {
        const { code = '' } = error as NodeJS.ErrnoException;
        if (!PASSING.has(code)) return left.subarray(left.length);
        this.#cause = code === 'EAGAIN' ? 'its reader stood still' : `it could not be written (${code})`;
        progressAt ||= performance.now();
        if (code !== 'EAGAIN' || performance.now() - progressAt >= patience) return left;
        pause(PAUSE_MS);
      }
    }
    return left;
  }
}

const LINE_FEED = 10;

function linesOf(bytes: Uint8Array): number {
  let lines = 0;
  for (const byte of bytes) if (byte === LINE_FEED) lines += 1;
  return Math.max(1, lines);
}

type Callback = (error?: Error | null) => void;

/** Makes a stream of this thread, and so its console, write by itself. `tap` is given everything first. */
export function takeStream(
  stream: NodeJS.WriteStream,
  output: StreamWriter,
  tap: (bytes: Uint8Array) => void = () => {},
): void {
  stream.write = (
    chunk: string | Uint8Array,
    encoding?: BufferEncoding | Callback,
    callback?: Callback,
  ): boolean => {
    const bytes =
      typeof chunk === 'string'
        ? Buffer.from(chunk, typeof encoding === 'string' ? encoding : 'utf8')
        : chunk;
    tap(bytes);
    output.write(bytes);
    const done = typeof encoding === 'function' ? encoding : callback;
    if (done !== undefined) process.nextTick(done);
    return true;
  };
}

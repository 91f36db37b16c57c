/**
 * Standard output and standard error, written so that a reader that stands still blocks no thread.
 *
 * Law: descriptors, bytes and counts of lines. The caller knows whose lines they are. Every thread uses this file: the main
 * thread opens the descriptors (`openOutputs`), and each thread has its own writers for them.
 *
 * A write to a full pipe blocks, unless the pipe's description is O_NONBLOCK. That flag belongs to all processes that share
 * the description. libuv also clears it in the parent when a child inherits the pipe. So a pipe or a terminal is opened
 * again, which creates a description of its own. A socket cannot be opened again. Its flag is set again before each write of
 * the main thread, and after the server has started a child.
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

/** The descriptors to which standard output and standard error are written. */
export type Descriptors = readonly [stdout: number, stderr: number];

let opened: Descriptors | undefined;
/** Pipes and sockets that could not be opened again. */
const shared: ('stdout' | 'stderr')[] = [];

/** Call it in the thread that owns the process. Returns the same descriptors each time. */
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

/** Sets O_NONBLOCK on streams that could not be opened again, because a child that inherited one has cleared the flag. */
export function unblockOutputs(): void {
  for (const name of shared) {
    const { _handle: handle } = process[name] as { _handle?: { setBlocking?(blocking: boolean): void } };
    handle?.setBlocking?.(false);
  }
}

export interface OutputOptions {
  /** How long a write may wait for a reader that takes nothing, ms. */
  readonly patience: number;
  /** Bytes that are kept for a reader that takes nothing. Further lines are dropped and counted. */
  readonly kept: number;
  /** Called before each write. */
  readonly beforeWrite?: () => void;
  /** Called with the number of dropped lines, when the reader has taken the kept bytes. */
  readonly report: (text: string) => void;
}

/** Errors of a disk, which may pass. After any other error the bytes have no reader, so they are dropped. */
const PASSING = new Set(['EAGAIN', 'ENOSPC', 'EDQUOT', 'EFBIG', 'EIO']);

export class StreamWriter {
  readonly #fd: number;
  readonly #name: string;
  readonly #options: OutputOptions;
  /** Kept pieces in order. The first may be the rest of a line. While the list is not empty, the reader takes nothing. */
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

  /** Writes the kept bytes, and waits up to `patience` ms for the reader. Returns true if nothing is kept any more. */
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
    // A copy, because the caller may reuse its memory.
    this.#waiting.push(Uint8Array.from(bytes));
    this.#kept += bytes.length;
  }

  /** Returns the bytes that were not written. */
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

/** Replaces the output of a stream of this thread, and thus of its console, with a writer. `tap` receives all bytes first. */
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

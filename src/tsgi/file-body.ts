/**
 * `tsgi.file_wrapper`: a file as a body.
 *
 * Law: an ordinary iterable for any caller. A server that receives one as an application's body may send the file itself
 * (`path`, `start`). Uses Node's file system only when it is iterated.
 */
import { show, TsgiRuleError } from './rule-errors.ts';
import type { Body, FileWrapper } from './types.ts';

const BLOCK_SIZE = 64 * 1024;

type Source = Parameters<FileWrapper>[0];

export class FileBody implements AsyncIterable<Uint8Array> {
  /** A path that the server may open itself; undefined for a source that is open already. */
  readonly path: string | undefined;
  /** Bytes to skip. */
  readonly start: number;
  readonly #source: Source;
  readonly #blockSize: number;

  constructor(source: Source, blockSize: number, start: number) {
    this.path = typeof source === 'string' ? source : undefined;
    this.start = start;
    this.#source = source;
    this.#blockSize = blockSize;
  }

  [Symbol.asyncIterator](): AsyncIterator<Uint8Array> {
    const source = this.#source;
    if (typeof source === 'string') return this.#readPath(source);
    if (typeof source === 'number') return this.#readDescriptor(source);
    // Node's streams also have an `fd`, which belongs to the stream.
    if (Symbol.asyncIterator in source) return skip(source, this.start);
    return this.#readDescriptor(source.fd);
  }

  /** Closes the source, if it has a method `close`. */
  close(): unknown {
    const source = this.#source as { close?: unknown };
    return typeof source.close === 'function' ? (source.close as () => unknown)() : undefined;
  }

  async *#readPath(path: string): AsyncGenerator<Uint8Array, void, void> {
    const { constants, open, stat } = await import('node:fs/promises');
    const kind = await stat(path).catch(() => null);
    // If `stat` fails, `open` fails with a better error.
    if (kind !== null) mustBeRegular(path, kind);
    const handle = await open(path, constants.O_RDONLY | constants.O_NONBLOCK);
    try {
      mustBeRegular(path, await handle.stat());
      yield* this.#readDescriptor(handle.fd);
    } finally {
      await handle.close();
    }
  }

  async *#readDescriptor(fd: number): AsyncGenerator<Uint8Array, void, void> {
    const { read } = await import('node:fs');
    for (let position = this.start; ;) {
      const block = new Uint8Array(this.#blockSize);
      const bytes = await new Promise<number>((resolve, reject) => {
        const settle = (error: Error | null, count: number) => (error ? reject(error) : resolve(count));
        read(fd, block, 0, block.length, position, settle);
      });
      if (bytes === 0) return;
      position += bytes;
      yield block.subarray(0, bytes);
    }
  }
}

/** The used methods of Node's `Stats`. */
interface FileKind {
  isFile(): boolean;
  isFIFO(): boolean;
  isSocket(): boolean;
  isDirectory(): boolean;
}

/**
 * Throws if `kind` is not a regular file. Opening a FIFO waits for a writer and blocks a thread meanwhile. Opening a device can
 * have effects.
 *
 * The caller therefore checks before it opens the file. It checks the open file (with O_NONBLOCK) again, because another file
 * may have got the name in between.
 */
export function mustBeRegular(path: string, kind: FileKind): void {
  if (kind.isFile()) return;
  const what = kind.isFIFO()
    ? 'a FIFO'
    : kind.isSocket()
      ? 'a socket'
      : kind.isDirectory()
        ? 'a directory'
        : 'a device';
  throw new Error(
    `Cannot send ${path}: it is ${what}, and a path must name a regular file. To send its content, pass a descriptor or a stream.`,
  );
}

async function* skip(source: AsyncIterable<Uint8Array>, start: number): AsyncGenerator<Uint8Array> {
  let left = start;
  for await (const chunk of source) {
    if (left >= chunk.length) left -= chunk.length;
    else {
      yield chunk.subarray(left);
      left = 0;
    }
  }
}

/** The `tsgi.file_wrapper` of every server and adapter in this folder. */
export const fileWrapper: FileWrapper = (file, blockSize = BLOCK_SIZE, start = 0): Body => {
  if (!isSource(file)) {
    throw new TsgiRuleError(
      'S36',
      `A file must be a path, a descriptor or an iterable of bytes: ${show(file)}`,
    );
  }
  if (!Number.isInteger(blockSize) || blockSize < 1) {
    throw new TsgiRuleError('S36', `The block size must be a positive number of bytes: ${show(blockSize)}`);
  }
  if (!Number.isInteger(start) || start < 0) {
    throw new TsgiRuleError('S36', `The start must be a number of bytes: ${show(start)}`);
  }
  return new FileBody(file, blockSize, start);
};

function isSource(file: unknown): file is Source {
  if (typeof file === 'string' || (Number.isInteger(file) && (file as number) >= 0)) return true;
  if (typeof file !== 'object' || file === null) return false;
  return typeof (file as { fd?: unknown }).fd === 'number' || Symbol.asyncIterator in file;
}

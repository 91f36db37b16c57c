/**
 * `tsgi.input`: the request body as an application reads it.
 *
 * Law: cuts chunks to the sizes that are asked for; where they come from is the source's business.
 */
import type { InputStream } from '../tsgi/types.ts';

/** Where a body's bytes come from. */
export interface BodySource {
  /** The next chunk; null when the body has ended, undefined when nothing is there yet. Throws when it broke off. */
  next(): Uint8Array | null | undefined;
  /** Resolves when `next` has something to say. */
  wait(): Promise<void>;
  /** Blocks until then. */
  waitSync(): void;
}

const NOTHING = new Uint8Array(0);
const LINE_FEED = 10;

/** A source over bytes that are all there. */
export function completeBody(bytes: Uint8Array): BodySource {
  let left: Uint8Array | null = bytes;
  return {
    next() {
      const chunk = left;
      left = null;
      return chunk;
    },
    wait: () => Promise.resolve(),
    waitSync() {},
  };
}

/** How far a read goes: the bytes to take from a chunk, and whether it is done with them. */
type Cut = (chunk: Uint8Array, taken: number) => { bytes: number; done: boolean };

function cutAt(size: number): Cut {
  return (chunk, taken) => {
    const bytes = Math.min(chunk.length, size - taken);
    return { bytes, done: taken + bytes >= size };
  };
}

function cutAtLine(size: number): Cut {
  return (chunk, taken) => {
    const feed = chunk.indexOf(LINE_FEED);
    const line = feed === -1 ? chunk.length : feed + 1;
    const bytes = Math.min(line, size - taken);
    return { bytes, done: (feed !== -1 && bytes === line) || taken + bytes >= size };
  };
}

export class Input implements InputStream {
  readonly #source: BodySource;
  /** A chunk that was not taken whole. */
  #rest: Uint8Array | null = null;

  constructor(source: BodySource) {
    this.#source = source;
  }

  read(size: number = Number.POSITIVE_INFINITY): Promise<Uint8Array> {
    return this.#take(cutAt(size), size);
  }

  readline(size: number = Number.POSITIVE_INFINITY): Promise<Uint8Array> {
    return this.#take(cutAtLine(size), size);
  }

  async readlines(hint: number = Number.POSITIVE_INFINITY): Promise<Uint8Array[]> {
    const lines: Uint8Array[] = [];
    for (let bytes = 0; bytes < hint; bytes += lines.at(-1)!.length) {
      const line = await this.readline();
      if (line.length === 0) break;
      lines.push(line);
    }
    return lines;
  }

  readSync(size: number = Number.POSITIVE_INFINITY): Uint8Array {
    return this.#takeSync(cutAt(size), size);
  }

  readlineSync(size: number = Number.POSITIVE_INFINITY): Uint8Array {
    return this.#takeSync(cutAtLine(size), size);
  }

  readlinesSync(hint: number = Number.POSITIVE_INFINITY): Uint8Array[] {
    const lines: Uint8Array[] = [];
    for (let bytes = 0; bytes < hint; bytes += lines.at(-1)!.length) {
      const line = this.readlineSync();
      if (line.length === 0) break;
      lines.push(line);
    }
    return lines;
  }

  /** Chunks as they came. Leaving the loop early leaves the rest to be read. */
  async *[Symbol.asyncIterator](): AsyncGenerator<Uint8Array, void, void> {
    for (;;) {
      const chunk = this.#next();
      if (chunk === null) return;
      if (chunk === undefined) await this.#source.wait();
      else if (chunk.length > 0) yield chunk;
    }
  }

  async #take(cut: Cut, size: number): Promise<Uint8Array> {
    const parts: Uint8Array[] = [];
    if (size <= 0) return NOTHING;
    while (!this.#takeReady(cut, parts)) await this.#source.wait();
    return join(parts);
  }

  #takeSync(cut: Cut, size: number): Uint8Array {
    const parts: Uint8Array[] = [];
    if (size <= 0) return NOTHING;
    while (!this.#takeReady(cut, parts)) this.#source.waitSync();
    return join(parts);
  }

  /** Takes what is there; true when the read is complete or the body has ended. */
  #takeReady(cut: Cut, parts: Uint8Array[]): boolean {
    let taken = 0;
    for (const part of parts) taken += part.length;
    for (;;) {
      const chunk = this.#next();
      if (chunk === null) return true;
      if (chunk === undefined) return false;
      const { bytes, done } = cut(chunk, taken);
      parts.push(bytes === chunk.length ? chunk : chunk.subarray(0, bytes));
      if (bytes < chunk.length) this.#rest = chunk.subarray(bytes);
      taken += bytes;
      if (done) return true;
    }
  }

  #next(): Uint8Array | null | undefined {
    const rest = this.#rest;
    if (rest === null) return this.#source.next();
    this.#rest = null;
    return rest;
  }
}

function join(parts: Uint8Array[]): Uint8Array {
  if (parts.length === 1) return parts[0]!;
  return parts.length === 0 ? NOTHING : new Uint8Array(Buffer.concat(parts));
}

/** The input of every request without a body: it has no state, so one serves all. */
export const emptyInput: InputStream = new Input({
  next: () => null,
  wait: () => Promise.resolve(),
  waitSync() {},
});

/**
 * `tsgi.input`: the request body as an application reads it.
 *
 * Law: cuts chunks to the sizes that the application requests. The source knows where they come from.
 *
 * Reads wait in a queue, so two concurrent reads still get their bytes in the order of the calls. If the source throws during a
 * read, the bytes of that read go back: the next read gets them.
 */
import { show, TsgiRuleError } from './rule-errors.ts';
import type { InputStream } from './types.ts';

/** The source of a body's bytes. */
export interface BodySource {
  /** The next chunk; null after the end of the body, undefined if no bytes are there yet. Throws if the body broke off. */
  next(): Uint8Array | null | undefined;
  /** Resolves when `next` has a chunk, an end or an error. */
  wait(): Promise<void>;
  /** Blocks until then. Throws if this thread cannot block. */
  waitSync(): void;
}

const NOTHING = new Uint8Array(0);
const LINE_FEED = 10;
const RESOLVED: Promise<void> = Promise.resolve();

class CompleteBody implements BodySource {
  left: Uint8Array | null;

  constructor(bytes: Uint8Array | null) {
    this.left = bytes;
  }

  next(): Uint8Array | null {
    const chunk = this.left;
    this.left = null;
    return chunk;
  }

  wait(): Promise<void> {
    return RESOLVED;
  }

  waitSync(): void {}
}

/** Makes a source of bytes that are all there. */
export function completeBody(bytes: Uint8Array): BodySource {
  return new CompleteBody(bytes);
}

/** The end of a read, besides its size and the end of the body. */
const Until = { SIZE: 0, LINE_END: 1, CHUNK_END: 2 } as const;

/** The bytes of one read so far: a single chunk unchanged, or several in a buffer that doubles. */
class Gathering {
  readonly size: number;
  readonly until: number;
  length = 0;
  bytes: Uint8Array = NOTHING;

  constructor(size: number, until: number) {
    this.size = size;
    this.until = until;
  }

  /** Takes bytes from the front of `chunk`. Returns the number of bytes taken. */
  take(chunk: Uint8Array): number {
    const offered = this.until === Until.LINE_END ? lineLength(chunk) : chunk.length;
    const taken = Math.min(offered, this.size - this.length);
    this.add(taken === chunk.length ? chunk : chunk.subarray(0, taken));
    return taken;
  }

  get complete(): boolean {
    if (this.length >= this.size) return true;
    if (this.until === Until.CHUNK_END) return this.length > 0;
    return this.until === Until.LINE_END && this.bytes[this.length - 1] === LINE_FEED;
  }

  get result(): Uint8Array {
    return this.length === this.bytes.length ? this.bytes : this.bytes.subarray(0, this.length);
  }

  add(chunk: Uint8Array): void {
    const length = this.length + chunk.length;
    if (this.length === 0) this.bytes = chunk;
    else {
      // The first chunk is the source's own memory and exactly full, so it is never written to.
      if (length > this.bytes.length) this.grow(Math.max(length, 2 * this.bytes.length));
      this.bytes.set(chunk, this.length);
    }
    this.length = length;
  }

  grow(bytes: number): void {
    const larger = new Uint8Array(bytes);
    larger.set(this.result);
    this.bytes = larger;
  }
}

/** Bytes up to and including the first line feed; all of them without one. */
function lineLength(chunk: Uint8Array): number {
  const feed = chunk.indexOf(LINE_FEED);
  return feed === -1 ? chunk.length : feed + 1;
}

/** A missing or negative size means no limit, as for a file. */
function limitOf(size: number | undefined): number {
  if (size === undefined || size < 0) return Number.POSITIVE_INFINITY;
  if (Number.isInteger(size) || size === Number.POSITIVE_INFINITY) return size;
  throw new TsgiRuleError('A17', `Cannot read: the size must be a number of bytes: ${show(size)}`);
}

/** The bytes at which `readlines` stops. 0 means no hint, as for a file. */
function enoughFor(hint: number | undefined): number {
  return hint === 0 ? Number.POSITIVE_INFINITY : limitOf(hint);
}

export class Input implements InputStream {
  readonly #source: BodySource;
  /** A chunk of which a part was taken. */
  #rest: Uint8Array | null = null;
  /** Resolves when the last of the queued reads is over. */
  #waiting: Promise<void> | null = null;

  constructor(source: BodySource) {
    this.#source = source;
  }

  read(size?: number): Promise<Uint8Array> {
    return this.#gather(size, Until.SIZE);
  }

  readline(size?: number): Promise<Uint8Array> {
    return this.#gather(size, Until.LINE_END);
  }

  async readlines(hint?: number): Promise<Uint8Array[]> {
    const enough = enoughFor(hint);
    const lines: Uint8Array[] = [];
    try {
      for (let bytes = 0; bytes < enough; bytes += lines.at(-1)!.length) {
        const line = await this.readline();
        if (line.length === 0) break;
        lines.push(line);
      }
    } catch (error) {
      this.#giveBackLines(lines);
      throw error;
    }
    return lines;
  }

  readSync(size?: number): Uint8Array {
    return this.#gatherSync(size, Until.SIZE);
  }

  readlineSync(size?: number): Uint8Array {
    return this.#gatherSync(size, Until.LINE_END);
  }

  readlinesSync(hint?: number): Uint8Array[] {
    const enough = enoughFor(hint);
    const lines: Uint8Array[] = [];
    try {
      for (let bytes = 0; bytes < enough; bytes += lines.at(-1)!.length) {
        const line = this.readlineSync();
        if (line.length === 0) break;
        lines.push(line);
      }
    } catch (error) {
      this.#giveBackLines(lines);
      throw error;
    }
    return lines;
  }

  /** Yields chunks as they arrived. If the loop ends early, the rest can still be read. */
  async *[Symbol.asyncIterator](): AsyncGenerator<Uint8Array, void, void> {
    for (;;) {
      const chunk = await this.#gather(undefined, Until.CHUNK_END);
      if (chunk.length === 0) return;
      yield chunk;
    }
  }

  async #gather(size: number | undefined, until: number): Promise<Uint8Array> {
    const gathering = new Gathering(limitOf(size), until);
    try {
      if (this.#waiting !== null || !this.#takeReady(gathering)) await this.#standInLine(gathering);
    } catch (error) {
      this.#giveBack(gathering);
      throw error;
    }
    return gathering.result;
  }

  #standInLine(gathering: Gathering): Promise<void> {
    const turn = this.#waitFor(gathering, this.#waiting);
    // The reads after this one wait for its end, even if it fails.
    const leave = () => {
      if (this.#waiting === over) this.#waiting = null;
    };
    const over = turn.then(leave, leave);
    this.#waiting = over;
    return turn;
  }

  async #waitFor(gathering: Gathering, before: Promise<void> | null): Promise<void> {
    if (before !== null) await before;
    while (!this.#takeReady(gathering)) await this.#source.wait();
  }

  #gatherSync(size: number | undefined, until: number): Uint8Array {
    if (this.#waiting !== null) {
      throw new TsgiRuleError('A17', 'Cannot read synchronously while a read is waiting: await it first');
    }
    const gathering = new Gathering(limitOf(size), until);
    try {
      while (!this.#takeReady(gathering)) this.#source.waitSync();
    } catch (error) {
      this.#giveBack(gathering);
      throw error;
    }
    return gathering.result;
  }

  /** Takes the bytes that are there. Returns true if the read is complete or the body has ended. */
  #takeReady(gathering: Gathering): boolean {
    while (!gathering.complete) {
      const chunk = this.#next();
      if (chunk === null) return true;
      if (chunk === undefined) return false;
      if (chunk.length === 0) continue;
      const taken = gathering.take(chunk);
      if (taken < chunk.length) this.#rest = chunk.subarray(taken);
    }
    return true;
  }

  #giveBack(gathering: Gathering): void {
    if (gathering.length > 0) this.#rest = gathering.result;
  }

  #giveBackLines(lines: Uint8Array[]): void {
    const whole = new Gathering(Number.POSITIVE_INFINITY, Until.SIZE);
    for (const line of lines) whole.add(line);
    if (this.#rest !== null) whole.add(this.#rest);
    this.#giveBack(whole);
  }

  #next(): Uint8Array | null | undefined {
    const rest = this.#rest;
    if (rest === null) return this.#source.next();
    this.#rest = null;
    return rest;
  }
}

/** The input of every request without a body. It has no state, so one object is enough. */
export const emptyInput: InputStream = new Input(new CompleteBody(null));

/**
 * How many exchanges with unfinished bodies may be with the workers at one time, and which of them.
 *
 * Law: counts places; knows nothing of bytes, sockets or workers. Time is given, never read.
 *
 * An exchange whose body is on its way holds an index for as long as its client takes, so such exchanges get half of all
 * indices. An application that blocks its thread for the bytes (`readSync`) holds a whole worker: then there are fewer such
 * exchanges than live workers, so that one worker of several stays free. As long as it is not known how the application
 * reads, the same number is let in. Once the application has blocked, a body first fills its buffer in the acceptor, and
 * most never need a place: a body that is complete needs none.
 *
 * Whoever finds no place waits. Places go by progress: the quickest of those that wait is next, and if one has waited for
 * a second, it takes the place of one that is less than half as quick. So clients that dawdle keep nobody out.
 *
 * Exchanges that are inside when the application first blocks may be too many: then the acceptor gives one up that would
 * block the last worker.
 */
import type { Upload } from './upload.ts';

export interface UploadWaiter {
  /** Its buffer is full: it needs a place to go on. */
  readonly isRipe: boolean;
  /** Bytes a second that its client sends. */
  bodyRate(now: number): number;
  /** A place is free, and taken for it. */
  uploadOnPlace(): void;
  /** It has to leave its place to a quicker one. */
  uploadOnDisplaced(): void;
}

interface Entry {
  readonly waiter: UploadWaiter;
  /** Since when it waits for a place, or has one, ms. */
  readonly since: number;
}

/** So long one waits before it takes the place of another, and has its place before that can happen to it, ms. */
const PATIENCE_MS = 1000;
/** A body that blocks a worker for which others wait must be quicker, bytes a second. */
const SLOW_RATE = 32 * 1024;

export class UploadGate {
  readonly #half: number;
  #workers = 1;
  #mayBlock = true;
  /** Whether the application blocks for input, once it has been seen to read. */
  #blocks: boolean | undefined;
  readonly #inside: Map<Upload, Entry> = new Map();
  readonly #waiting: Map<Upload, Entry> = new Map();
  /** Those whose buffers fill. */
  readonly #filling: Map<Upload, UploadWaiter> = new Map();
  #now = 0;
  #admitting = false;

  /** `places`: exchanges that there are in all. */
  constructor(places: number) {
    this.#half = Math.max(1, Math.floor(places / 2));
  }

  get inside(): number {
    return this.#inside.size;
  }

  get waiting(): number {
    return this.#waiting.size + this.#filling.size;
  }

  /** The application has blocked a thread: a body is buffered before it gets a place. */
  get buffersFirst(): boolean {
    return this.#blocks === true;
  }

  enter(upload: Upload, waiter: UploadWaiter, now: number): void {
    this.#now = now;
    if (this.buffersFirst && !waiter.isRipe) this.#filling.set(upload, waiter);
    else this.#waiting.set(upload, { waiter, since: now });
    this.#admit();
  }

  /** Its buffer is full. */
  ripen(upload: Upload, now: number): void {
    const waiter = this.#filling.get(upload);
    if (waiter === undefined) return;
    this.#filling.delete(upload);
    this.enter(upload, waiter, now);
  }

  /** Its body is complete, or its exchange is over. Any number of calls. */
  leave(upload: Upload): void {
    this.#filling.delete(upload);
    this.#waiting.delete(upload);
    if (this.#inside.delete(upload)) this.#admit();
  }

  /** So many workers are live now. */
  setWorkers(workers: number): void {
    this.#workers = workers;
    this.#admit();
  }

  /** Whether the application's interface lets it block. */
  setTraits(mayBlock: boolean): void {
    if (!mayBlock) this.#setBlocks(false);
    else if (!this.#mayBlock) this.#blocks = undefined;
    this.#mayBlock = mayBlock;
  }

  /** The application waits for a body; `blocks`: its thread does. One read that blocks is enough to expect others. */
  reads(blocks: boolean): void {
    if (this.#blocks !== true && this.#blocks !== blocks) this.#setBlocks(blocks);
  }

  #setBlocks(blocks: boolean): void {
    this.#blocks = blocks;
    if (blocks) this.#fillFirst();
    else this.#fillNoMore();
    this.#admit();
  }

  #fillFirst(): void {
    for (const [upload, { waiter }] of this.#waiting) {
      if (waiter.isRipe) continue;
      this.#waiting.delete(upload);
      this.#filling.set(upload, waiter);
    }
  }

  #fillNoMore(): void {
    for (const [upload, waiter] of this.#filling) this.#waiting.set(upload, { waiter, since: this.#now });
    this.#filling.clear();
  }

  /** Lets who has waited for too long take the place of one that is slow. */
  tick(now: number): void {
    this.#now = now;
    if (this.#waiting.size === 0) return;
    const next = this.#quickest();
    if (next === undefined || now - next.since < PATIENCE_MS) return;
    this.#displace(next.waiter.bodyRate(now) / 2, () => true);
  }

  /** Requests wait while bodies block all workers: the slowest of those gives up. */
  unblock(now: number): void {
    this.#now = now;
    this.#displace(SLOW_RATE, (upload) => upload.blocks && !upload.ended);
  }

  #displace(quickEnough: number, may: (upload: Upload) => boolean): void {
    let slowest: Entry | undefined;
    let rate = quickEnough;
    for (const [upload, entry] of this.#inside) {
      if (this.#now - entry.since < PATIENCE_MS || !may(upload)) continue;
      const its = entry.waiter.bodyRate(this.#now);
      if (its >= rate) continue;
      slowest = entry;
      rate = its;
    }
    slowest?.waiter.uploadOnDisplaced();
  }

  #quickest(): (Entry & { readonly upload: Upload }) | undefined {
    let quickest: (Entry & { readonly upload: Upload }) | undefined;
    let rate = -1;
    for (const [upload, entry] of this.#waiting) {
      const its = entry.waiter.bodyRate(this.#now);
      if (its <= rate) continue;
      quickest = { ...entry, upload };
      rate = its;
    }
    return quickest;
  }

  get #places(): number {
    return this.#blocks === false ? this.#half : Math.min(this.#half, Math.max(1, this.#workers - 1));
  }

  /** A waiter that is refused leaves at once: its place goes to the next one here, not in a call within its own. */
  #admit(): void {
    if (this.#admitting) return;
    this.#admitting = true;
    const { upload } = this.#hasPlace ? this.#quickest()! : {};
    if (upload !== undefined) this.#letIn(upload);
    // One place is free most of the time: a search is cheaper than to sort.
    while (this.#hasPlace) for (const next of this.#inOrder()) if (this.#hasPlace) this.#letIn(next);
    this.#admitting = false;
  }

  get #hasPlace(): boolean {
    return this.#waiting.size > 0 && this.#inside.size < this.#places;
  }

  #inOrder(): Upload[] {
    const found = [...this.#waiting].map(([upload, { waiter }]) => ({
      upload,
      rate: waiter.bodyRate(this.#now),
    }));
    return found.sort((one, other) => other.rate - one.rate).map(({ upload }) => upload);
  }

  #letIn(upload: Upload): void {
    const entry = this.#waiting.get(upload);
    if (entry === undefined) return;
    this.#waiting.delete(upload);
    this.#inside.set(upload, { waiter: entry.waiter, since: this.#now });
    entry.waiter.uploadOnPlace();
  }
}

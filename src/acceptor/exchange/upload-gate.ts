/**
 * Which exchanges with incomplete bodies the workers may have at one time, and how many.
 *
 * Law: counts places. Knows nothing about bytes, sockets or workers. The caller passes the time.
 *
 * An exchange with an incomplete body holds an index for as long as its client takes. So such exchanges get at most half of
 * all indices. An application that blocks its thread for the bytes (`readSync`) also holds a whole worker. Then the limit is
 * one less than the number of live workers, so that one worker stays free. The same limit applies until the application's
 * reads show whether it blocks. Once the application has blocked, a body first fills its buffer in the acceptor. A complete
 * body needs no place, so most bodies never need one.
 *
 * An exchange without a place waits. Places go by progress: the fastest waiting body is next. If that body has waited for a
 * second, it takes the place of a body that is less than half as fast. So slow clients cannot keep the others out.
 *
 * When the application first blocks, too many exchanges may already have a place. Then the acceptor gives up an exchange that
 * would block the last worker.
 */
import type { Upload } from './upload.ts';

export interface UploadWaiter {
  /** The buffer is full, so the upload needs a place to continue. */
  readonly isRipe: boolean;
  /** Bytes per second from its client. */
  bodyRate(now: number): number;
  /** The upload has got a place. */
  uploadOnPlace(): void;
  /** The upload must give up its place to a faster one. */
  uploadOnDisplaced(): void;
}

interface Entry {
  readonly waiter: UploadWaiter;
  /** When the upload began to wait, or when it got its place, ms. */
  readonly since: number;
}

/**
 * How long an upload waits before it may displace another, and how long it keeps its place before another may displace it,
 * ms.
 */
const PATIENCE_MS = 1000;
/** While requests wait, a body that blocks a worker must be at least this fast, in bytes per second. */
const SLOW_RATE = 32 * 1024;

export class UploadGate {
  readonly #half: number;
  #workers = 1;
  #mayBlock = true;
  /** Whether the application blocks for input. Undefined before its first read. */
  #blocks: boolean | undefined;
  readonly #inside: Map<Upload, Entry> = new Map();
  readonly #waiting: Map<Upload, Entry> = new Map();
  /** Uploads whose buffers are being filled. */
  readonly #filling: Map<Upload, UploadWaiter> = new Map();
  #now = 0;
  #admitting = false;

  /** @param places the number of exchanges in the table */
  constructor(places: number) {
    this.#half = Math.max(1, Math.floor(places / 2));
  }

  get inside(): number {
    return this.#inside.size;
  }

  get waiting(): number {
    return this.#waiting.size + this.#filling.size;
  }

  /** The application has blocked a thread, so a body is buffered before it gets a place. */
  get buffersFirst(): boolean {
    return this.#blocks === true;
  }

  enter(upload: Upload, waiter: UploadWaiter, now: number): void {
    this.#now = now;
    if (this.buffersFirst && !waiter.isRipe) this.#filling.set(upload, waiter);
    else this.#waiting.set(upload, { waiter, since: now });
    this.#admit();
  }

  /** The buffer of the upload is full. */
  ripen(upload: Upload, now: number): void {
    const waiter = this.#filling.get(upload);
    if (waiter === undefined) return;
    this.#filling.delete(upload);
    this.enter(upload, waiter, now);
  }

  /** The body is complete, or its exchange is over. May be called any number of times. */
  leave(upload: Upload): void {
    this.#filling.delete(upload);
    this.#waiting.delete(upload);
    if (this.#inside.delete(upload)) this.#admit();
  }

  /** The number of live workers has changed. */
  setWorkers(workers: number): void {
    this.#workers = workers;
    this.#admit();
  }

  /** Sets whether the interface of the application permits it to block. */
  setTraits(mayBlock: boolean): void {
    if (!mayBlock) this.#setBlocks(false);
    else if (!this.#mayBlock) this.#blocks = undefined;
    this.#mayBlock = mayBlock;
  }

  /** The application waits for a body. `blocks`: it blocks its thread. One such read is enough to expect others. */
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

  /** If the fastest upload has waited for too long, it displaces a slow one. */
  tick(now: number): void {
    this.#now = now;
    if (this.#waiting.size === 0) return;
    const next = this.#quickest();
    if (next === undefined || now - next.since < PATIENCE_MS) return;
    this.#displace(next.waiter.bodyRate(now) / 2, () => true);
  }

  /** Requests wait while bodies block all workers. The slowest of these bodies gives up its place. */
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

  /** A waiter that is refused leaves immediately. The loop here fills its place, so this method does not need to recurse. */
  #admit(): void {
    if (this.#admitting) return;
    this.#admitting = true;
    const { upload } = this.#hasPlace ? this.#quickest()! : {};
    if (upload !== undefined) this.#letIn(upload);
    // Usually only one place is free, and then a search is cheaper than a sort.
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

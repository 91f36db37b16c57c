/**
 * How many exchanges with unfinished bodies may be with the workers at one time.
 *
 * Law: counts places; knows nothing of bytes, sockets or workers. An exchange whose body is still on its way holds a
 * place at a worker for as long as its client likes, so such exchanges get at most half of all places: slow clients
 * can never keep the rest from being served. And an application that blocks its thread for the bytes (`readSync`)
 * holds a whole worker: then, and as long as it is not known how the application reads, there are fewer such exchanges
 * than live workers, so one worker stays free (of several). Who finds no place waits in order, with its socket paused.
 * Those that are inside when it first blocks may be more: then the acceptor gives one up that would block the last worker.
 */
import type { Upload } from './upload.ts';

export interface UploadWaiter {
  /** A place is free, and taken for it. */
  uploadOnPlace(): void;
}

export class UploadGate {
  readonly #half: number;
  #workers = 1;
  /** Whether the application blocks for input, once it has been seen to read. */
  #blocks: boolean | undefined;
  #admitting = false;
  readonly #inside: Set<Upload> = new Set();
  readonly #waiting: Map<Upload, UploadWaiter> = new Map();

  /** `places`: exchanges that all workers together may hold. */
  constructor(places: number) {
    this.#half = Math.max(1, Math.floor(places / 2));
  }

  get inside(): number {
    return this.#inside.size;
  }

  get waiting(): number {
    return this.#waiting.size;
  }

  enter(upload: Upload, waiter: UploadWaiter): void {
    this.#waiting.set(upload, waiter);
    this.#admit();
  }

  /** Its body is complete, or its exchange is over. Any number of calls. */
  leave(upload: Upload): void {
    this.#waiting.delete(upload);
    if (this.#inside.delete(upload)) this.#admit();
  }

  /** So many workers are live now. */
  setWorkers(workers: number): void {
    this.#workers = workers;
    this.#admit();
  }

  /** The application waits for a body; `blocks`: its thread does. One read that blocks is enough to expect others. */
  reads(blocks: boolean): void {
    if (this.#blocks === true || this.#blocks === blocks) return;
    this.#blocks = blocks;
    this.#admit();
  }

  get #places(): number {
    return this.#blocks === false ? this.#half : Math.min(this.#half, Math.max(1, this.#workers - 1));
  }

  /** A waiter that is refused leaves at once: its place goes to the next one here, not in a call within its own. */
  #admit(): void {
    if (this.#admitting) return;
    this.#admitting = true;
    for (const [upload, waiter] of this.#waiting) {
      if (this.#inside.size >= this.#places) break;
      this.#waiting.delete(upload);
      this.#inside.add(upload);
      waiter.uploadOnPlace();
    }
    this.#admitting = false;
  }
}

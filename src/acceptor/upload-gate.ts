/**
 * How many exchanges with unfinished bodies may be with the workers at one time.
 *
 * Law: counts places; knows nothing of bytes, sockets or workers. An exchange whose body is still on its way holds a
 * place at a worker for as long as its client likes, so such exchanges get at most half of all places: slow clients
 * can never keep the rest from being served. Who finds no place waits in order, with its socket paused.
 */
import type { Upload } from './upload.ts';

export interface UploadWaiter {
  /** A place is free, and taken for it. */
  uploadOnPlace(): void;
}

export class UploadGate {
  readonly #places: number;
  readonly #inside: Set<Upload> = new Set();
  readonly #waiting: Map<Upload, UploadWaiter> = new Map();

  /** `places`: exchanges that all workers together may hold. */
  constructor(places: number) {
    this.#places = Math.max(1, Math.floor(places / 2));
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

  #admit(): void {
    for (const [upload, waiter] of this.#waiting) {
      if (this.#inside.size >= this.#places) return;
      this.#waiting.delete(upload);
      this.#inside.add(upload);
      waiter.uploadOnPlace();
    }
  }
}

/**
 * Who waits because of bodies that come slowly: other bodies for a place, requests for a worker. The slowest gives up.
 *
 * Law: notices; which body gives up is decided by the upload gate. Time is given, never read.
 */
import type { Exchanges } from '../exchange/exchanges.ts';
import type { UploadGate } from '../exchange/upload-gate.ts';
import type { WorkerLinks } from '../workers/worker-links.ts';

/** How long requests wait before a body that blocks a worker, and comes slowly, is given up, ms. */
const PATIENCE_MS = 1000;

export class BlockedWorkers {
  readonly #exchanges: Exchanges;
  readonly #links: WorkerLinks;
  readonly #uploads: UploadGate;
  /** Since when requests have waited at every tick; 0: none waits. */
  #since = 0;

  constructor(exchanges: Exchanges, links: WorkerLinks, uploads: UploadGate) {
    this.#exchanges = exchanges;
    this.#links = links;
    this.#uploads = uploads;
  }

  tick(now: number): void {
    this.#uploads.tick(now);
    if (!this.#uploads.buffersFirst || this.#exchanges.pending === 0) this.#since = 0;
    else if (this.#since === 0) this.#since = now;
    else if (now - this.#since >= PATIENCE_MS && this.#links.block(this.#exchanges.active))
      this.#uploads.unblock(now);
  }
}

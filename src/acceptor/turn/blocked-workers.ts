/**
 * Finds requests that wait because slow bodies block the workers. If they wait for too long, the slowest body gives up its
 * place.
 *
 * Law: detects the situation. The upload gate decides which body gives up. The caller passes the time.
 */
import type { Exchanges } from '../exchange/exchanges.ts';
import type { UploadGate } from '../exchange/upload-gate.ts';
import type { WorkerLinks } from '../workers/worker-links.ts';

/** If requests have waited for this long, a slow body that blocks a worker gives up its place, ms. */
const PATIENCE_MS = 1000;

export class BlockedWorkers {
  readonly #exchanges: Exchanges;
  readonly #links: WorkerLinks;
  readonly #uploads: UploadGate;
  /** Requests have waited at every tick since this time. 0 means that none waits. */
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

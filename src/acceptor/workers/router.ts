/**
 * Which worker a request is assigned to. Most requests are assigned to none: any free worker claims them from the request
 * ring.
 *
 * Law: decides when a request is submitted, and again if the assigned worker does not take it.
 *
 * A request with a key goes only to the worker of that key, while that worker lives. A request for an upgrade goes to the
 * worker with the fewest taken-over connections, so that these spread evenly. If that worker does not take it soon, any
 * worker may.
 */
import { Flag } from '../../http/head-flags.ts';
import type { SlabView } from '../../ring/message.ts';
import type { Affinity } from './affinity.ts';
import type { Exchange } from '../exchange/exchange.ts';
import type { WorkerLink } from './worker-link.ts';
import type { WorkerLinks } from './worker-links.ts';

export class Router {
  readonly #links: WorkerLinks;
  readonly #view: SlabView;
  readonly #affinity: Affinity | null;

  constructor(links: WorkerLinks, view: SlabView, affinity: Affinity | null) {
    this.#links = links;
    this.#view = view;
    this.#affinity = affinity;
  }

  /** The key of the request at `offset`, or undefined if it has none. */
  keyAt(offset: number): string | undefined {
    return this.#affinity?.keyOf(this.#view, offset);
  }

  /** The worker to which a key belongs, or undefined if no worker lives. */
  ownerOf(key: string): WorkerLink | undefined {
    return this.#affinity!.ownerOf(key, this.#live());
  }

  /** The number of live workers. */
  get workers(): number {
    return this.#links.live;
  }

  /** Returns the worker for an exchange, or undefined if any worker may take it. Sets `pinned` in the exchange. */
  route(exchange: Exchange): WorkerLink | undefined {
    const { key } = exchange;
    exchange.pinned = key !== undefined;
    if (key !== undefined) {
      const live = this.#live();
      return live.length === 0 ? undefined : this.#affinity!.workerFor(key, live, exchange.queuedAt);
    }
    return (this.#view.flags(exchange.slabOffset) & Flag.UPGRADE) === 0 ? undefined : this.#fewest();
  }

  /** A worker reports a key that it gives to a client. */
  learn(key: string, link: WorkerLink): void {
    this.#affinity?.learn(key, link.index, this.#live());
  }

  #live(): WorkerLink[] {
    return [...this.#links].filter((link) => link.live);
  }

  /** The worker with the fewest tunnels, or undefined if no worker has any. */
  #fewest(): WorkerLink | undefined {
    let fewest: WorkerLink | undefined;
    let any = false;
    for (const link of this.#links) {
      if (!link.live) continue;
      any ||= link.tunnels > 0;
      if (fewest === undefined || link.tunnels < fewest.tunnels) fewest = link;
    }
    return any ? fewest : undefined;
  }
}

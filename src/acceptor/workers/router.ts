/**
 * Which worker a request is meant for. Most are meant for none: whoever is free claims them from the request ring.
 *
 * Law: decides when a request is submitted, and again when the worker it was meant for does not take it.
 *
 * A request with a key goes to that key's worker, and to nobody else while that lives. One that asks for an upgrade goes to the
 * worker with the fewest connections taken over, so that they spread; if that worker does not come soon, to whoever does.
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

  /** The key of the request at `offset`; undefined: it has none, or requests have no keys. */
  keyAt(offset: number): string | undefined {
    return this.#affinity?.keyOf(this.#view, offset);
  }

  /** The worker that a key belongs to; undefined if no worker lives. */
  ownerOf(key: string): WorkerLink | undefined {
    return this.#affinity!.ownerOf(key, this.#live());
  }

  /** Workers that live. */
  get workers(): number {
    return this.#links.live;
  }

  /** Undefined: anybody. Says in the exchange whether others may take it in the end. */
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

  /** The worker with the fewest tunnels; undefined as long as nobody has any. */
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

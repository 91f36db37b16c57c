/**
 * The links of all workers whose thread has not ended, including zombies.
 *
 * Law: a list and its lookups. A link's own work is in `worker-link.ts`.
 */
import type { ExchangeTable } from '../../ring/exchange-table.ts';
import type { Exchange } from '../exchange/exchange.ts';
import type { WorkerLink } from './worker-link.ts';

export class WorkerLinks implements Iterable<WorkerLink> {
  readonly #links: WorkerLink[] = [];
  readonly #table: ExchangeTable;

  constructor(table: ExchangeTable) {
    this.#table = table;
  }

  [Symbol.iterator](): Iterator<WorkerLink> {
    return this.#links[Symbol.iterator]();
  }

  /** The number of workers that claim requests. */
  get live(): number {
    return this.#links.filter((link) => link.live).length;
  }

  /** Whether there are several live workers and all of them block for bodies that are incomplete. */
  allBlock(exchanges: Iterable<Exchange>): boolean {
    return this.live > 1 && this.block(exchanges);
  }

  /** Whether all live workers block for bodies that are incomplete. */
  block(exchanges: Iterable<Exchange>): boolean {
    const blocked = new Set<number>();
    for (const { index, upload } of exchanges)
      if (upload?.blocks === true && !upload.ended) blocked.add(this.#table.owner(index));
    return blocked.size >= this.live;
  }

  add(link: WorkerLink): void {
    this.#links.push(link);
  }

  remove(link: WorkerLink): void {
    this.#links.splice(this.#links.indexOf(link), 1);
  }

  get(slot: number): WorkerLink | undefined {
    return this.#links.find((link) => link.slot === slot);
  }

  /** The worker that has the exchange. */
  ownerOf(exchange: Exchange): WorkerLink | undefined {
    return this.get(this.#table.owner(exchange.index));
  }

  /** Whether any worker has committed records. */
  get ready(): boolean {
    return this.#links.some((link) => link.responses.ready());
  }
}

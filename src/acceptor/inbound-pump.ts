/**
 * Moves what clients send into the inbound rings of the workers that have their exchanges.
 *
 * Law: which exchanges have something to move, and when; how much there is room for is `upload.ts`. Never waits.
 */
import type { ExchangeTable } from '../ring/exchange-table.ts';
import type { Exchange, Exchanges } from './exchanges.ts';
import type { WorkerLinks } from './worker-links.ts';

export class InboundPump {
  readonly #exchanges: Exchanges;
  readonly #links: WorkerLinks;
  readonly #table: ExchangeTable;

  constructor(exchanges: Exchanges, links: WorkerLinks, table: ExchangeTable) {
    this.#exchanges = exchanges;
    this.#links = links;
    this.#table = table;
  }

  /** Called once a turn, and before the acceptor sleeps. */
  pumpAll(): void {
    for (const exchange of this.#exchanges.uploading) this.pump(exchange);
  }

  pump(exchange: Exchange): void {
    const { upload } = exchange;
    const link = this.#links.ownerOf(exchange);
    if (upload === null || link === undefined) return;
    const consumed = this.#table.consumed(exchange.index);
    const published = upload.pump(link.inbound, exchange.index, exchange.generation, consumed);
    // Connections that an application has taken over are many, and silent most of the time.
    if (upload.idle) this.#exchanges.uploading.delete(exchange);
    else this.#exchanges.uploading.add(exchange);
    if (!published) return;
    link.inbound.notify();
    link.ring();
    exchange.connection?.exchangeOnPumped();
  }
}

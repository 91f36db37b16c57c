/**
 * Moves bytes from clients into the inbound rings of the workers that have their exchanges.
 *
 * Law: decides which exchanges have something to move, and when. `upload.ts` decides how much there is room for. Never waits.
 */
import type { ExchangeTable } from '../../ring/exchange-table.ts';
import type { Exchange } from './exchange.ts';
import type { Exchanges } from './exchanges.ts';
import type { Upload } from './upload.ts';
import type { WorkerLink } from '../workers/worker-link.ts';
import type { WorkerLinks } from '../workers/worker-links.ts';

export class InboundPump {
  readonly #exchanges: Exchanges;
  readonly #links: WorkerLinks;
  readonly #table: ExchangeTable;

  constructor(exchanges: Exchanges, links: WorkerLinks, table: ExchangeTable) {
    this.#exchanges = exchanges;
    this.#links = links;
    this.#table = table;
  }

  /** Called once in each turn, and before the acceptor sleeps. */
  pumpAll(): void {
    for (const exchange of this.#exchanges.uploading) this.#move(exchange);
    for (const link of this.#links) this.#tell(link);
  }

  /** Moves the bytes of one exchange immediately. */
  pump(exchange: Exchange): void {
    const link = this.#move(exchange);
    if (link !== undefined) this.#tell(link);
  }

  /** Passes bytes to the application that has taken a connection over. `pumpAll` notifies the worker. */
  pass(exchange: Exchange, tunnel: Upload, bytes: Uint8Array): void {
    const { index, generation, tunnelOf: link } = exchange;
    if (tunnel.pass(bytes, link!.inbound, index, generation, this.#table.consumed(index)))
      link!.untold = true;
    else this.#exchanges.uploading.add(exchange);
  }

  /** Returns the worker that has the exchange. */
  #move(exchange: Exchange): WorkerLink | undefined {
    const { upload } = exchange;
    const link = this.#links.ownerOf(exchange);
    if (upload === null || link === undefined) return undefined;
    const consumed = this.#table.consumed(exchange.index);
    const published = upload.pump(link.inbound, exchange.index, exchange.generation, consumed);
    // Taken-over connections are many, and most are silent most of the time.
    if (upload.idle) this.#exchanges.uploading.delete(exchange);
    else this.#exchanges.uploading.add(exchange);
    if (published) {
      link.untold = true;
      exchange.connection?.exchangeOnPumped();
    }
    return link;
  }

  #tell(link: WorkerLink): void {
    if (!link.untold) return;
    link.untold = false;
    link.inbound.notify();
    link.ring();
  }
}

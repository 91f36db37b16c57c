/**
 * What connections do with exchanges: submit a request, send its body to the worker, give it up.
 *
 * Law: the only door of connections to exchanges, links and the pump. Decides nothing about a connection. Each method
 * that a worker has to notice requests a turn, or rings its worker.
 */
import { Abort } from '../../ring/layout.ts';
import type { HeadBytes, PeerBytes } from '../../ring/message.ts';
import type { Records } from '../turn/records.ts';
import type { WorkerLinks } from '../workers/worker-links.ts';
import type { Blame } from './blame.ts';
import type { Answerable, Exchange } from './exchange.ts';
import type { Exchanges } from './exchanges.ts';
import type { InboundPump } from './inbound-pump.ts';
import type { Upload } from './upload.ts';

export interface RequestsParts {
  readonly exchanges: Exchanges;
  readonly links: WorkerLinks;
  readonly records: Pick<Records, 'updateCredit'>;
  readonly pump: InboundPump;
  /** Takes a turn when this phase of the event loop is over. */
  readonly requestTurn: () => void;
}

export class Requests {
  readonly #exchanges: Exchanges;
  readonly #links: WorkerLinks;
  readonly #records: Pick<Records, 'updateCredit'>;
  readonly #pump: InboundPump;
  readonly #requestTurn: () => void;

  constructor({ exchanges, links, records, pump, requestTurn }: RequestsParts) {
    this.#exchanges = exchanges;
    this.#links = links;
    this.#records = records;
    this.#pump = pump;
    this.#requestTurn = requestTurn;
  }

  /** Why the next refusal is sent. */
  get blame(): Blame {
    return this.#exchanges.blame;
  }

  /** Copies a head into the slab, with room for `bodyLength` bytes. Returns undefined if the server is full. */
  begin(head: HeadBytes, peers: PeerBytes, bodyLength: number): Exchange | undefined {
    return this.#exchanges.begin(head, peers, bodyLength);
  }

  /** Copies body bytes into the slab. Returns the offset behind them. */
  writeBody(to: number, bytes: Uint8Array): number {
    return this.#exchanges.writeBody(to, bytes);
  }

  /** Hands a begun request to the workers. `now`: milliseconds. */
  submit(exchange: Exchange, connection: Answerable, bodyLength: number, now: number): void {
    this.#exchanges.submit(exchange, connection, bodyLength, now);
    this.#requestTurn();
  }

  /** No worker has taken the request. */
  isPending(exchange: Exchange): boolean {
    return this.#exchanges.isPending(exchange);
  }

  /** `left`: body bytes that are missing, as `ExchangeTable.setLeft` takes them. */
  setLeft(exchange: Exchange, left: number): void {
    this.#exchanges.setLeft(exchange, left);
  }

  /** Moves waiting body bytes to the worker. */
  pump(exchange: Exchange): void {
    this.#pump.pump(exchange);
  }

  /** The client took response bytes, so the worker may send more. */
  outputOnProgress(exchange: Exchange): void {
    const link = this.#links.ownerOf(exchange);
    if (link === undefined) return;
    this.#records.updateCredit(exchange);
    link.notify();
  }

  /** The client ended its side. The worker ends the response. */
  depart(exchange: Exchange): void {
    this.#links.ownerOf(this.#exchanges.depart(exchange))?.notifyAbort();
  }

  /** The connection needs no response. Without a worker the exchange is free at once. Otherwise its worker is notified. */
  drop(exchange: Exchange): void {
    if (this.#exchanges.cancel(exchange)) return;
    this.#exchanges.abandon(exchange, Abort.GONE);
    this.#links.ownerOf(exchange)?.notifyAbort();
  }

  /** The application has taken the connection over. What the client sends goes through `tunnel`. */
  tunnel(exchange: Exchange, tunnel: Upload): void {
    this.#exchanges.tunnel(exchange, tunnel);
    this.#requestTurn();
  }

  /** `bytes` are valid until this returns. */
  tunnelOnBytes(exchange: Exchange, tunnel: Upload, bytes: Uint8Array): void {
    this.#pump.pass(exchange, tunnel, bytes);
    this.#requestTurn();
  }

  tunnelOnEnd(exchange: Exchange): void {
    this.#exchanges.uploading.add(exchange);
    this.#requestTurn();
  }
}

/**
 * Reads the records that workers write to their response rings, and passes them on to the connections that wait for them.
 *
 * Law: the only reader of those rings. It copies every record and frees its space immediately. So a client that reads slowly
 * fills the window of its exchange, but never the ring. Index and generation name the exchange of a record. A record of an
 * exchange that is over is counted and dropped.
 */
import { Buffer } from 'node:buffer';
import type { ExchangeTable } from '../../ring/exchange-table.ts';
import { Abort } from '../../ring/layout.ts';
import {
  BLOCKS,
  CLOSE,
  END,
  halfWindow,
  INTERIM,
  RecordKind,
  kindOf,
  readFileRecord,
} from '../../ring/message.ts';
import type { Exchange } from '../exchange/exchange.ts';
import type { Exchanges } from '../exchange/exchanges.ts';
import type { Router } from '../workers/router.ts';
import { scratchFor } from './scratch.ts';
import { Upload } from '../exchange/upload.ts';
import type { UploadGate } from '../exchange/upload-gate.ts';
import type { WorkerLink } from '../workers/worker-link.ts';
import type { WorkerLinks } from '../workers/worker-links.ts';

/** Records read from one worker's ring in one turn, so that no worker can delay the others. */
const RECORDS_A_TURN = 256;

export interface RecordsParts {
  readonly table: ExchangeTable;
  readonly exchanges: Exchanges;
  readonly links: WorkerLinks;
  readonly uploads: UploadGate;
  readonly router: Router;
  /** A worker has answered its maximum number of requests. */
  readonly onWorn: (slot: number) => void;
  /** An application closes the connection with this number. */
  readonly onHangUp: (connection: number) => void;
}

export class Records {
  readonly #table: ExchangeTable;
  readonly #exchanges: Exchanges;
  readonly #links: WorkerLinks;
  readonly #uploads: UploadGate;
  readonly #router: Router;
  readonly #onWorn: (slot: number) => void;
  readonly #onHangUp: (connection: number) => void;
  /** Exchanges whose response was complete. */
  answered = 0;
  /** Records of exchanges that were already over. */
  late = 0;
  /** In this drain, an unfinished response got credit that its worker may wait for. */
  #credited = false;

  constructor({ table, exchanges, links, uploads, router, onWorn, onHangUp }: RecordsParts) {
    this.#table = table;
    this.#exchanges = exchanges;
    this.#links = links;
    this.#uploads = uploads;
    this.#router = router;
    this.#onWorn = onWorn;
    this.#onHangUp = onHangUp;
  }

  /** Reads a worker's records. Returns true if there may be more. */
  drain(link: WorkerLink): boolean {
    const { responses } = link;
    let left = RECORDS_A_TURN;
    while (left > 0 && responses.next()) {
      this.#onRecord(link);
      responses.release();
      left -= 1;
    }
    if (responses.takeWaiting() || this.#credited) link.notify();
    this.#credited = false;
    return left === 0;
  }

  #onRecord(link: WorkerLink): void {
    const { responses } = link;
    if (kindOf(responses.kind) === RecordKind.KEY) return this.#onKey(link);
    const exchange = this.#exchanges.get(responses.exchange, responses.generation);
    if (exchange === undefined) {
      if (kindOf(responses.kind) === RecordKind.HANG_UP) this.#onHangUp(responses.generation);
      else this.late += 1;
      return;
    }
    // The head has not been sent yet, so a log line may still need the request line.
    if (kindOf(responses.kind) === RecordKind.READ || (responses.kind & INTERIM) !== 0)
      exchange.line ||= this.#exchanges.requestLine(exchange);
    this.#exchanges.releaseSlab(exchange);
    const { connection, headSent } = exchange;
    switch (kindOf(responses.kind)) {
      case RecordKind.RESPONSE:
        return this.#onResponse(link, exchange);
      case RecordKind.FILE:
        return this.#onFile(link, exchange);
      case RecordKind.READ:
        return this.#onRead(link, exchange);
      case RecordKind.TUNNEL:
        return this.#onTunnel(link, exchange);
      case RecordKind.ABORT:
        this.#exchanges.finish(exchange);
        return connection?.exchangeOnBroken(headSent);
    }
  }

  /** The record names no exchange, because the response that sets the key may already be over. */
  #onKey(link: WorkerLink): void {
    const { bytes, offset, length } = link.responses;
    this.#router.learn(bytes.latin1Slice(offset, offset + length), link);
  }

  #onResponse(link: WorkerLink, exchange: Exchange): void {
    const { kind, offset, length } = link.responses;
    const { connection } = exchange;
    const isFirst = !exchange.headSent;
    if ((kind & INTERIM) === 0) {
      exchange.received += length;
      if (isFirst && (kind & END) === 0) this.#exchanges.begun(exchange);
    }
    // No window bounds interim responses, so they are dropped while the output is full.
    if (connection !== null && length > 0 && !((kind & INTERIM) !== 0 && connection.output.full)) {
      const scratch = scratchFor(length, connection.output.unsent === 0);
      const copy = scratch === null ? Buffer.allocUnsafe(length) : scratch.part(length);
      copy.set(link.responses.view(offset, length));
      if (!connection.output.write(copy)) scratch?.renew();
    }
    if ((kind & END) !== 0) {
      this.#finish(link, exchange);
      connection?.exchangeOnEnd((kind & CLOSE) !== 0);
      return;
    }
    this.updateCredit(exchange);
    if (!halfWindow(exchange.received, exchange.creditTold)) return;
    exchange.creditTold = exchange.credit;
    this.#credited = true;
  }

  /** Slow clients must not block the last free worker. If this read would block it, the acceptor gives the request up. */
  #onRead(link: WorkerLink, exchange: Exchange): void {
    const blocks = (link.responses.kind & BLOCKS) !== 0;
    this.#uploads.reads(blocks);
    const { upload } = exchange;
    if (upload !== null) {
      upload.blocks ||= blocks;
      // The client may be gone. Then all bytes that it sent are already here.
      upload.wanted ||= exchange.connection === null;
    }
    const { connection } = exchange;
    // A client that is gone sends no more bytes, and its worker knows that.
    if (!blocks || connection === null || !this.#links.allBlock(this.#exchanges.active))
      return connection?.exchangeOnRead();
    const { blame } = this.#exchanges;
    this.#exchanges.giveUp(exchange, Abort.GONE, blame.on('threads', exchange.line));
    link.notifyAbort();
  }

  #onTunnel(link: WorkerLink, exchange: Exchange): void {
    this.#exchanges.begun(exchange);
    this.#exchanges.countTunnel(exchange, link);
    if (exchange.connection !== null) return exchange.connection.exchangeOnTunnel();
    // The client has left meanwhile, and the application waits for that report.
    const nothing = new Upload();
    nothing.wanted = true;
    nothing.end(true);
    this.#exchanges.tunnel(exchange, nothing);
  }

  #onFile(link: WorkerLink, exchange: Exchange): void {
    const { kind, offset, length } = link.responses;
    const { connection } = exchange;
    this.#finish(link, exchange);
    const record = readFileRecord(link.responses.view(offset, length));
    connection?.exchangeOnFile(record, (kind & CLOSE) !== 0);
  }

  #finish(link: WorkerLink, exchange: Exchange): void {
    this.answered += 1;
    link.answered += 1;
    this.#exchanges.finish(exchange);
    if (link.answered >= link.most) this.#onWorn(link.slot);
  }

  /** A response may send as many new bytes as have left. So a client that does not read fills only its own window. */
  updateCredit(exchange: Exchange): void {
    if (exchange.connection === null) return;
    exchange.credit = exchange.received - exchange.connection.output.unsent;
    this.#table.setCredit(exchange.index, exchange.credit);
  }
}

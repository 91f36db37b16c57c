/**
 * A connection that its application has taken over: what the client sends, on its way to the worker.
 *
 * Law: passes bytes on as they are; how many may be under way is decided in `upload.ts`. The exchange is given each time,
 * because the application may end it before the client does: then what comes is dropped.
 */
import type { ByteQueue } from '../../ring/byte-queue.ts';
import type { ConnectionHost } from './connection-host.ts';
import type { Exchange } from '../exchange/exchange.ts';
import { Upload, UPLOAD_HIGH_WATER } from '../exchange/upload.ts';

export class TakenOver {
  readonly upload: Upload;
  readonly #host: ConnectionHost;

  /** @param early what came behind the request's head; it belongs to the tunnel from now on */
  constructor(host: ConnectionHost, exchange: Exchange, early: ByteQueue) {
    this.#host = host;
    this.upload = new Upload(early);
    this.upload.wanted = true;
    host.exchanges.tunnel(exchange, this.upload);
    host.requestTurn();
  }

  /** So many bytes wait that nothing more is read. */
  get full(): boolean {
    return this.upload.waiting >= UPLOAD_HIGH_WATER;
  }

  /** The first `length` bytes of the read buffer came. */
  pass(exchange: Exchange | null, length: number): void {
    if (exchange === null) return;
    this.#host.tunnelOnBytes(exchange, this.upload, this.#host.parser.buffer.subarray(0, length));
  }

  /** The client has ended its side; `broken`: it is gone. */
  end(exchange: Exchange | null, broken: boolean): void {
    this.upload.end(broken);
    if (exchange !== null) this.#host.tunnelOnEnd(exchange);
  }
}

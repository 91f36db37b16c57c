/**
 * A connection that its application has taken over: what the client sends, on its way to the worker.
 *
 * Law: passes bytes on unchanged. `upload.ts` bounds how many may be under way. The caller gives the exchange each time,
 * because the application may end it before the client ends its side. Then the tunnel drops the bytes that come.
 */
import type { ByteQueue } from '../../ring/byte-queue.ts';
import type { Exchange } from '../exchange/exchange.ts';
import { Upload, UPLOAD_HIGH_WATER } from '../exchange/upload.ts';
import type { ConnectionHost } from './connection-host.ts';

type TunnelHost = Pick<ConnectionHost, 'parser' | 'requests'>;

export class TakenOver {
  readonly upload: Upload;
  readonly #host: TunnelHost;

  /** `early`: the bytes behind the request's head. The tunnel owns them from now on. */
  constructor(host: TunnelHost, exchange: Exchange, early: ByteQueue) {
    this.#host = host;
    this.upload = new Upload(early);
    this.upload.wanted = true;
    host.requests.tunnel(exchange, this.upload);
  }

  /** So many bytes wait that the connection reads no more. */
  get full(): boolean {
    return this.upload.waiting >= UPLOAD_HIGH_WATER;
  }

  /** Passes the first `length` bytes of the read buffer on. */
  pass(exchange: Exchange | null, length: number): void {
    if (exchange === null) return;
    const bytes = this.#host.parser.buffer.subarray(0, length);
    this.#host.requests.tunnelOnBytes(exchange, this.upload, bytes);
  }

  /** The client has ended its side. `broken`: the connection is gone. */
  end(exchange: Exchange | null, broken: boolean): void {
    this.upload.end(broken);
    if (exchange !== null) this.#host.requests.tunnelOnEnd(exchange);
  }
}

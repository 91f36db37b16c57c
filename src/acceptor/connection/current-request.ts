/**
 * The request that a connection has in work: its exchange, its body if that came in several reads, and the file of its
 * response.
 *
 * Law: turns what the intake parsed into exchanges and uploads, and decides when a request goes to the workers. Reports to
 * its connection what that means for it. Knows no socket, no deadline and no state of its connection.
 */
import type { FileRecord, HeadBytes, PeerBytes } from '../../ring/message.ts';
import type { Answerable, Exchange } from '../exchange/exchange.ts';
import { FileTransfer } from '../exchange/file-transfer.ts';
import type { ConnectionOutput } from '../socket/connection-output.ts';
import type { ConnectionHost, ConnectionLimits } from './connection-host.ts';
import { copyHead } from './head.ts';
import { type BodyOwner, IncomingBody } from './incoming-body.ts';
import type { Intake } from './intake.ts';

type RequestHost = Pick<ConnectionHost, 'requests' | 'bodies' | 'uploads' | 'now' | 'traits' | 'room'>;

/** The connection. */
export interface RequestOwner extends Answerable {
  readonly output: ConnectionOutput;
  readonly limits: Pick<ConnectionLimits, 'bodyBuffer'>;
  /** Returns both ends of the connection, with its number of requests. */
  countRequest(): PeerBytes;
  /** The request goes to a worker before its body is complete, as soon as it has a place. */
  requestOnStream(body: IncomingBody): void;
  /** The request, whose buffer is full, waits for a place (`isFree`: false), or has got one. */
  requestOnPlace(isFree: boolean): void;
  refuse(status: number, detail: string): void;
  /** Reads no more, until `exchangeOnPumped`. */
  pause(): void;
}

export class CurrentRequest implements BodyOwner {
  readonly #host: RequestHost;
  readonly #owner: RequestOwner;
  readonly #intake: Intake;
  /** Null before the request is submitted, and when its response needs no worker any more. */
  exchange: Exchange | null = null;
  body: IncomingBody | null = null;
  /** The rest of the response. Its worker is done with it. */
  file: FileTransfer | null = null;

  constructor(host: RequestHost, owner: RequestOwner, intake: Intake) {
    this.#host = host;
    this.#owner = owner;
    this.#intake = intake;
  }

  // called by the connection, for each event of its intake

  /** Submits a whole message: the common case. If the server is full, `exchange` stays null. */
  submitWhole(): void {
    const { head, body } = this.#intake;
    const length = body === null ? 0 : body.length;
    const exchange = this.#begin(head, length);
    if (exchange === undefined) return;
    if (body !== null) this.#host.requests.writeBody(exchange.bodyOffset, body);
    this.#submit(exchange, length);
  }

  /** The head is complete, and its body is not. `startedAt`: when the request began, ms. */
  takeHead(startedAt: number): void {
    const { head, expectsContinue } = this.#intake;
    this.body = new IncomingBody(this.#host, this, copyHead(head), expectsContinue, startedAt);
    this.body.settle();
    if (!this.body.released && this.#goesAtOnce) this.#stream();
  }

  /** More of the body came. After its release the bytes are dropped. */
  takeData(bytes: Uint8Array): void {
    const body = this.body!;
    body.clock.arrived(bytes.length, this.#host.now);
    if (body.released) return;
    body.add(bytes);
    if (body.collects && this.#intake.received > this.#owner.limits.bodyBuffer) this.#stream();
    if (!body.released) this.#pump();
  }

  /** The body is complete. If the server is full, `exchange` stays null. */
  takeEnd(): void {
    const body = this.body!;
    body.leaveMemory();
    if (body.released) return;
    if (body.collects) return this.#submitCollected(body);
    body.complete();
    // The request still waited for a place, and needs none any more.
    if (body.head !== null) this.bodyOnPlace();
    else this.#pump();
  }

  /** All that was read is parsed, and more of the body comes. Without a place the client may fill the whole buffer. */
  takeMore(): void {
    const { body } = this;
    if (body === null || body.upload === null || !body.isFull) return;
    if (body.head === null) return this.#owner.pause();
    this.#owner.requestOnPlace(false);
    body.ripen();
  }

  /** The request does not wait until its body is complete. */
  get #goesAtOnce(): boolean {
    const { contentLength } = this.#intake;
    const isLong = contentLength > this.#owner.limits.bodyBuffer;
    return this.#host.traits.calledAtHead || this.body!.continueDue || isLong;
  }

  #stream(): void {
    const body = this.body!;
    body.open();
    this.#owner.requestOnStream(body);
    body.awaitPlace();
  }

  #submitCollected(body: IncomingBody): void {
    const { requests } = this.#host;
    const { received } = this.#intake;
    const { head } = body;
    const collected = body.takeCollected();
    const exchange = this.#begin(head!, received);
    let to = exchange?.bodyOffset ?? 0;
    for (let bytes = collected.shift(); bytes !== undefined; bytes = collected.shift())
      if (exchange !== undefined) to = requests.writeBody(to, bytes);
    if (exchange !== undefined) this.#submit(exchange, received);
  }

  // called by its body

  /** Submits the request without its body, which follows as an upload. */
  bodyOnPlace(): void {
    const { head, upload } = this.body!;
    const exchange = this.#begin(head!, 0);
    this.body!.head = null;
    if (exchange === undefined) {
      upload!.close();
      return this.#owner.refuse(503, '');
    }
    exchange.upload = upload;
    this.#setLeft(exchange);
    this.#owner.requestOnPlace(true);
    this.#submit(exchange, 0);
  }

  bodyOnHandOn(): void {
    if (this.body!.collects) this.#stream();
  }

  bodyOnRefused(status: number, detail: string): void {
    this.#owner.refuse(status, detail);
  }

  bodyOnHoldBack(): void {
    this.#owner.pause();
  }

  // called by the connection

  /** The application reads the body. Returns whether `100 Continue` is due to the client. */
  read(): boolean {
    const { body, exchange } = this;
    const waits = body !== null && body.read() && this.#intake.received === 0 && !body.upload!.ended;
    // Behind the head of a response it would be a part of that response.
    return waits && exchange?.headSent !== true;
  }

  /** Part of the response, or all of it, was sent. */
  get isAnswered(): boolean {
    return this.exchange?.headSent === true || this.file !== null;
  }

  /** A worker has the request, or the acceptor sends its file. */
  get isInWork(): boolean {
    return this.exchange !== null || this.file !== null;
  }

  /** The response is a head and a file, and `room` counts that file. `close`: the connection ends behind it. */
  sendFile(record: FileRecord, close: boolean): void {
    const { room } = this.#host;
    this.exchange = null;
    // The response needs no worker any more, so another body may have the place.
    this.body?.leavePlace();
    this.file = new FileTransfer(record, close, { output: this.#owner.output, owner: this.#owner, room });
  }

  /** No worker and no file answers the request any more. */
  end(): void {
    this.exchange = this.file = null;
  }

  /** The response is complete, and another request may follow. */
  forget(): void {
    this.body?.release();
    this.body = null;
  }

  /** The client or the acceptor gave the request up before its response was complete. */
  drop(): void {
    const { exchange } = this;
    this.exchange = null;
    this.body?.release();
    if (exchange !== null) this.#host.requests.drop(exchange);
  }

  /** Passes on what the worker has room for. */
  #pump(): void {
    const { exchange } = this;
    if (exchange === null || this.body!.upload === null) return;
    this.#setLeft(exchange);
    this.#host.requests.pump(exchange);
  }

  /** The connection is closed. */
  close(): void {
    this.file?.cancel();
    this.file = null;
    this.drop();
  }

  #begin(head: HeadBytes, bodyLength: number): Exchange | undefined {
    return this.#host.requests.begin(head, this.#owner.countRequest(), bodyLength);
  }

  #submit(exchange: Exchange, bodyLength: number): void {
    this.exchange = exchange;
    this.#host.requests.submit(exchange, this.#owner, bodyLength, this.#host.now);
  }

  #setLeft(exchange: Exchange): void {
    this.#host.requests.setLeft(exchange, this.body!.upload!.ended ? 0 : this.#intake.missing);
  }
}

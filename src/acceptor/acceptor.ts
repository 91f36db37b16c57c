/**
 * The I/O thread: owns the listener, every connection and the acceptor's end of every ring.
 *
 * Law: I/O is done here and nowhere else, and no application code runs here. Knows sockets, exchanges and worker
 * links; not how workers are started (`pool.ts`), not how they run an application.
 *
 * A turn: reads and parses happen in the event loop's poll phase and only submit; one `setImmediate` behind them
 * drains the response rings, then wakes at most one worker. So a doorbell is rung once for a batch, not for a
 * request, and under load hardly ever. See `#sleep` for why no wake is lost.
 */
import type net from 'node:net';
import { Parser, READ_BUFFER_SIZE } from '../http/parser.ts';
import { Sleeper } from '../ring/doorbell.ts';
import { Abort, ACCEPTOR_ASLEEP, DRAINING } from '../ring/layout.ts';
import { BLOCKS, CLOSE, END, INTERIM, Kind, kindOf, readFileRecord, requestId } from '../ring/message.ts';
import { createShared, type SharedBuffers, type SharedMemory } from '../ring/shared.ts';
import type { AcceptorEvents, AcceptorOptions, AcceptorStats } from './acceptor-api.ts';
import { Connection } from './connection.ts';
import type { ConnectionHost, ConnectionLimits } from './connection-host.ts';
import { type Exchange, Exchanges } from './exchanges.ts';
import { Listener, type ListenerOwner, type ListenWhere } from './listener.ts';
import { Refusals } from './refusals.ts';
import { Throughput } from './throughput.ts';
import { Ticker } from './ticker.ts';
import { UploadGate } from './upload-gate.ts';
import { Waker } from './waker.ts';
import { type LoopState, Watchdog, type WatchdogOwner } from './watchdog.ts';
import { type LinkParts, WorkerLink } from './worker-link.ts';
import { WorkerLinks } from './worker-links.ts';

/** Connections are many and patient: they are looked at every so many ticks. */
const CONNECTION_TICKS = 3;
/** Records read from one worker's ring in one turn, so that one worker cannot keep the others waiting. */
const RECORDS_A_TURN = 256;

export class Acceptor implements ConnectionHost, ListenerOwner, WatchdogOwner {
  readonly parser: Parser;
  readonly limits: ConnectionLimits;
  readonly exchanges: Exchanges;
  readonly uploads: UploadGate;
  now = 0;
  closing = false;
  halfOpen = true;

  readonly #options: AcceptorOptions;
  readonly #events: AcceptorEvents;
  readonly #shared: SharedMemory & { slab: { inUse: number } };
  readonly #sleeper: Sleeper;
  readonly #watchdog: Watchdog;
  readonly #waker: Waker;
  readonly #links: WorkerLinks;
  readonly #connections: Set<Connection> = new Set();
  #listener: Listener | null = null;
  readonly #ticker: Ticker = new Ticker(() => this.#tick());
  readonly #throughput: Throughput = new Throughput();
  readonly #refusals: Refusals = new Refusals(() =>
    this.exchanges.open ? this.#throughput.secondsFor(this.exchanges.pending) : this.#backIn,
  );
  #ticks = 0;
  #turnDue = false;
  #onDrained: (() => void) | null = null;
  /** While no worker serves: when one may, seconds. */
  #backIn = 0;
  #requests = 0;
  #lateRecords = 0;
  /** In this drain, a response that goes on was given credit: its worker may wait for it. */
  #credited = false;

  constructor(options: AcceptorOptions, events: AcceptorEvents) {
    this.#options = options;
    this.#events = events;
    this.limits = options;
    this.parser = new Parser(options);
    const body = Math.max(options.bodyBuffer, READ_BUFFER_SIZE);
    const head = options.maxRequestLine + options.maxHeaderSize + 16 * options.maxHeaders + 512;
    const shared = createShared({
      maxPending: options.maxPending,
      places: options.places + options.streams,
      maxBuffered: options.maxBuffered,
      largestRequest: head + body,
    });
    this.#shared = shared;
    this.exchanges = new Exchanges(shared, options.maxPending, options.journal);
    this.uploads = new UploadGate(options.places);
    this.#sleeper = new Sleeper(shared.memory, ACCEPTOR_ASLEEP);
    this.#links = new WorkerLinks(shared.table);
    this.#watchdog = new Watchdog(options, this, this.exchanges, this.#links, shared.table);
    this.#waker = new Waker(this.#links, shared.ring);
    this.#sleeper.arm();
  }

  // called by the hall

  /** The buffers that every worker gets. */
  get shared(): SharedBuffers {
    return this.#shared.buffers;
  }

  get address(): net.AddressInfo | string | null {
    return this.#listener?.address ?? null;
  }

  /** Rejects with the error of the operating system. */
  async listen(where: ListenWhere): Promise<void> {
    this.#listener = new Listener(this.parser.buffer, this);
    await this.#listener.listen(where, this.#options.backlog);
  }

  /** A worker incarnation was started; it may be told nothing before `ready`. */
  attach(parts: LinkParts): void {
    const link = new WorkerLink(parts, this.#shared.memory);
    const { maxRequests } = this.#options;
    if (maxRequests > 0) link.most = Math.ceil(maxRequests * (0.9 + 0.2 * Math.random()));
    link.port.on('message', () => this.requestTurn());
    this.#links.add(link);
  }

  /** Its application is loaded: it pulls from now on. `halfOpen`: a client that has ended its side is still answered. */
  ready(slot: number, halfOpen: boolean): void {
    this.halfOpen = halfOpen;
    this.exchanges.open = true;
    this.#setLive(slot, true);
    this.requestTurn();
  }

  /** No worker serves, and none will for so many milliseconds: what waits and what comes is answered 503. */
  suspend(milliseconds: number): void {
    this.exchanges.open = false;
    this.#backIn = Math.ceil(milliseconds / 1000);
    this.#refuse(this.exchanges.expirePending(Number.POSITIVE_INFINITY));
  }

  /** It shall claim no more; what it holds it finishes. */
  retire(slot: number): void {
    this.#setLive(slot, false);
  }

  /** Whether it has begun any exchange. */
  hasWorked(slot: number): boolean {
    const answered = this.#links.get(slot)?.answered ?? 0;
    return answered > 0 || this.exchanges.owns(slot);
  }

  /** Its thread has ended: nobody writes its memory any more. */
  detach(slot: number): void {
    const link = this.#links.get(slot);
    if (link === undefined) return;
    while (this.#drain(link));
    this.#setLive(slot, false);
    link.port.close();
    this.#links.remove(link);
    this.exchanges.judge(slot);
    this.requestTurn();
  }

  /** From now on answers say that their connection closes; new ones are still accepted. */
  drain(): void {
    this.#shared.memory.store(DRAINING, 1);
  }

  /** Stops accepting, answers what is in flight and queued, and resolves when no connection is left. */
  async close(): Promise<void> {
    this.closing = true;
    this.drain();
    this.#listener?.close();
    for (const connection of [...this.#connections]) connection.close();
    if (this.#connections.size > 0) await new Promise<void>((resolve) => (this.#onDrained = resolve));
  }

  /** Ends every connection now. */
  terminate(): void {
    this.closing = true;
    this.#listener?.close();
    for (const connection of [...this.#connections]) connection.destroy();
    this.#ticker.stop();
    this.#waker.stop();
  }

  stats(): AcceptorStats {
    return {
      connections: this.#connections.size,
      pending: this.exchanges.pending,
      inFlight: this.exchanges.active.size,
      requests: this.#requests,
      refused: this.#refusals.count,
      lateRecords: this.#lateRecords,
      buffered: this.#shared.slab.inUse,
      uploads: this.uploads.inside + this.uploads.waiting,
    };
  }

  // called by connections

  requestTurn(): void {
    if (this.#turnDue) return;
    this.#turnDue = true;
    this.#sleeper.disarm();
    setImmediate(this.#turn);
  }

  notifyOwner(exchange: Exchange): void {
    const link = this.#links.ownerOf(exchange);
    if (link === undefined) return;
    if (exchange.connection === null) return link.notifyAbort();
    this.#updateCredit(exchange);
    link.notify();
  }

  pump(exchange: Exchange): void {
    const { upload } = exchange;
    const link = this.#links.ownerOf(exchange);
    if (upload === null || link === undefined) return;
    const consumed = this.#shared.table.consumed(exchange.index);
    if (!upload.pump(link.inbound, exchange.index, exchange.generation, consumed)) return;
    link.inbound.notify();
    link.ring();
    exchange.connection?.exchangeOnPumped();
  }

  refusal(status: number, detail: string, close: boolean): string {
    // A deadline's line says more, and comes from `onLate`.
    if (status !== 504) this.#events.onRefused(status, detail);
    return this.#refusals.encode(status, detail, close);
  }

  connectionOnClose(connection: Connection): void {
    this.#connections.delete(connection);
    if (this.#connections.size === 0 && this.closing) this.#onDrained?.();
  }

  // the turn

  #turn = (): void => {
    this.#turnDue = false;
    let more = false;
    for (const link of [...this.#links]) more = this.#drain(link) || more;
    for (const exchange of this.exchanges.uploading) this.pump(exchange);
    this.exchanges.writeJournal();
    this.#waker.wake();
    if (more) this.requestTurn();
    else this.#sleep();
  };

  /**
   * Arms, then looks once more at all that a worker rings for: records, and room for bodies. A worker that comes after
   * the look sees the flag and rings; one that came before it is seen by the look.
   */
  #sleep(): void {
    this.#sleeper.arm();
    for (const exchange of this.exchanges.uploading) this.pump(exchange);
    if (this.#links.ready) this.requestTurn();
  }

  /** Reads a worker's records; true when there may be more. */
  #drain(link: WorkerLink): boolean {
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
    const exchange = this.exchanges.get(responses.exchange, responses.generation);
    if (exchange === undefined) {
      this.#lateRecords += 1;
      return;
    }
    // Its head is not sent yet, so a log line may still want to name it.
    if (kindOf(responses.kind) === Kind.READ || (responses.kind & INTERIM) !== 0)
      exchange.line ||= this.exchanges.requestLine(exchange);
    this.exchanges.releaseSlab(exchange);
    const { connection } = exchange;
    switch (kindOf(responses.kind)) {
      case Kind.RESPONSE:
        return this.#onResponse(link, exchange);
      case Kind.FILE:
        return this.#onFile(link, exchange);
      case Kind.READ:
        this.uploads.reads((responses.kind & BLOCKS) !== 0);
        return connection?.exchangeOnRead();
      case Kind.ABORT:
        this.exchanges.finish(exchange);
        return connection?.exchangeOnBroken();
    }
  }

  #onResponse(link: WorkerLink, exchange: Exchange): void {
    const { kind, bytes, offset, length } = link.responses;
    const { connection } = exchange;
    if ((kind & INTERIM) === 0) {
      exchange.received += length;
      exchange.headSent = true;
    }
    if (connection !== null && length > 0) {
      const copy = Buffer.allocUnsafe(length);
      copy.set(bytes.subarray(offset, offset + length));
      connection.exchangeOnBytes(copy);
    }
    if ((kind & END) !== 0) {
      this.#finish(link, exchange);
      connection?.exchangeOnEnd((kind & CLOSE) !== 0);
      return;
    }
    this.#updateCredit(exchange);
    this.#credited = true;
  }

  #onFile(link: WorkerLink, exchange: Exchange): void {
    const { kind, bytes, offset, length } = link.responses;
    const { connection } = exchange;
    this.#finish(link, exchange);
    const record = readFileRecord(bytes.subarray(offset, offset + length));
    connection?.exchangeOnFile(record, (kind & CLOSE) !== 0);
  }

  #finish(link: WorkerLink, exchange: Exchange): void {
    this.#requests += 1;
    link.answered += 1;
    this.exchanges.finish(exchange);
    if (link.answered >= link.most) this.#events.onWorn(link.slot);
  }

  /** Response bytes that have left may be replaced by as many new ones; a stalled reader pins only its window. */
  #updateCredit(exchange: Exchange): void {
    if (exchange.connection === null) return;
    this.#shared.table.setCredit(exchange.index, exchange.received - exchange.connection.unsent);
  }

  // time

  #tick(): void {
    this.now = performance.now();
    this.#throughput.sample(this.#requests, this.now, this.exchanges.pending > 0);
    this.#ticks += 1;
    if (this.#ticks % CONNECTION_TICKS === 0)
      for (const connection of this.#connections) connection.tick(this.now);
    this.#refuse(this.exchanges.expirePending(this.now - this.#options.pendingTimeout));
    // An answer that is there already is not late, however long this thread was busy.
    for (const link of [...this.#links]) this.#drain(link);
    this.#watchdog.tick(this.now);
    if (this.#connections.size === 0 && this.exchanges.active.size === 0) this.#ticker.stop();
  }

  #refuse(cancelled: readonly Exchange[]): void {
    for (const exchange of cancelled) {
      const { connection } = exchange;
      this.exchanges.finish(exchange);
      connection?.exchangeOnRefused(503);
    }
  }

  // called by the watchdog

  /** The client is answered, the worker is told, the answer that may still come is dropped. */
  watchdogOnLate(exchange: Exchange, link: WorkerLink | undefined, loop: LoopState): void {
    const { connection, serial, takenAt, queuedAt } = exchange;
    exchange.lateAt = this.now;
    this.exchanges.abandon(exchange, Abort.DEADLINE);
    link?.notifyAbort();
    link?.probe();
    connection?.exchangeOnRefused(504);
    this.#events.onLate({
      slot: link?.slot ?? 0,
      request: this.exchanges.requestLine(exchange),
      requestId: requestId(this.#options.requestIdPrefix, serial),
      age: this.now - takenAt,
      queued: takenAt - queuedAt,
      loop,
    });
  }

  watchdogOnStuck(link: WorkerLink): void {
    this.#events.onStuck(link.slot);
  }

  // called by the listener

  listenerOnClient(): string | undefined {
    if (this.#ticker.start()) this.now = performance.now();
    return this.#connections.size < this.#options.maxConnections ? undefined : this.refusal(503, '', true);
  }

  listenerOnSocket(socket: net.Socket): Connection {
    const connection = new Connection(this, socket);
    this.#connections.add(connection);
    return connection;
  }

  #setLive(slot: number, live: boolean): void {
    this.#links.get(slot)?.setLive(live);
    this.uploads.setWorkers(this.#links.live);
  }
}

/**
 * The I/O thread: owns the listeners, every connection, and the acceptor's end of every ring.
 *
 * Law: does all I/O, and runs no application code. Knows sockets, exchanges and worker links; not the pool, not the
 * application.
 *
 * Callbacks of the poll phase read sockets, parse requests and submit exchanges. One `setImmediate` after that phase runs the
 * turn: it wakes at most one worker, then drains the response rings. So one wake serves a whole batch of requests, and the
 * next batch is larger. `#sleep` explains why no wake is lost.
 */
import type net from 'node:net';
import { Parser } from '../http/parser.ts';
import { Sleeper } from '../ring/doorbell.ts';
import { ACCEPTOR_ASLEEP, DRAINING } from '../ring/layout.ts';
import { createShared, type SharedBuffers, type SharedMemory } from '../ring/shared.ts';
import type { AcceptorEvents, AcceptorOptions, AcceptorStats } from './acceptor-api.ts';
import { type ApplicationTraits, traitsBeforeLoad } from './application-traits.ts';
import { Affinity } from './workers/affinity.ts';
import { Audit } from './turn/audit.ts';
import type { Cause } from './exchange/blame.ts';
import { BlockedWorkers } from './turn/blocked-workers.ts';
import { BodyMemory, largestRequest } from './exchange/body-memory.ts';
import { Connection } from './connection/connection.ts';
import { Connections } from './connection/connections.ts';
import type { ConnectionHost } from './connection/connection-host.ts';
import { type Exchange } from './exchange/exchange.ts';
import { Exchanges } from './exchange/exchanges.ts';
import type { ListenerOwner, ListenWhere } from './socket/listener.ts';
import { InboundPump } from './exchange/inbound-pump.ts';
import { Lateness } from './turn/lateness.ts';
import { Listeners } from './socket/listeners.ts';
import { type OwnLimits, PlaceLimits } from './connection/place-limits.ts';
import { Records } from './turn/records.ts';
import { Refusals } from './connection/refusals.ts';
import { Requests } from './exchange/requests.ts';
import { Room } from './connection/room.ts';
import { Router } from './workers/router.ts';
import { Throughput } from './turn/throughput.ts';
import { Ticker } from './turn/ticker.ts';
import { UploadGate } from './exchange/upload-gate.ts';
import { Waker } from './turn/waker.ts';
import { Watchdog } from './turn/watchdog.ts';
import { type LinkParts, WorkerLink } from './workers/worker-link.ts';
import { WorkerLinks } from './workers/worker-links.ts';

const CONNECTION_TICKS = 3; // connections are many, and their limits are long
/** How long an unpinned request waits for its assigned worker, ms. After that any worker may claim it. */
const MEANT_MS = 20;

export class Acceptor implements ConnectionHost, ListenerOwner {
  readonly parser: Parser;
  readonly exchanges: Exchanges;
  readonly requests: Requests;
  readonly uploads: UploadGate;
  readonly room: Room;
  readonly bodies: BodyMemory;
  now = 0;
  closing = false;
  traits: ApplicationTraits;

  readonly #options: AcceptorOptions;
  readonly #events: AcceptorEvents;
  readonly #shared: SharedMemory & { slab: { inUse: number } };
  readonly #sleeper: Sleeper;
  readonly #watchdog: Watchdog;
  readonly #waker: Waker;
  readonly #audit: Audit;
  readonly #records: Records;
  readonly #pump: InboundPump;
  readonly #blocked: BlockedWorkers;
  readonly #links: WorkerLinks;
  readonly #connections: Connections = new Connections();
  readonly #limits: PlaceLimits;
  readonly #listeners: Listeners;
  readonly #ticker: Ticker = new Ticker(() => this.#tick());
  readonly #throughput: Throughput = new Throughput();
  readonly #refusals: Refusals = new Refusals(() =>
    this.exchanges.open ? this.#throughput.secondsFor(this.exchanges.pending) : this.#backIn,
  );
  #ticks = 0;
  #turnDue = false;
  #onAnswered: (() => void) | null = null;
  #draining = false;
  /** Seconds until a worker may serve again. Only meaningful while no worker serves. */
  #backIn = 0;

  constructor(options: AcceptorOptions, events: AcceptorEvents) {
    this.#options = options;
    this.#events = events;
    this.traits = traitsBeforeLoad(options.interface);
    this.parser = new Parser(options);
    this.#listeners = new Listeners(this.parser.buffer, this, options);
    this.#limits = new PlaceLimits(options, options.live?.limits);
    options.live?.onAcceptor(this.#listeners, this.#connections);
    const shared = createShared({
      maxPending: options.maxPending,
      places: options.places + options.streams,
      maxBuffered: options.maxBuffered,
      largestRequest: largestRequest(options),
    });
    this.#shared = shared;
    const affinity = options.affinity === '' ? null : new Affinity(options.affinity);
    this.exchanges = new Exchanges(shared, options.maxPending, options.journal);
    this.room = new Room(options, this.#connections);
    this.uploads = new UploadGate(Math.min(options.streams, shared.layout.exchanges));
    this.bodies = new BodyMemory(options.maxBuffered, () => shared.slab.inUse);
    this.#sleeper = new Sleeper(shared.memory, ACCEPTOR_ASLEEP);
    this.#links = new WorkerLinks(shared.table);
    const router = new Router(this.#links, shared.view, affinity);
    this.exchanges.router = router;
    if (affinity !== null) this.exchanges.keys = router;
    this.#watchdog = new Watchdog(
      options,
      new Lateness(this, options, events),
      this.exchanges,
      this.#links,
      shared.table,
    );
    this.#waker = new Waker(this.#links, shared.ring);
    this.#audit = new Audit(shared, this.exchanges, this.#links);
    this.#records = new Records({
      table: shared.table,
      exchanges: this.exchanges,
      links: this.#links,
      uploads: this.uploads,
      router,
      onWorn: events.onWorn,
      onHangUp: (number) => this.#connections.get(number)?.hangUp(),
    });
    this.#pump = new InboundPump(this.exchanges, this.#links, shared.table);
    this.requests = new Requests({
      exchanges: this.exchanges,
      links: this.#links,
      records: this.#records,
      pump: this.#pump,
      requestTurn: () => this.requestTurn(),
    });
    this.#blocked = new BlockedWorkers(this.exchanges, this.#links, this.uploads);
    this.#sleeper.arm();
  }

  // called by the server and the pool

  /** The shared buffers that every worker receives. */
  get shared(): SharedBuffers {
    return this.#shared.buffers;
  }

  get address(): net.AddressInfo | string | null {
    return this.#listeners.address;
  }

  /** Listens on one more address, as the place with this number. Rejects with the error of the operating system. */
  listen(where: ListenWhere, place = 0): Promise<net.AddressInfo> {
    return this.#listeners.listen(where, place);
  }

  /** Sets the limits that the program's server object has chosen for the clients of its place. */
  setLimits(place: number, own: Partial<OwnLimits>): void {
    this.#limits.set(place, own);
  }

  /**
   * Closes the connections of a place that no worker serves now. `idleOnly`: only connections without an unanswered request.
   */
  cutUnserved(place: number, idleOnly: boolean): void {
    this.#connections.cutUnserved(this.#limits.at(place), idleOnly);
  }

  /** Moves the server's own place to another address. */
  get move(): Pick<Listeners, 'replaceFirst' | 'closeFirst'> {
    return this.#listeners;
  }

  /** Registers a new worker incarnation. The acceptor sends it nothing before `ready`. */
  attach(parts: LinkParts): void {
    const link = new WorkerLink(parts, this.#shared.memory);
    const { maxRequests } = this.#options;
    if (maxRequests > 0) link.most = Math.ceil(maxRequests * (0.9 + 0.2 * Math.random()));
    link.port.on('message', () => this.requestTurn()).unref();
    this.#links.add(link);
  }

  /** The worker has loaded its application, and claims requests from now on. */
  ready(slot: number, traits: ApplicationTraits): void {
    this.traits = traits;
    this.uploads.setTraits(traits.mayBlock);
    this.exchanges.open = true;
    this.#setLive(slot, true);
    if (traits.calledAtHead) this.bodies.handOn();
    this.requestTurn();
  }

  /** No worker serves, and none will for `milliseconds`. The acceptor answers all waiting and new requests with 503. */
  suspend(milliseconds: number): void {
    this.exchanges.open = false;
    this.#backIn = Math.ceil(milliseconds / 1000);
    this.#refuse(this.exchanges.expirePending(Number.POSITIVE_INFINITY), 'suspended');
  }

  /** The worker claims no more requests. It finishes the exchanges that it has. */
  retire(slot: number): void {
    this.#setLive(slot, false);
    this.exchanges.leave(slot);
    this.requestTurn();
  }

  /** Whether the worker has taken any exchange. */
  hasWorked(slot: number): boolean {
    const answered = this.#links.get(slot)?.answered ?? 0;
    return answered > 0 || this.exchanges.owns(slot);
  }

  /** The worker's thread has ended, so no thread writes to its rings any more. */
  detach(slot: number, why = ''): void {
    const link = this.#links.get(slot);
    if (link === undefined) return;
    while (this.#records.drain(link));
    this.#setLive(slot, false);
    link.port.close();
    this.#links.remove(link);
    const lost = this.exchanges.judge(slot);
    this.#events.onLost?.(slot, lost, why);
    this.requestTurn();
  }

  /** From now on, responses announce that their connection closes. The acceptor still accepts new connections. */
  drain(): void {
    this.#draining = true;
    this.#shared.memory.store(DRAINING, 1);
  }

  /** Stops accepting, answers all requests that are in flight or pending, and resolves when no connection is left. */
  async close(): Promise<void> {
    this.closing = true;
    this.drain();
    this.#listeners.close();
    await this.#connections.close();
  }

  /** Call it after `close`. Resolves when every request has a response head and no new request can arrive. */
  answered(): Promise<void> {
    return new Promise((resolve) => (this.#onAnswered = resolve));
  }

  /** Ends every connection immediately. */
  closeAllConnections(): void {
    this.#connections.destroy();
  }

  /** Stops accepting, and ends every connection immediately. */
  terminate(): void {
    this.closing = true;
    this.#listeners.close();
    this.closeAllConnections();
    this.#ticker.stop();
    this.#waker.stop();
  }

  stats(): AcceptorStats {
    return {
      connections: this.#connections.size,
      pending: this.exchanges.pending,
      inFlight: this.exchanges.active.size,
      requests: this.#records.answered,
      refused: this.#refusals.count,
      lateRecords: this.#records.late,
      buffered: this.#shared.slab.inUse + this.bodies.bytes,
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

  refusal(status: number, detail: string, close: boolean, isHead: boolean): Uint8Array {
    // `onLate` and `onLost` already report 504 and 502, with more detail.
    if (status !== 504 && status !== 502) this.#events.onRefused(status, detail, this.exchanges.blame);
    this.exchanges.blame.clear();
    return this.#refusals.encode(status, detail, close, isHead);
  }

  onTimeout(socket: net.Socket): boolean {
    return this.#options.live?.onTimeout(socket) === true;
  }

  watch(connection: Connection): void {
    this.#connections.watch(connection);
  }

  connectionOnClose(connection: Connection): void {
    this.#connections.remove(connection);
  }

  // the turn

  #turn = (): void => {
    this.#turnDue = false;
    // Before any worker is woken: if a request crashes the process, the journal already names it.
    this.exchanges.writeJournal();
    this.exchanges.assignments.tell();
    this.#waker.wake();
    for (const link of [...this.#links]) if (this.#records.drain(link)) this.requestTurn();
    this.#pump.pumpAll();
    // Answered requests leave the journal. Requests that were pipelined behind them enter it.
    this.exchanges.writeJournal();
    if (!this.#turnDue) this.#sleep();
  };

  /**
   * Arms the sleeper, then checks again everything that a worker rings for: records, and room for bodies. A worker that
   * publishes after this check sees the flag and rings. The check itself finds everything that a worker published earlier.
   */
  #sleep(): void {
    this.#sleeper.arm();
    this.#pump.pumpAll();
    if (this.#links.ready) this.requestTurn();
  }

  // time

  #readClock(): void {
    this.now = performance.now();
    this.room.tick(this.now);
  }

  #tick(): void {
    this.#readClock();
    const damaged = this.#audit.find(this.now, this.#draining);
    if (damaged !== undefined) {
      this.#ticker.stop();
      return this.#events.onDamaged(damaged);
    }
    this.#throughput.sample(this.#records.answered, this.now, this.exchanges.pending > 0);
    this.#ticks += 1;
    if (this.#ticks % CONNECTION_TICKS === 0) this.#connections.tick();
    if (!this.#options.isDebugged())
      this.#refuse(this.exchanges.expirePending(this.now - this.#options.pendingTimeout), 'pendingTimeout');
    if (this.exchanges.assignments.size > 0) {
      this.exchanges.releaseAssignments(this.now - MEANT_MS);
      this.requestTurn();
    }
    this.#blocked.tick(this.now);
    // A response that is already in the ring is not late, however long this thread was busy.
    for (const link of [...this.#links]) this.#records.drain(link);
    this.#watchdog.tick(this.now);
    if (this.#onAnswered !== null && this.#connections.areAnswered) this.#onAnswered();
    if (this.#connections.none && this.exchanges.active.size === 0) this.#ticker.stop();
  }

  #refuse(cancelled: readonly Exchange[], cause: Cause): void {
    for (const exchange of cancelled) {
      const [connection, line] = [exchange.connection, this.exchanges.requestLine(exchange)];
      this.exchanges.finish(exchange);
      connection?.exchangeOnRefused(this.exchanges.blame.on(cause, line));
    }
  }

  // called by the listener

  listenerOnSocket(socket: net.Socket, place: number): Connection {
    if (this.#ticker.start()) this.#readClock();
    const connection = new Connection(this, this.#limits.at(place), socket, this.#connections.nextNumber());
    if (this.room.forConnection()) this.#connections.add(connection);
    else this.#connections.refuse(connection, this.exchanges.blame.on(this.room.lacks));
    return connection;
  }

  #setLive(slot: number, live: boolean): void {
    this.#links.get(slot)?.setLive(live);
    this.uploads.setWorkers(this.#links.live);
  }
}

/**
 * The acceptor's record of all exchanges: where a request is stored, which connection waits for it, and which worker owns it.
 *
 * Law: alone allocates and frees indices, generations and slab blocks. Knows no socket, no parser. States: `exchange-table.ts`.
 */
import type { ExchangeTable } from '../../ring/exchange-table.ts';
import { Abort, entryOf, type MemoryLayout, ExchangeState } from '../../ring/layout.ts';
import { type HeadBytes, type PeerBytes, requestSize, type SlabView } from '../../ring/message.ts';
import { EMPTY, type RequestRing } from '../../ring/request-ring.ts';
import { NO_ROOM, type Slab } from '../../ring/slab.ts';
import type { Journal } from '../../journal.ts';
import { Assignments } from '../workers/assignments.ts';
import { Blame, type LostRequest } from './blame.ts';
import { type Answerable, Exchange, NO_SLAB } from './exchange.ts';
import { ExchangeSet } from './exchange-set.ts';
import type { Router } from '../workers/router.ts';
import type { Upload } from './upload.ts';
import type { WorkerLink } from '../workers/worker-link.ts';

export interface ExchangeMemory {
  readonly table: ExchangeTable;
  readonly ring: RequestRing;
  readonly slab: Slab;
  readonly view: SlabView;
  readonly layout: MemoryLayout;
}

export class Exchanges {
  readonly #memory: ExchangeMemory;
  readonly #maxPending: number;
  readonly #journal: Journal | undefined;
  /** Exchanges that are assigned to one worker. */
  readonly assignments: Assignments = new Assignments();
  /** Chooses the worker for an exchange. */
  router: Pick<Router, 'route'> | null = null;
  /** The same router if requests carry keys (`--affinity`). Otherwise null. */
  keys: Pick<Router, 'keyAt' | 'ownerOf' | 'workers'> | null = null;
  /** Exchanges that were submitted since the journal was last written. */
  readonly #unwritten: Exchange[] = [];
  readonly blame: Blame = new Blame();
  /** The ring may contain cancelled entries. Compaction then may find room. */
  #mayBeDead = false;
  /** False: no worker serves or will serve soon, so every request is refused. */
  open = true;
  readonly #all: Exchange[] = [];
  /** Free indices in first-in-first-out order, so that each generation lasts as long as possible. */
  readonly #free: Int32Array;
  #freeHead = 0;
  #freeCount: number;
  #serial = 0;
  /** Exchanges in use. */
  readonly active: ExchangeSet;
  /** Exchanges in use that have a deadline or are past it: no head has been sent, or the client no longer waits. */
  readonly watched: ExchangeSet;
  /** Exchanges in use with body bytes, or an end, for the worker's inbound ring. */
  readonly uploading: Set<Exchange> = new Set();

  constructor(memory: ExchangeMemory, maxPending: number, journal?: Journal) {
    this.#journal = journal;
    this.#memory = memory;
    this.#maxPending = maxPending;
    this.#free = Int32Array.from({ length: memory.layout.exchanges }, (_, index) => index);
    this.#freeCount = memory.layout.exchanges;
    this.active = new ExchangeSet(memory.layout.exchanges);
    this.watched = new ExchangeSet(memory.layout.exchanges);
  }

  /** Requests that no worker has claimed, including cancelled ones. */
  get pending(): number {
    return this.#memory.ring.depth() + this.assignments.size;
  }

  get(index: number, generation: number): Exchange | undefined {
    const exchange = this.#all[index];
    return exchange?.inUse === true && exchange.generation === generation ? exchange : undefined;
  }

  /**
   * Writes a head into the slab, with room for `bodyLength` bytes at `bodyOffset`. Returns undefined if the queue, the slab,
   * the table, or the key's share of the queue is full. The caller then answers with 503.
   */
  begin(head: HeadBytes, peers: PeerBytes, bodyLength: number): Exchange | undefined {
    if (!this.open || this.#freeCount === 0 || !this.#queueHasRoom())
      return void this.blame.on(this.open ? 'maxPending' : 'suspended', head);
    const { slab, view } = this.#memory;
    const slabOffset = slab.allocate(requestSize(head, peers, bodyLength));
    if (slabOffset === NO_ROOM) return void this.blame.on('maxBuffered', head);
    const bodyOffset = view.writeRequest(slabOffset, head, peers);
    const key = this.keys?.keyAt(slabOffset);
    if (key !== undefined && !this.#keyHasRoom(key)) {
      slab.free(slabOffset);
      return void this.blame.on('key', head);
    }
    const exchange = this.#acquire();
    exchange.slabOffset = slabOffset;
    exchange.bodyOffset = bodyOffset;
    exchange.key = key;
    return exchange;
  }

  #keyHasRoom(key: string): boolean {
    const keys = this.keys!;
    const link = keys.ownerOf(key);
    if (link === undefined) return true;
    const share = Math.ceil(this.#maxPending / keys.workers);
    return this.assignments.hasRoom(key, link, share, this.#forgetTaken);
  }

  /** Copies body bytes into the slab. Returns the position for the next bytes. */
  writeBody(to: number, bytes: Uint8Array): number {
    this.#memory.view.bytes.set(bytes, to);
    return to + bytes.length;
  }

  /** Submits a begun exchange to the workers. */
  submit(exchange: Exchange, connection: Answerable, bodyLength: number, now: number): void {
    const { table, view } = this.#memory;
    exchange.connection = connection;
    exchange.queuedAt = now;
    if (exchange.upload !== null) this.uploading.add(exchange);
    view.finishRequest(exchange.slabOffset, bodyLength, exchange.upload !== null, exchange.serial);
    // Bytes that earlier responses of the connection have left unsent count against the window of this response.
    exchange.credit = exchange.creditTold = 0 - connection.output.unsent;
    table.publish(exchange.index, exchange.generation, exchange.slabOffset, exchange.credit);
    this.#dispatch(exchange);
    if (this.#journal !== undefined) this.#unwritten.push(exchange);
  }

  setLeft({ index }: Exchange, left: number): void {
    this.#memory.table.setLeft(index, left);
  }

  /** The head of the response is being sent, and more follows. */
  begun(exchange: Exchange): void {
    exchange.headSent = true;
    if (exchange.connection !== null) this.watched.delete(exchange);
  }

  /** From now on, the worker that took the connection over receives all bytes of the client. */
  tunnel(exchange: Exchange, upload: Upload): void {
    exchange.upload = upload;
    this.uploading.add(exchange);
  }

  /** Counts the connection as taken over by this worker only. null: by no worker. */
  countTunnel(exchange: Exchange, link: WorkerLink | null): void {
    if (exchange.tunnelOf !== null) exchange.tunnelOf.tunnels -= 1;
    exchange.tunnelOf = link;
    if (link !== null) link.tunnels += 1;
  }

  /** The client no longer needs the request. Returns true if no worker had it; the exchange is then already free. */
  cancel(exchange: Exchange): boolean {
    exchange.connection = null;
    if (!this.#memory.table.cancel(exchange.index, exchange.generation)) return false;
    this.#mayBeDead = true;
    this.finish(exchange);
    return true;
  }

  /** Reports to the owner that the client no longer waits, and why. The owner's END record or its death frees the exchange. */
  abandon(exchange: Exchange, why: number): void {
    exchange.connection = null;
    this.watched.add(exchange);
    this.#strike(exchange);
    this.#memory.table.setAbort(exchange.index, why);
  }

  /** Reports to the owner, now or when a worker takes the exchange, that the client has half-closed its connection. */
  depart(exchange: Exchange): Exchange {
    this.#memory.table.setAbort(exchange.index, Abort.LEFT);
    return exchange;
  }

  /** Whether no worker has taken the exchange. */
  isPending({ index }: Exchange): boolean {
    return this.#memory.table.state(index) === ExchangeState.PENDING;
  }

  /** Refuses the request with `status`, or aborts its connection if the response has begun. Drops a later response. */
  giveUp(exchange: Exchange, why: number, status: number): void {
    const { connection, headSent } = exchange;
    this.abandon(exchange, why);
    if (headSent) connection?.exchangeOnBroken(true);
    else connection?.exchangeOnRefused(status);
  }

  /** The first record of an exchange proves that its worker has copied the request. So the slab block can be freed. */
  releaseSlab(exchange: Exchange): void {
    if (exchange.slabOffset === NO_SLAB) return;
    this.#memory.slab.free(exchange.slabOffset);
    exchange.slabOffset = NO_SLAB;
  }

  finish(exchange: Exchange): void {
    this.#strike(exchange);
    this.releaseSlab(exchange);
    this.assignments.remove(exchange);
    this.countTunnel(exchange, null);
    exchange.generation = this.#memory.table.free(exchange.index, exchange.generation);
    exchange.inUse = false;
    exchange.connection = null;
    exchange.key = undefined;
    if (exchange.upload !== null) this.uploading.delete(exchange);
    exchange.upload?.close();
    exchange.upload = null;
    this.active.delete(exchange);
    this.watched.delete(exchange);
    this.#free[(this.#freeHead + this.#freeCount) % this.#free.length] = exchange.index;
    this.#freeCount += 1;
  }

  /** Called at a turn's start and at its end. An exchange that begins and ends in between is never written. */
  writeJournal(): void {
    const journal = this.#journal;
    if (journal === undefined) return;
    if (journal.full) {
      journal.restart();
      for (const exchange of this.active) if (exchange.written) this.#write(exchange, journal);
    }
    for (const exchange of this.#unwritten) {
      if (exchange.inUse && !exchange.written && exchange.connection !== null) this.#write(exchange, journal);
    }
    this.#unwritten.length = 0;
    journal.flush();
  }

  #write(exchange: Exchange, journal: Journal): void {
    exchange.written = true;
    exchange.line = this.requestLine(exchange);
    journal.begun(exchange.index, exchange.serial, exchange.line);
  }

  /** Removes the exchange from the journal, because no client waits for its response any more. */
  #strike(exchange: Exchange): void {
    if (!exchange.written) return;
    exchange.written = false;
    this.#journal?.over(exchange.index);
  }

  /** Method and target for a log line. Available until the head of the response is sent. */
  requestLine(exchange: Exchange): string {
    return exchange.slabOffset === NO_SLAB
      ? exchange.line
      : this.#memory.view.requestLine(exchange.slabOffset);
  }

  /**
   * Decides about the exchanges of a worker that has ended. Its records must be drained. TAKEN: another worker runs it.
   * RUNNING: the client receives 502, or its connection is destroyed if the head was sent. PENDING, but claimed by any
   * worker: it returns to the ring, in the order of submission. Returns the lost requests.
   */
  judge(slot: number): LostRequest[] {
    const { table, ring } = this.#memory;
    const lost: LostRequest[] = [];
    this.#mayBeDead = true;
    const inOrder = [...this.active].sort((one, other) => (one.serial - other.serial) | 0);
    for (const exchange of inOrder) {
      const state = table.state(exchange.index);
      if (exchange.meantFor !== null && state === ExchangeState.PENDING) this.#redirect(exchange, slot);
      else if (state === ExchangeState.PENDING && ring.passed(exchange.position)) this.#enqueue(exchange);
      if (state === ExchangeState.PENDING || table.owner(exchange.index) !== slot) continue;
      this.#judgeOne(exchange, state, lost);
    }
    return lost;
  }

  /** Whether the worker has any exchange. */
  owns(slot: number): boolean {
    const { table } = this.#memory;
    for (const { index } of this.active) if (table.owner(index) === slot) return true;
    return false;
  }

  /** Cancels the requests that were queued at `limit` or before. The caller answers them with 503. */
  expirePending(limit: number): Exchange[] {
    const { table, ring } = this.#memory;
    const expired: Exchange[] = [];
    const tail = ring.tail();
    for (let position = ring.head(); position !== tail; position = (position + 1) | 0) {
      const exchange = this.#all[ring.at(position) & 0xffff];
      if (exchange === undefined || !exchange.inUse || exchange.position !== position >>> 0) continue;
      if (exchange.queuedAt > limit) break;
      if (table.cancel(exchange.index, exchange.generation)) expired.push(exchange);
    }
    for (const exchange of this.assignments)
      if (exchange.queuedAt <= limit && table.cancel(exchange.index, exchange.generation))
        expired.push(exchange);
    this.#mayBeDead ||= expired.length > 0;
    return expired;
  }

  /** The worker takes no more requests. Redirects the requests that are assigned to it. */
  leave(slot: number): void {
    for (const exchange of [...this.assignments])
      if (this.isPending(exchange)) this.#redirect(exchange, slot);
  }

  /** Makes unpinned requests that were queued at `limit` or before available to every worker. */
  releaseAssignments(limit: number): void {
    this.#forgetTaken();
    for (const exchange of [...this.assignments])
      if (!exchange.pinned && exchange.queuedAt <= limit) this.#enqueue(exchange);
  }

  /** Puts a claimed but not taken request back into the ring. If a worker takes it meanwhile, it still runs only once. */
  requeue(exchange: Exchange): void {
    this.#enqueue(exchange);
  }

  readonly #forgetTaken = (): void => {
    for (const exchange of [...this.assignments])
      if (!this.isPending(exchange)) this.assignments.remove(exchange);
  };

  #judgeOne(exchange: Exchange, state: number, lost: LostRequest[]): void {
    const connection = exchange.connection;
    if (state === ExchangeState.TAKEN && connection !== null) {
      this.#memory.table.requeue(exchange.index, exchange.generation);
      exchange.takenAt = 0;
      this.#dispatch(exchange);
      return;
    }
    const headSent = exchange.headSent;
    if (connection !== null) lost.push({ request: this.requestLine(exchange), begun: headSent });
    this.finish(exchange);
    if (headSent) connection?.exchangeOnBroken(true);
    else connection?.exchangeOnRefused(502);
  }

  #acquire(): Exchange {
    const index = this.#free[this.#freeHead]!;
    this.#freeHead = (this.#freeHead + 1) % this.#free.length;
    this.#freeCount -= 1;
    const exchange = (this.#all[index] ??= new Exchange(index));
    exchange.inUse = true;
    exchange.takenAt = 0;
    exchange.headSent = false;
    exchange.received = 0;
    exchange.lateAt = 0;
    exchange.epochProbed = 0;
    exchange.line = '';
    this.#serial = (this.#serial + 1) | 0;
    exchange.serial = this.#serial;
    this.active.add(exchange);
    this.watched.add(exchange);
    return exchange;
  }

  #queueHasRoom(): boolean {
    if (this.#memory.ring.isBelow(this.#maxPending - this.assignments.size)) return true;
    this.#forgetTaken();
    if (this.#mayBeDead) this.#compact();
    return this.#memory.ring.isBelow(this.#maxPending - this.assignments.size);
  }

  #dispatch(exchange: Exchange): void {
    this.assignments.remove(exchange);
    const link = this.router?.route(exchange);
    if (link === undefined) return this.#enqueue(exchange);
    this.assignments.add(exchange, link);
    if (!exchange.pinned) this.countTunnel(exchange, link);
  }

  #redirect(exchange: Exchange, slot: number): void {
    if (exchange.meantFor?.slot === slot) this.#dispatch(exchange);
  }

  #enqueue(exchange: Exchange): void {
    const { ring } = this.#memory;
    this.assignments.remove(exchange);
    this.countTunnel(exchange, null);
    const entry = entryOf(exchange.index, exchange.generation);
    let position = ring.push(entry);
    if (position === EMPTY) {
      this.#compact();
      position = ring.push(entry);
    }
    // The ring holds twice the pending limit plus the requeues of all workers. So after compaction there is room.
    if (position === EMPTY) throw new Error('request ring is full of live requests');
    exchange.position = position;
  }

  /**
   * Cancelled entries stay in the ring until a worker claims them. If they fill the ring, the acceptor claims each entry
   * once, as a worker does, and pushes live entries again in their order. Workers may claim at the same time.
   */
  #compact(): void {
    const { ring, table } = this.#memory;
    this.#mayBeDead = false;
    for (let left = Math.min(ring.depth(), ring.capacity); left > 0; left--) {
      const entry = ring.claim();
      if (entry === EMPTY) break;
      const exchange = this.#all[entry & 0xffff]!;
      const live = exchange.inUse && entry === entryOf(exchange.index, exchange.generation) >>> 0;
      if (!live || table.state(exchange.index) !== ExchangeState.PENDING) continue;
      exchange.position = ring.push(entry);
    }
  }
}

/**
 * The map of every shared control word. Threads, tests and debuggers read the same map.
 *
 * Law: offsets and bit packing only; no behaviour. Change a word here and change its row in this drawing.
 *
 * A server has one control buffer, of 32-bit words. A line is 16 words (64 bytes), so that two writers never share a cache
 * line by accident:
 *
 *   line 0   REQUEST_HEAD       workers (CAS)         next position of the request ring to be claimed
 *   line 1   REQUEST_TAIL       acceptor              next position to be filled
 *   line 2   ACCEPTOR_ASLEEP    acceptor 1, workers exchange 0
 *   line 3   DRAINING           acceptor              1 while the server closes: heads have `connection: close`
 *   line 4…  one line a worker  (WORKER_LINES lines, by slot)
 *              +ASLEEP          the worker 1, the acceptor exchange 0
 *              +EPOCH           the worker            turns of its loop so far
 *              +HELD            the worker            exchanges it holds whose head is not sent
 *              +COST            the worker            CPU microseconds an exchange, smoothed; −1 not yet known
 *              +LIVE            the acceptor          1 while the worker pulls, 0 from its end (or close) on
 *              +NOTICE          the acceptor (add)    something changed in an exchange it runs: credit, abort
 *              +ABORTS          the acceptor (add)    an exchange it runs was aborted: look at all of them
 *   then     CONTROL[exchanges] see below
 *            CREDIT[exchanges]  acceptor              response bytes that have left, cumulative, wrapping
 *            ABORT[exchanges]   acceptor              why the client no longer waits; 0: the client waits
 *            CONSUMED[exchanges] the owning worker    body bytes the application has taken, cumulative, wrapping
 *            SLAB[exchanges]    acceptor, before PENDING is stored: byte offset of the request in the slab
 *            EXTENDED[exchanges] the owning worker    ms from its start the application asked for; 0: the server's
 *            LEFT[exchanges]    acceptor              body bytes that its client has still to send; see exchange-table.ts
 *            SLOT[ring]         acceptor              entries of the request ring
 *
 * A control word:     31            12 11        4 3     0
 *                    | generation (20) | owner (8) | state |
 * An entry of the request ring:
 *                     31              16 15             0
 *                    | generation (low 16) | exchange index |
 *
 * Each new use of an index increments its generation, and indices are used again first-in-first-out. So an old entry, or a
 * late record of a dead worker, has a generation that differs from the control word.
 */

const LINE = 16;

export const REQUEST_HEAD = 0;
export const REQUEST_TAIL: number = LINE;
export const ACCEPTOR_ASLEEP: number = 2 * LINE;
export const DRAINING: number = 3 * LINE;

/** Most workers alive at one time, including zombies. The owner field has 8 bits. */
export const WORKER_LINES = 256;
const WORKER_BASE = 4 * LINE;
export const ASLEEP = 0;
export const EPOCH = 1;
export const HELD = 2;
export const COST = 3;
export const LIVE = 4;
export const NOTICE = 5;
export const ABORTS = 6;

export function workerWord(slot: number, word: number): number {
  return WORKER_BASE + slot * LINE + word;
}

const EXCHANGE_BASE = WORKER_BASE + WORKER_LINES * LINE;

/** The map of one control buffer. The same sizes give the same map in every thread. */
export interface MemoryLayout {
  /** Number of exchanges, at most 65536. */
  readonly exchanges: number;
  /** Capacity of the request ring, a power of two. */
  readonly ring: number;
  readonly control: number;
  readonly credit: number;
  readonly abort: number;
  readonly consumed: number;
  readonly slab: number;
  readonly extended: number;
  readonly left: number;
  readonly slots: number;
  /** Words in the whole buffer. */
  readonly words: number;
}

export function layoutOf(exchanges: number, ring: number): MemoryLayout {
  const at = (table: number) => EXCHANGE_BASE + table * exchanges;
  return {
    exchanges,
    ring,
    control: at(0),
    credit: at(1),
    abort: at(2),
    consumed: at(3),
    slab: at(4),
    extended: at(5),
    left: at(6),
    slots: at(7),
    words: at(7) + ring,
  };
}

/** States of an exchange: FREE → PENDING → TAKEN → RUNNING → FREE, and PENDING → CANCELLED → FREE. */
export const ExchangeState = { FREE: 0, PENDING: 1, TAKEN: 2, RUNNING: 3, CANCELLED: 4 } as const;

/**
 * Why an exchange ends before its application ends it. GONE: the client has closed the connection. DEADLINE: the client has
 * received a 504. LEFT: the client has ended its side, and the interface treats that as a disconnect. After LEFT the
 * connection still sends what the application has already written.
 */
export const Abort = { NONE: 0, GONE: 1, DEADLINE: 2, LEFT: 3 } as const;

export const GENERATIONS = 1 << 20;

export function controlWord(generation: number, owner: number, state: number): number {
  return (generation << 12) | (owner << 4) | state;
}

export function stateOf(word: number): number {
  return word & 0xf;
}

export function ownerOf(word: number): number {
  return (word >>> 4) & 0xff;
}

export function generationOf(word: number): number {
  return word >>> 12;
}

export function entryOf(index: number, generation: number): number {
  return ((generation & 0xffff) << 16) | index;
}

/** Smallest power of two that is at least `value`. */
export function powerOfTwo(value: number): number {
  return 2 ** Math.ceil(Math.log2(Math.max(1, value)));
}

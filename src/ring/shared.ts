/**
 * The shared memory of one server, as buffers that can be handed to a thread and as what a thread makes of them.
 *
 * Law: sizes only; what lies where is `layout.ts`, `slab.ts` and `byte-ring.ts`.
 */
import { OptionError } from '../errors.ts';
import { byteRingBuffer } from './byte-ring.ts';
import { ExchangeTable } from './exchange-table.ts';
import { type MemoryLayout, layoutOf, powerOfTwo } from './layout.ts';
import { AtomicMemory, type Memory } from './memory.ts';
import { SlabView } from './message.ts';
import { RequestRing } from './request-ring.ts';
import { Slab } from './slab.ts';

const RESPONSE_RING = 1024 * 1024;
const INBOUND_RING = 1024 * 1024;
const MOST_EXCHANGES = 65536;

/** What every thread is given: the same for all workers of a server. */
export interface SharedBuffers {
  readonly control: SharedArrayBuffer;
  readonly slab: SharedArrayBuffer;
  readonly exchanges: number;
  readonly ring: number;
}

export interface SharedSizes {
  /** Requests that may wait for a worker. */
  readonly maxPending: number;
  /** Exchanges that all workers together may hold, streams included. */
  readonly places: number;
  /** Bytes of requests that wait or have not begun. */
  readonly maxBuffered: number;
  /** Most bytes one request may need in the slab. */
  readonly largestRequest: number;
}

/** Shared memory as one thread sees it. */
export interface SharedMemory {
  readonly buffers: SharedBuffers;
  readonly memory: Memory;
  readonly layout: MemoryLayout;
  readonly table: ExchangeTable;
  readonly ring: RequestRing;
  readonly view: SlabView;
}

/** Makes the server's buffers and the slab's private book-keeping. Called once, by the acceptor. */
export function createShared(sizes: SharedSizes): SharedMemory & { readonly slab: Slab } {
  const slab = new Slab(sizes.maxBuffered, sizes.largestRequest);
  const exchanges = Math.min(MOST_EXCHANGES, powerOfTwo(sizes.maxPending + sizes.places));
  const ring = powerOfTwo(2 * sizes.maxPending + Math.min(sizes.places, 4096));
  const control = reserve(layoutOf(exchanges, ring).words * 4);
  const buffers = { control, slab: reserve(slab.size), exchanges, ring };
  return { ...openShared(buffers), slab };
}

/** @throws OptionError TSGI_ERR_OPTION when the process may not have so much memory */
function reserve(bytes: number): SharedArrayBuffer {
  try {
    return new SharedArrayBuffer(bytes);
  } catch (error) {
    const text = `Cannot reserve ${bytes} bytes for requests that wait: lower --max-buffered or --max-pending, or allow the process more memory`;
    throw new OptionError('TSGI_ERR_OPTION', text, { cause: error });
  }
}

/** The same memory in another thread. */
export function openShared(buffers: SharedBuffers): SharedMemory {
  const memory = new AtomicMemory(new Int32Array(buffers.control));
  const layout = layoutOf(buffers.exchanges, buffers.ring);
  return {
    buffers,
    memory,
    layout,
    table: new ExchangeTable(memory, layout),
    ring: new RequestRing(memory, layout),
    view: new SlabView(buffers.slab),
  };
}

/** The two rings of one worker incarnation. */
export function createRings(): { responses: SharedArrayBuffer; inbound: SharedArrayBuffer } {
  return { responses: byteRingBuffer(RESPONSE_RING), inbound: byteRingBuffer(INBOUND_RING) };
}

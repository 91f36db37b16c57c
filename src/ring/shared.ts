/**
 * The shared memory of one server: the buffers, and each thread's view of them.
 *
 * Law: sizes only. `layout.ts`, `slab.ts` and `byte-ring.ts` define the contents.
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

/** The buffers that every thread receives. All workers of a server share them. */
export interface SharedBuffers {
  readonly control: SharedArrayBuffer;
  readonly slab: SharedArrayBuffer;
  readonly exchanges: number;
  readonly ring: number;
}

export interface SharedSizes {
  /** Requests that may wait for a worker. */
  readonly maxPending: number;
  /** Exchanges that all workers together may hold, including streams. */
  readonly places: number;
  /** Bytes of waiting requests and of requests whose responses have not begun. */
  readonly maxBuffered: number;
  /** Most bytes that one request may need in the slab. */
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

/** Creates the server's buffers and the slab's private book-keeping. The acceptor calls this once. */
export function createShared(sizes: SharedSizes): SharedMemory & { readonly slab: Slab } {
  const slab = new Slab(sizes.maxBuffered, sizes.largestRequest);
  const exchanges = Math.min(MOST_EXCHANGES, powerOfTwo(sizes.maxPending + sizes.places));
  const ring = powerOfTwo(2 * sizes.maxPending + Math.min(sizes.places, 4096));
  const control = reserve(layoutOf(exchanges, ring).words * 4);
  const buffers = { control, slab: reserve(slab.size), exchanges, ring };
  return { ...openShared(buffers), slab };
}

/** @throws OptionError TSGI_ERR_OPTION if the process cannot reserve the memory */
function reserve(bytes: number): SharedArrayBuffer {
  try {
    return new SharedArrayBuffer(bytes);
  } catch (error) {
    const text = `Cannot reserve ${bytes} bytes for requests that wait: the process has too little memory. Lower --max-buffered or --max-pending, or allow the process more memory.`;
    throw new OptionError('TSGI_ERR_OPTION', text, { cause: error });
  }
}

/** Opens the shared memory in another thread. */
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

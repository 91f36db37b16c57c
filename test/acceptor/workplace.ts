/**
 * The acceptor's side of a server without sockets and threads: real shared memory, real links with real ports, real
 * exchanges. A test plays the worker: it claims, takes and runs exchanges, and turns the loop.
 *
 * Law: makes and moves state; judges nothing.
 */
import { onTestFinished } from 'vitest';
import type { Answerable, Exchange } from '../../src/acceptor/exchange/exchange.ts';
import { Exchanges } from '../../src/acceptor/exchange/exchanges.ts';
import { WorkerLink } from '../../src/acceptor/workers/worker-link.ts';
import { WorkerLinks } from '../../src/acceptor/workers/worker-links.ts';
import { Flag } from '../../src/http/head-flags.ts';
import { ASLEEP, COST, EPOCH, HELD, workerWord } from '../../src/ring/layout.ts';
import { encodePeers, type HeadBytes } from '../../src/ring/message.ts';
import { createRings, createShared } from '../../src/ring/shared.ts';

/** The words that a worker writes about itself. */
export interface WorkerWords {
  readonly asleep?: boolean;
  readonly held?: number;
  /** CPU, µs an exchange; -1 if the worker has not measured it. */
  readonly cost?: number;
  readonly epoch?: number;
}

export class Workplace {
  readonly shared: ReturnType<typeof createShared> = createShared({
    maxPending: 16,
    places: 16,
    maxBuffered: 1024 * 1024,
    largestRequest: 4096,
  });
  readonly exchanges: Exchanges = new Exchanges(this.shared, 16);
  readonly links: WorkerLinks = new WorkerLinks(this.shared.table);
  readonly ring = this.shared.ring;
  readonly table = this.shared.table;

  /** A live worker of this slot, awake, whose index is one less. */
  addWorker(slot: number, words: WorkerWords = {}): WorkerLink {
    const { port1, port2 } = new MessageChannel();
    onTestFinished(() => {
      port1.close();
      port2.close();
    });
    const parts = { slot, index: slot - 1, ...createRings(), port: port1 };
    const link = new WorkerLink(parts as ConstructorParameters<typeof WorkerLink>[0], this.shared.memory);
    this.links.add(link);
    link.setLive(true);
    this.write(link, { cost: -1, epoch: 1, ...words });
    return link;
  }

  /** Writes what the worker would write. */
  write({ slot }: WorkerLink, { asleep, held, cost, epoch }: WorkerWords): void {
    const { memory } = this.shared;
    if (asleep !== undefined) memory.store(workerWord(slot, ASLEEP), asleep ? 1 : 0);
    if (held !== undefined) memory.store(workerWord(slot, HELD), held);
    if (cost !== undefined) memory.store(workerWord(slot, COST), cost);
    if (epoch !== undefined) memory.store(workerWord(slot, EPOCH), epoch);
  }

  /** Submits a request with this target and these flags. */
  submit(now = 0, target = '/', flags = 0): Exchange {
    const exchange = this.exchanges.begin(headOf(target, flags), PEERS, 0)!;
    this.exchanges.submit(exchange, { output: { unsent: 0 } } as Answerable, 0, now);
    return exchange;
  }

  /** The worker claims the oldest entry of the request ring, takes its exchange and calls the application. */
  run({ slot }: WorkerLink): number {
    const entry = this.ring.claim();
    const index = entry & 0xffff;
    this.table.run(index, this.table.take(entry, slot), slot);
    return index;
  }
}

export const UPGRADE: number = Flag.UPGRADE;

const PEERS = encodePeers({ remoteAddress: '::1', remotePort: 1, localAddress: '::1', localPort: 2 }, 1);

function headOf(target: string, flags: number): HeadBytes {
  const text = `GET ${target} HTTP/1.1\r\n\r\n`;
  const words = new Int32Array(64);
  const bytes = new Uint8Array(words.buffer);
  new TextEncoder().encodeInto(text, bytes);
  return {
    flags,
    bytes,
    words,
    start: 0,
    length: text.length,
    spans: 32,
    headerCount: 0,
    methodLength: 3,
    targetOffset: 4,
    targetLength: target.length,
  };
}

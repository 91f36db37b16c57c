/**
 * What the acceptor knows of one exchange, and what it needs of the connection that waits for it.
 *
 * Law: fields, no rules; `exchanges.ts` keeps them, and begins and ends every exchange.
 */
import type { FileRecord } from '../../ring/message.ts';
import type { ConnectionOutput } from '../socket/connection-output.ts';
import type { Upload } from './upload.ts';
import type { WorkerLink } from '../workers/worker-link.ts';

/** What an exchange needs of its connection. */
export interface Answerable {
  /** Takes response bytes. What it has not sent counts against the exchange's window, bytes of earlier answers included. */
  readonly output: Pick<ConnectionOutput, 'write' | 'unsent' | 'full'>;
  /** The answer is complete. */
  exchangeOnEnd(close: boolean): void;
  /** The answer is a head and a file, and then complete. */
  exchangeOnFile(file: FileRecord, close: boolean): void;
  /** The application takes the connection over, and is sent what comes. */
  exchangeOnTunnel(): void;
  /** The application reads: let the body come. */
  exchangeOnRead(): void;
  /** Bytes of its upload went to the worker. */
  exchangeOnPumped(): void;
  /** No application answers: the acceptor does, with this status. */
  exchangeOnRefused(status: number): void;
  /** The application, or its end, closes the connection. `begun`: the head of the answer was sent. */
  exchangeOnBroken(begun: boolean): void;
}

/** The slab is free already. */
export const NO_SLAB = -1;

export class Exchange {
  readonly index: number;
  // for ever
  generation = 0;
  // per use
  inUse = false;
  connection: Answerable | null = null;
  upload: Upload | null = null;
  slabOffset = NO_SLAB;
  bodyOffset = 0;
  /** Its latest place in the request ring. */
  position = 0;
  serial = 0;
  /** Coarse times, ms: when it was queued, when a worker was first seen to have it (0: not yet). */
  queuedAt = 0;
  takenAt = 0;
  /** Part of an answer, or all of it, has left for the client. */
  headSent = false;
  /**
   * Response bytes taken from the ring; how many of them have left, less what earlier answers had left unsent; and the same
   * when its worker was last woken for it.
   */
  received = 0;
  credit = 0;
  creditTold = 0;
  /** When its deadline passed (0: it has not); its worker's epoch when it was taken, and from the deadline on then. */
  lateAt = 0;
  epochThen = 0;
  /** Its worker's epoch when it was asked to show that its loop turns (0: it was not). */
  epochProbed = 0;
  /** It stands in the journal. */
  written = false;
  /** The worker that it waits for outside of the request ring; `pinned`: no other may have it as long as that lives. */
  meantFor: WorkerLink | null = null;
  pinned = false;
  /** The key that it carries (`--affinity`). */
  key: string | undefined = undefined;
  /** The worker that has its connection, taken over, or is about to. */
  tunnelOf: WorkerLink | null = null;
  /** Method and target, kept when the slab is free before its head was sent. */
  line = '';

  constructor(index: number) {
    this.index = index;
  }
}

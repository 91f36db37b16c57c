/**
 * What the acceptor knows about one exchange, and what an exchange needs from its connection.
 *
 * Law: fields without rules. `exchanges.ts` keeps them, and begins and ends every exchange.
 */
import type { FileRecord } from '../../ring/message.ts';
import type { ConnectionOutput } from '../socket/connection-output.ts';
import type { Upload } from './upload.ts';
import type { WorkerLink } from '../workers/worker-link.ts';

/** What an exchange needs from its connection. */
export interface Answerable {
  /** Writes response bytes. Unsent bytes, also from earlier responses, count against the exchange's window. */
  readonly output: Pick<ConnectionOutput, 'write' | 'unsent' | 'full'>;
  /** The response is complete. */
  exchangeOnEnd(close: boolean): void;
  /** The response is this head and this file. It is complete after the file. */
  exchangeOnFile(file: FileRecord, close: boolean): void;
  /** The application takes the connection over. It receives all bytes that follow. */
  exchangeOnTunnel(): void;
  /** The application reads the body, so the client may send it. */
  exchangeOnRead(): void;
  /** Bytes of the upload went to the worker. */
  exchangeOnPumped(): void;
  /** No application answers. The acceptor answers with this status. */
  exchangeOnRefused(status: number): void;
  /** The application closes the connection, or has ended. `begun`: the head of the response was sent. */
  exchangeOnBroken(begun: boolean): void;
}

/** The block in the slab is already free. */
export const NO_SLAB = -1;

export class Exchange {
  readonly index: number;
  // kept across uses
  generation = 0;
  // set for each use
  inUse = false;
  connection: Answerable | null = null;
  upload: Upload | null = null;
  slabOffset = NO_SLAB;
  bodyOffset = 0;
  /** The latest position in the request ring. */
  position = 0;
  serial = 0;
  /**
   * Coarse times, ms: when the request was queued, and when the acceptor first saw that a worker had taken it. 0 means not
   * yet.
   */
  queuedAt = 0;
  takenAt = 0;
  /** The head of the response was sent to the client. */
  headSent = false;
  /**
   * `received`: response bytes taken from the ring. `credit`: the bytes among them that have left, minus the bytes that
   * earlier responses had left unsent. `creditTold`: the credit when the worker was last woken for it.
   */
  received = 0;
  credit = 0;
  creditTold = 0;
  /**
   * `lateAt`: when the deadline passed, or 0. `epochThen`: the worker's epoch when it took the exchange, or at the deadline.
   */
  lateAt = 0;
  epochThen = 0;
  /** The worker's epoch when the watchdog probed its loop before the deadline. 0 if it has not. */
  epochProbed = 0;
  /** The journal lists this exchange. */
  written = false;
  /**
   * The worker to which the exchange is assigned, outside the request ring. `pinned`: no other worker may take it before that
   * one ends.
   */
  meantFor: WorkerLink | null = null;
  pinned = false;
  /** The key of the request (`--affinity`). */
  key: string | undefined = undefined;
  /** The worker that has taken the connection over, or may be about to. */
  tunnelOf: WorkerLink | null = null;
  /** Method and target, kept because the slab block may be free before the head is sent. */
  line = '';

  constructor(index: number) {
    this.index = index;
  }
}

/**
 * What the pool knows of one worker thread.
 *
 * Law: a record; `pool.ts` alone reads and writes it.
 */
import type { MessagePort, Worker } from 'node:worker_threads';
import type { TextTail } from '../ring/text-tail.ts';

/** One worker thread, from spawn to exit. */
export class Incarnation {
  readonly slot: number;
  readonly control: MessagePort;
  /** What it printed last. */
  readonly output: TextTail;
  readonly kill: AbortController = new AbortController();
  thread: Worker | undefined;
  /** Set when its thread has ended. */
  exitCode: number | undefined;
  threadId = 0;
  ready = false;
  /** It was told to end, or killed: its exit needs no replacement of its own. */
  leaving = false;
  /** It is being terminated. */
  terminating = false;
  /** Its replacement is on its way. */
  recycling = false;
  /** Ends its life: its lifetime, and when it is told to end, its grace. */
  timer: NodeJS.Timeout | undefined;

  constructor(slot: number, control: MessagePort, output: TextTail) {
    this.slot = slot;
    this.output = output;
    this.control = control;
  }
}

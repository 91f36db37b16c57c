/**
 * An exchange that the server answers itself, without the application.
 *
 * Law: answers, and is over.
 */
import { STATUS_CODES } from 'node:http';
import type { Outbound } from './outbound.ts';
import { Running, type RunningOwner } from './running.ts';

export class RefusedExchange extends Running {
  override readonly label = { method: '', target: '', id: '' };
  readonly #status: number;

  constructor(outbound: Outbound, status: number) {
    super(outbound, null);
    this.#status = status;
  }

  protected override call(owner: RunningOwner): void {
    this.outbound.refuse(this.#status, `${STATUS_CODES[this.#status]}\n`);
    owner.runningOnDone(this);
  }
}

/**
 * What happens when the watchdog finds a late request or a stuck worker.
 *
 * Law: answers the client, notifies the worker and reports the event. The watchdog decides about times.
 */
import { Abort } from '../../ring/layout.ts';
import { requestId } from '../../ring/message.ts';
import type { AcceptorEvents, AcceptorOptions } from '../acceptor-api.ts';
import type { Exchange } from '../exchange/exchange.ts';
import type { Exchanges } from '../exchange/exchanges.ts';
import type { LoopState, WatchdogOwner } from './watchdog.ts';
import type { WorkerLink } from '../workers/worker-link.ts';

interface LatenessHost {
  /** Milliseconds, coarse, monotonic. */
  readonly now: number;
  readonly exchanges: Exchanges;
}

export class Lateness implements WatchdogOwner {
  readonly #host: LatenessHost;
  readonly #options: Pick<AcceptorOptions, 'isDebugged' | 'requestIdPrefix'>;
  readonly #events: Pick<AcceptorEvents, 'onLate' | 'onStuck'>;

  constructor(
    host: LatenessHost,
    options: Pick<AcceptorOptions, 'isDebugged' | 'requestIdPrefix'>,
    events: Pick<AcceptorEvents, 'onLate' | 'onStuck'>,
  ) {
    this.#host = host;
    this.#options = options;
    this.#events = events;
  }

  watchdogIsHeld(): boolean {
    return this.#options.isDebugged();
  }

  watchdogOnLate(exchange: Exchange, link: WorkerLink | undefined, loop: LoopState): void {
    const { now, exchanges } = this.#host;
    exchange.lateAt = now;
    exchanges.giveUp(exchange, Abort.DEADLINE, 504);
    link?.notifyAbort();
    link?.probe();
    this.#events.onLate({
      slot: link?.slot ?? 0,
      request: exchanges.requestLine(exchange),
      requestId: requestId(this.#options.requestIdPrefix, exchange.serial),
      age: now - exchange.takenAt,
      queued: exchange.takenAt - exchange.queuedAt,
      loop,
    });
  }

  watchdogOnStuck(link: WorkerLink): void {
    this.#events.onStuck(link.slot);
  }
}

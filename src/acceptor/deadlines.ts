/**
 * The handler's deadline: how long an exchange may take from the moment a worker has it to its response head.
 *
 * Law: reads the shared state of exchanges and judges it against time that is given; acts on nothing.
 */
import type { ExchangeTable } from '../ring/exchange-table.ts';
import { State } from '../ring/layout.ts';
import type { Exchange, Exchanges } from './exchanges.ts';

export interface DeadlineLimits {
  /** Milliseconds; 0 turns it off. */
  readonly handlerTimeout: number;
  readonly killGrace: number;
}

export class Deadlines {
  readonly #limits: DeadlineLimits;
  readonly #exchanges: Exchanges;
  readonly #table: ExchangeTable;
  #last = 0;

  constructor(limits: DeadlineLimits, exchanges: Exchanges, table: ExchangeTable) {
    this.#limits = limits;
    this.#exchanges = exchanges;
    this.#table = table;
  }

  /** Exchanges whose deadline has passed and whose client still waits for the head. */
  passed(now: number): Exchange[] {
    const late: Exchange[] = [];
    if (this.#limits.handlerTimeout === 0) return late;
    const elapsed = now - this.#last;
    this.#last = now;
    for (const exchange of this.#exchanges.active) {
      if (exchange.headSent || exchange.connection === null) continue;
      if (exchange.takenAt === 0) this.#noteTaken(exchange, now);
      else if (this.#waitsForClient(exchange)) exchange.takenAt += elapsed;
      else if (now - exchange.takenAt >= this.#limits.handlerTimeout) late.push(exchange);
    }
    return late;
  }

  /** Workers whose loop has not turned for the grace since a deadline passed. */
  stuck(now: number, epochOf: (slot: number) => number): Set<number> {
    const slots: Set<number> = new Set();
    for (const exchange of this.#exchanges.active) {
      if (exchange.abandonedAt === 0 || exchange.connection !== null || exchange.epochThen === 0) continue;
      if (now - exchange.abandonedAt < this.#limits.killGrace) continue;
      const owner = this.#table.owner(exchange.index);
      if (epochOf(owner) === exchange.epochThen) slots.add(owner);
      exchange.epochThen = 0;
    }
    return slots;
  }

  #noteTaken(exchange: Exchange, now: number): void {
    const state = this.#table.state(exchange.index);
    if (state === State.TAKEN || state === State.RUNNING) exchange.takenAt = now;
  }

  /** The clock stands while the application waits for bytes that the client has not sent. */
  #waitsForClient(exchange: Exchange): boolean {
    const { upload } = exchange;
    return upload?.wanted === true && !upload.ended && upload.waiting === 0;
  }
}

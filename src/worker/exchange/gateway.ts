/**
 * What a worker runs: exchanges, from the slab to the application and its answer back.
 *
 * Law: the same for every interface (`interface-api.ts`), which alone knows how an application is called. Knows responses
 * and bodies by their ends; not rings or sockets.
 *
 * What an application throws: before its head was sent the client gets 500, after it the connection is destroyed, so
 * that the truncation shows. Either way one log line with the request and the stack, and the worker goes on.
 */
import { errorText } from '../../error-text.ts';
import { Abort } from '../../ring/layout.ts';
import { BLOCKS, RecordKind, RequestReader } from '../../ring/message.ts';
import { Faults } from './faults.ts';
import { Inbound, type InboundBody, type InboundOwner } from './inbound.ts';
import type { Interface } from './interface-api.ts';
import type { Runner, WorkerLoop } from './loop.ts';
import { points } from '../points.ts';
import { Roster } from './roster.ts';
import { type Running, type RunningOwner } from './running.ts';

export interface GatewayOptions {
  readonly interface: Interface;
  /** The application may block the thread for its body. */
  readonly blockingInput: boolean;
  /** Where the application's errors are told: one text, request and stack in it. */
  readonly report: (text: string) => void;
  /** Handlers that were answered at their deadline and have not ended; above it `onWorn` hears of it. */
  readonly mostLate: number;
  readonly onWorn: (why: string) => void;
  /** Milliseconds a handler may take that does not ask for more. */
  readonly handlerTimeout: number;
}

export class Gateway implements Runner, RunningOwner, InboundOwner {
  readonly #loop: WorkerLoop;
  readonly #options: GatewayOptions;
  readonly #reader: RequestReader;
  readonly #inbound: Inbound;
  readonly #running: Roster<Running> = new Roster();
  /** What was thrown last by the reader of a connection: a microtask throws it once more, without its context. */
  #thrown: { readonly error: unknown; readonly reader: Running } | null = null;
  #interface: Interface;
  #faults: Faults<Running> | null = null;
  /** Called when it is idle. */
  readonly #waiting: (() => void)[] = [];
  /** How many of those that run are late, and how many last. */
  #late = 0;
  #lasting = 0;

  constructor(loop: WorkerLoop, options: GatewayOptions) {
    this.#loop = loop;
    this.#options = options;
    this.#interface = options.interface;
    this.#reader = new RequestReader(loop.link.shared.view);
    this.#inbound = new Inbound(loop.link, this, options.blockingInput);
  }

  // called by the loop

  get running(): number {
    return this.#running.size;
  }

  sortInbound(): void {
    this.#inbound.sort();
    for (const reader of this.#inbound.takeReadable()) {
      this.#loop.workedOnTunnel();
      if (this.#faults === null) this.#read(reader);
      else this.#faults.run(reader, this.#read);
    }
  }

  /** What the application throws here is thrown once more where nothing of ours is in its way. */
  readonly #read = (reader: Running): void => {
    try {
      reader.bodyOnReadable();
    } catch (error) {
      this.#inbound.readable(reader);
      this.#loop.schedule();
      this.#thrown = { error, reader };
      queueMicrotask(() => {
        throw error;
      });
    }
  };

  inboundReady(): boolean {
    return this.#loop.link.inbound.ready();
  }

  checkAborts(): void {
    for (const running of this.#running) {
      const why = running.outbound.abortedWhy;
      if (why === Abort.NONE) continue;
      running.abort(why);
      if (running.late) this.#onLate();
    }
  }

  run(exchange: number, generation: number): void {
    const { table } = this.#loop.link.shared;
    const reader = this.#reader;
    reader.read(exchange, generation, table.slabOffset(exchange));
    const called = this.#interface;
    const follows = reader.moreBody || called.takesOver?.(reader) === true;
    const body = follows ? this.#inbound.open(exchange, generation) : null;
    const running = called.begin(reader, body);
    this.#running.add(running);
    if (running.lasting) this.#onLasting(running, body!);
    else if (body !== null) body.holder = running.outbound;
    points.reached('copied');
    const why = table.abortOf(exchange);
    if (why !== Abort.NONE && why !== Abort.LEFT) {
      running.outbound.leave();
      return this.runningOnDone(running);
    }
    table.run(exchange, generation, this.#loop.link.slot);
    points.reached('application');
    if (this.#faults === null) running.start(this);
    else this.#faults.run(running, this.#call);
    // The client ended its side before the application was called: as under Node, its first call may still answer.
    if (why === Abort.LEFT) setImmediate(() => this.checkAborts());
  }

  #onLasting(running: Running, body: InboundBody): void {
    this.#lasting += 1;
    body.reader = running;
  }

  readonly #call = (running: Running): void => running.start(this);

  /**
   * Watches this thread for errors that nobody caught: the exchange that one belongs to is answered 502 (or broken
   * off), its late output is dropped, and `onFault` hears that the thread should not be trusted with more. `onStorm` is
   * called when errors follow one another without end.
   */
  watchFaults(onFault: () => void, onStorm: () => void): void {
    this.#faults = new Faults();
    this.#faults.watch((error, context) => {
      const running = this.#thrown?.error === error ? this.#thrown?.reader : context;
      this.#thrown = null;
      this.#options.report(
        running === undefined ? `Uncaught: ${errorText(error)}` : running.describe('uncaught', error),
      );
      if (running !== undefined) this.#fault(running, error);
      onFault();
    }, onStorm);
  }

  #fault(running: Running, error: unknown): void {
    const { outbound } = running;
    if (outbound.over || outbound.gone) return;
    if (running.lasting) return running.breakOff();
    if (outbound.started) outbound.abort();
    else outbound.refuse(502, 'Bad Gateway\n');
    running.dismiss(error);
    this.runningOnDone(running);
  }

  // called by its inbound bodies

  wantBody(exchange: number, generation: number, blocks: boolean): void {
    this.#loop.say(blocks ? RecordKind.READ | BLOCKS : RecordKind.READ, exchange, generation);
    this.#loop.link.acceptor.ring();
  }

  assign(exchange: number, generation: number): void {
    this.#loop.assign(exchange, generation);
  }

  // called by the worker

  /** Calls the application through another interface from now on. */
  callThrough(called: Interface): void {
    this.#interface = called;
  }

  /** Its program ends the connections of a server. Those that the application has taken over stay, as under Node. */
  closeFor(server: object): void {
    for (const running of this.#running) running.closeFor(server);
  }

  /** The new deadline, ms since the epoch; undefined: the request is over. */
  extendDeadline(requestId: string, milliseconds: number): number | undefined {
    const { table } = this.#loop.link.shared;
    for (const { label, outbound, startedAt } of this.#running) {
      if (outbound.over || label.id !== requestId) continue;
      const asked = Date.now() - startedAt + milliseconds;
      const limit = Math.max(asked, table.extended(outbound.exchange));
      table.extend(outbound.exchange, limit);
      return startedAt + Math.max(limit, this.#options.handlerTimeout);
    }
    return undefined;
  }

  /**
   * Resolves when nothing runs any more, save what is late (its client has its answer, and it may never end) and what lasts.
   */
  idle(): Promise<void> {
    if (this.isIdle) return Promise.resolve();
    return new Promise((resolve) => this.#waiting.push(resolve));
  }

  // called by what runs

  runningOnFailed(running: Running, error: unknown): void {
    const { outbound } = running;
    // An application that gives up because its client left has done right.
    if (!outbound.gone) {
      this.#options.report(running.describe('failed', error));
      if (outbound.started) outbound.abort();
      else outbound.refuse(500, 'Internal Server Error\n');
    }
    this.runningOnDone(running);
  }

  runningOnDone(running: Running): void {
    const { outbound, body } = running;
    if (body !== null) this.#inbound.close(outbound.exchange, body);
    if (outbound.dropped) outbound.leave();
    // Its last bytes may still wait for room; until they have left, its client can leave.
    if (outbound.over) this.#forget(running);
    else outbound.onOver = () => this.#forget(running);
  }

  #forget(running: Running): void {
    if (!this.#running.delete(running)) return;
    if (running.late) this.#late -= 1;
    if (running.lasting) this.#lasting -= 1;
    this.#settle();
  }

  #onLate(): void {
    const { mostLate, onWorn } = this.#options;
    this.#late += 1;
    if (this.#late > mostLate) onWorn(`${this.#late} handlers go on beyond their deadline`);
    this.#settle();
  }

  #settle(): void {
    if (this.isIdle) for (const resolve of this.#waiting.splice(0)) resolve();
  }

  get isIdle(): boolean {
    return this.#running.size === this.#late + this.#lasting;
  }
}

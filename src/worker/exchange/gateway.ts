/**
 * The gateway runs exchanges in a worker: from the slab to the application, and its answer back.
 *
 * Law: the same for every interface. Only the interface (`interface-api.ts`) knows how to call an application. Knows the ends
 * of responses and bodies; not rings or sockets.
 *
 * Errors of an application: before the head is sent, the client gets 500. After that, the gateway destroys the connection, so
 * that the client sees the truncation. In both cases it logs one line with the request and the stack, and the worker continues.
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
  /** True if the application may block the thread while it waits for its body. */
  readonly blockingInput: boolean;
  /** Logs an error of the application. The text has the request and the stack. */
  readonly report: (text: string) => void;
  /**
   * The gateway calls `onWorn` if more handlers than this are late: the acceptor answered at their deadline, and they have not
   * ended.
   */
  readonly mostLate: number;
  readonly onWorn: (why: string) => void;
  /** Milliseconds of a handler's deadline, unless it extends the deadline. */
  readonly handlerTimeout: number;
}

export class Gateway implements Runner, RunningOwner, InboundOwner {
  readonly #loop: WorkerLoop;
  readonly #options: GatewayOptions;
  readonly #reader: RequestReader;
  readonly #inbound: Inbound;
  readonly #running: Roster<Running> = new Roster();
  /** The last error from the reader of a connection. A microtask throws it again, but without its asynchronous context. */
  #thrown: { readonly error: unknown; readonly reader: Running } | null = null;
  #interface: Interface;
  #faults: Faults<Running> | null = null;
  /** Called when the gateway becomes idle. */
  readonly #waiting: (() => void)[] = [];
  /** `#late`: number of running exchanges that are late. `#lasting`: number of running exchanges that last. */
  #late = 0;
  #lasting = 0;

  constructor(loop: WorkerLoop, options: GatewayOptions) {
    this.#loop = loop;
    this.#options = options;
    this.#interface = options.interface;
    this.#reader = new RequestReader(loop.link.shared.view);
    this.#inbound = new Inbound(loop.link, this, options.blockingInput);
  }

  // Called by the loop.

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

  /**
   * Reads a connection. An error of the application is thrown again in a microtask, where no frame of the gateway is on the
   * stack.
   */
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
    // The client ended its side before the application was called. As under Node, the application's first call may still
    // answer.
    if (why === Abort.LEFT) setImmediate(() => this.checkAborts());
  }

  #onLasting(running: Running, body: InboundBody): void {
    this.#lasting += 1;
    body.reader = running;
  }

  readonly #call = (running: Running): void => running.start(this);

  /**
   * Watches this thread for uncaught errors. If an error belongs to an exchange, its client gets 502, or an abort if the head
   * is sent. The gateway drops the exchange's later output.
   *
   * `onFault` is called for each error: the thread should get no more requests. `onStorm` is called once if errors follow one
   * another without end.
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

  // Called by inbound bodies.

  wantBody(exchange: number, generation: number, blocks: boolean): void {
    this.#loop.say(blocks ? RecordKind.READ | BLOCKS : RecordKind.READ, exchange, generation);
    this.#loop.link.acceptor.ring();
  }

  assign(exchange: number, generation: number): void {
    this.#loop.assign(exchange, generation);
  }

  // Called by the worker.

  /** Calls the application through another interface from now on. */
  callThrough(called: Interface): void {
    this.#interface = called;
  }

  /**
   * Ends the connections of a server, for a program that closes it. Connections that the application has taken over stay open,
   * as under Node.
   */
  closeFor(server: object): void {
    for (const running of this.#running) running.closeFor(server);
  }

  /** Returns the new deadline in ms since the epoch, or undefined if the request is over. */
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
   * Resolves when no exchange runs. Late exchanges do not count: their clients have an answer, and they may never end. Nor do
   * exchanges that last.
   */
  idle(): Promise<void> {
    if (this.isIdle) return Promise.resolve();
    return new Promise((resolve) => this.#waiting.push(resolve));
  }

  // Called by running exchanges.

  runningOnFailed(running: Running, error: unknown): void {
    const { outbound } = running;
    // If its client left, an application that throws has done nothing wrong.
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
    // The last bytes may still wait for room. Until they are in the ring, the client can leave.
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

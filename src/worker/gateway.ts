/**
 * Our side of TSGI inside a worker: one exchange from the slab to the application and its answer back.
 *
 * Law: the only caller of the application. Knows the handler, environ, input and responses; not rings or sockets.
 *
 * What an application throws: before its head was sent the client gets 500, after it the connection is destroyed, so
 * that the truncation shows. Either way one log line with the request and the stack, and the worker goes on.
 */
import { Flag } from '../http/flags.ts';
import { Abort } from '../ring/layout.ts';
import { BLOCKS, Kind, RequestReader } from '../ring/message.ts';
import { callApplication } from '../tsgi/handler.ts';
import type { Application, Environ, ErrorStream } from '../tsgi/types.ts';
import { Faults } from './faults.ts';
import { buildEnviron, type EnvironContext } from './environ.ts';
import { Inbound, type InboundOwner } from './inbound.ts';
import { completeBody, emptyInput, Input } from '../tsgi/input.ts';
import type { WorkerHandle } from '../hooks.ts';
import type { Runner, WorkerLoop } from './loop.ts';
import { points } from './points.ts';
import { Response, type ResponsePlan } from './response.ts';
import { Running, textOf } from './running.ts';

export interface GatewayOptions {
  readonly application: Application;
  readonly context: EnvironContext;
  readonly errors: ErrorStream;
  /** Milliseconds the handler may take; 0: any. */
  readonly handlerTimeout: number;
  /** Where the application's errors are told: one text, request and stack in it. */
  readonly report: (text: string) => void;
  /** What every environ carries as `tsgi_threads.worker`. */
  readonly worker: WorkerHandle;
  /** Handlers that were answered at their deadline and have not ended; above it `onWorn` hears of it. */
  readonly mostLate: number;
  readonly onWorn: (why: string) => void;
}

export class Gateway implements Runner, InboundOwner {
  readonly #loop: WorkerLoop;
  readonly #options: GatewayOptions;
  readonly #reader: RequestReader;
  readonly #inbound: Inbound;
  readonly #running: Set<Running> = new Set();
  #faults: Faults<Running> | null = null;
  #onIdle: (() => void) | null = null;
  /** How many of those that run are late. */
  #late = 0;

  constructor(loop: WorkerLoop, options: GatewayOptions) {
    this.#loop = loop;
    this.#options = options;
    this.#reader = new RequestReader(loop.link.shared.view);
    this.#inbound = new Inbound(loop.link, this, options.context.blockingInput);
  }

  // called by the loop

  get running(): number {
    return this.#running.size;
  }

  sortInbound(): void {
    this.#inbound.sort();
  }

  inboundReady(): boolean {
    return this.#loop.link.inbound.ready();
  }

  checkAborts(): void {
    for (const running of [...this.#running]) {
      const why = running.response.abortedWhy;
      if (why === Abort.NONE) continue;
      running.abort(why);
      if (running.late) this.#onLate();
    }
  }

  run(exchange: number, generation: number): void {
    const { table } = this.#loop.link.shared;
    const reader = this.#reader;
    reader.read(table.slabOffset(exchange));
    const body = reader.moreBody ? this.#inbound.open(exchange, generation) : null;
    const response = new Response(this.#loop, exchange, generation, planOf(reader.flags));
    const running = new Running(response, body, Date.now());
    this.#running.add(running);
    const environ = this.#environ(running);
    points.reached('copied');
    if (table.abortOf(exchange) !== Abort.NONE) {
      response.leave();
      return this.#done(running);
    }
    table.run(exchange, generation, this.#loop.link.slot);
    points.reached('application');
    if (this.#faults === null) this.#call(environ, running);
    else this.#faults.run(running, this.#call, environ, running);
  }

  /**
   * Watches this thread for errors that nobody caught: the exchange that one belongs to is answered 502 (or broken
   * off), its late output is dropped, and `onFault` hears that the thread should not be trusted with more.
   */
  watchFaults(onFault: () => void): void {
    this.#faults = new Faults();
    this.#faults.watch((error, running) => {
      this.#options.report(
        running === undefined ? `Uncaught: ${textOf(error)}` : running.describe('uncaught', error),
      );
      if (running !== undefined) this.#fault(running);
      onFault();
    });
  }

  #fault(running: Running): void {
    const { response } = running;
    if (response.over || response.gone) return;
    if (response.started) response.abort();
    else response.respond(502, [['content-type', 'text/plain']], 'Bad Gateway\n');
    response.gone = true;
    this.#done(running);
  }

  // called by its inbound bodies

  wantBody(exchange: number, generation: number, blocks: boolean): void {
    this.#loop.say(blocks ? Kind.READ | BLOCKS : Kind.READ, exchange, generation);
    this.#loop.link.acceptor.ring();
  }

  // called by the worker

  /** False: the request is over. */
  extendDeadline(requestId: string, milliseconds: number): boolean {
    for (const { environ, response, startedAt } of this.#running) {
      if (response.over || environ?.['tsgi.request_id'] !== requestId) continue;
      this.#loop.link.shared.table.extend(response.exchange, Date.now() - startedAt + milliseconds);
      return true;
    }
    return false;
  }

  /** Resolves when nothing runs any more, save what is late: its client has its answer, and it may never end. */
  idle(): Promise<void> {
    if (this.#running.size === this.#late) return Promise.resolve();
    return new Promise((resolve) => {
      this.#onIdle = resolve;
    });
  }

  #environ(running: Running): Environ {
    const reader = this.#reader;
    const { context, errors, handlerTimeout, worker } = this.#options;
    const deadline = handlerTimeout > 0 ? running.startedAt + handlerTimeout : undefined;
    let input = emptyInput;
    if (running.body !== null) input = new Input(running.body);
    else if (reader.bodyLength > 0) input = new Input(completeBody(reader.body()));
    return buildEnviron(reader, context, { input, errors, exchange: running, deadline, worker });
  }

  readonly #call = (environ: Environ, running: Running): void => {
    running.environ = environ;
    try {
      const pending = callApplication(this.#options.application, environ, running.response);
      if (pending === undefined) this.#done(running);
      else
        pending.then(
          () => this.#done(running),
          (error) => this.#fail(error, running),
        );
    } catch (error) {
      this.#fail(error, running);
    }
  };

  #fail(error: unknown, running: Running): void {
    const { response } = running;
    // An application that gives up because its client left has done right.
    if (!response.gone) {
      this.#options.report(running.describe('failed', error));
      if (response.started) response.abort();
      else response.respond(500, [['content-type', 'text/plain']], 'Internal Server Error\n');
    }
    this.#done(running);
  }

  #done(running: Running): void {
    const { response, body } = running;
    // The handler ended quietly because the client was gone before anything was said.
    if (!response.over && response.gone) response.leave();
    if (body !== null) this.#inbound.close(response.exchange, body);
    // Its last bytes may still wait for room; until they have left, its client can leave.
    if (response.over) this.#forget(running);
    else response.onOver = () => this.#forget(running);
  }

  #forget(running: Running): void {
    if (!this.#running.delete(running)) return;
    if (running.late) this.#late -= 1;
    this.#settle();
  }

  #onLate(): void {
    const { mostLate, onWorn } = this.#options;
    this.#late += 1;
    if (this.#late > mostLate) onWorn(`${this.#late} handlers go on beyond their deadline`);
    this.#settle();
  }

  #settle(): void {
    if (this.#running.size === this.#late) this.#onIdle?.();
  }
}

function planOf(flags: number): ResponsePlan {
  return PLANS[flags & PLAN_MASK]!;
}

/** Every plan there is, made once: a request allocates none. */
const PLAN_MASK = Flag.HTTP_1_1 | Flag.KEEP_ALIVE | Flag.HEAD;
const PLANS: ResponsePlan[] = Array.from({ length: PLAN_MASK + 1 }, (_, flags) => ({
  http11: (flags & Flag.HTTP_1_1) !== 0,
  keepAlive: (flags & Flag.KEEP_ALIVE) !== 0,
  headRequest: (flags & Flag.HEAD) !== 0,
}));

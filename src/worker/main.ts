/**
 * The task of a worker thread. It is one endless task, from loading the application to the last exchange.
 *
 * Law: piscina imports this file, and `--threads 0` calls it in its own thread. Its work is the same in both. Exchanges
 * messages with the pool over `control` (`pool-messages.ts`), and with no other party.
 */
import { Server } from 'node:http';
import { setTimeout as wait } from 'node:timers/promises';
import { threadId } from 'node:worker_threads';
import { errorText } from '../error-text.ts';
import type { WorkerHandle } from '../hooks.ts';
import { hasStandIn } from '../stand-in.ts';
import { RecordKind } from '../ring/message.ts';
import { TextTail } from '../ring/text-tail.ts';
import { reportLimits, type ServerLimits } from '../server-limits.ts';
import { LineErrors } from '../tsgi/error-stream.ts';
import { validator } from '../tsgi/validate.ts';
import { Activity } from './thread/activity.ts';
import { observeWith } from './exchange/answers.ts';
import { untilProven } from './load/ambiguous.ts';
import { protectAsyncStack } from './thread/async-stack.ts';
import { type Detected, ownServer } from './load/detect.ts';
import { Gateway } from './exchange/gateway.ts';
import { Goodbye } from './thread/goodbye.ts';
import { GivenKeys } from './exchange/given-keys.ts';
import { workerHandle } from './handle.ts';
import { loadImports } from './load/imports.ts';
import type { Interface } from './exchange/interface-api.ts';
import { Link } from './exchange/link.ts';
import { type Loaded, loadApplication, mayListen, takeApplication } from './load/load.ts';
import { loadFailure } from './load/load-failure.ts';
import { WorkerLoop } from './exchange/loop.ts';
import { type LoopWatch, stuckError, watchLoop } from './load/loop-watch.ts';
import { watchMemory } from './thread/memory-watch.ts';
import type { FromWorker, ToWorker, WorkerTask } from './pool-messages.ts';
import { type NodeHandler, NodeInterface } from './node/interface.ts';
import { problemPage } from './load/problem-page.ts';
import { type LocalAddress, ListeningProgram, type ProgramOwner } from './load/listening-program.ts';
import { deliverSignal, watchSignals } from './thread/signal-listeners.ts';
import { takeApplicationOutput } from './thread/application-output.ts';
import { SplitState } from './exchange/split-state.ts';
import { hideThread, surround } from './thread/surroundings.ts';
import { TimeZone } from './thread/time-zone.ts';
import { TsgiInterface } from './tsgi/interface.ts';
import { compileSmallHere } from './thread/wasm-compile.ts';

type Say = (message: FromWorker) => void;
type Close = Extract<ToWorker, { type: 'close' }>;

/**
 * Milliseconds that responses get to end before the worker calls the hook `shutdown`. Most end in that time; streams wait for
 * the hook.
 */
const SETTLE_MS = 50;

/**
 * Runs a worker. In the caller's own thread, the promise resolves when the pool has closed this worker and its last exchange is
 * over.
 */
export default async function work(task: WorkerTask): Promise<void> {
  const { control, output } = task;
  const say: Say = (message) => control.postMessage(message);
  if (output !== null) {
    compileSmallHere();
    protectAsyncStack();
    takeApplicationOutput(new TextTail(output), task.descriptors, task.slot);
    watchSignals((names) => say({ type: 'signals', names }));
  }
  say({ type: 'started', threadId });
  say(await new Life(task, say).run());
  // A worker in a thread of its own stays until the pool ends the thread; see `pool/incarnation.ts`.
  if (output !== null) await new Promise(() => {});
  control.close();
}

class Life {
  readonly #task: WorkerTask;
  readonly #isOwnThread: boolean;
  readonly #say: Say;
  readonly #program: ListeningProgram;
  readonly #handle: WorkerHandle;
  readonly #goodbye: Goodbye = new Goodbye(new Activity(), (error) =>
    this.#report(`A listener of a signal failed: ${errorText(error)}`),
  );
  #gateway: Gateway | null = null;
  /**
   * The interfaces through which the worker calls the application. The last one runs new requests; earlier ones finish the
   * requests they began.
   */
  readonly #called: Interface[] = [];
  #onServe: ((server: Server) => void) | null = null;
  #drained: Promise<unknown> | null = null;
  #closing = false;
  #watch: LoopWatch | null = null;

  constructor(task: WorkerTask, say: Say) {
    this.#task = task;
    this.#isOwnThread = task.output !== null;
    this.#say = say;
    const owner: ProgramOwner = {
      programOnAsk: (place, asked) => say({ type: 'asks', place, asked }),
      running: () => this.#gateway?.running ?? 0,
      idle: async () => this.#gateway?.idle(),
      programOnServe: (server) => this.#onServe?.(server),
      programOnLimits: this.#sayLimits,
      // The clients of a worker that closes belong to other workers.
      programOnCut: (place, idleOnly) => this.#closing || say({ type: 'cut', place, idleOnly }),
      programOnCutRunning: (server) => this.#gateway?.closeFor(server),
      programOnClose: () => this.#closing || this.#recycle('its program has closed its server'),
    };
    const port = (step: 'claim' | 'bound' | 'lost' | 'release') => (key: string) =>
      say({ type: 'port', step, key });
    const claims = {
      claim: port('claim'),
      bound: port('bound'),
      lost: port('lost'),
      release: port('release'),
      awaited: () => this.#watch?.hold(),
      answered: () => this.#watch?.release(),
    };
    this.#program = new ListeningProgram(owner, task.addresses, this.#isOwnThread ? claims : null);
    this.#handle = workerHandle({
      index: task.index,
      threads: task.threads,
      hasDeadlines: task.handlerTimeout > 0,
      recycle: this.#recycle,
      extendDeadline: (id, milliseconds) => this.#gateway?.extendDeadline(id, milliseconds),
    });
  }

  /** Resolves with the worker's last message to the pool. */
  async run(): Promise<FromWorker> {
    const closed = this.#hear();
    let loaded: Loaded;
    let loop: WorkerLoop;
    let called: Interface;
    try {
      const timeZone = new TimeZone();
      loaded = await this.#load();
      this.#hintAt(timeZone);
      loop = new WorkerLoop(new Link(this.#task), { ...this.#task, apart: this.#isOwnThread });
      this.#observe(loop);
      called = await this.#callThrough(loaded.detected, loop);
    } catch (error) {
      const { application, assets } = this.#task;
      return loadFailure(error, typeof application === 'string' ? application : '', assets);
    }
    const { interface: name, why } = loaded.detected;
    this.#called.push(called);
    const gateway = this.#open(loop, called);
    this.#onServe = (server) => this.#serve(server, loop, gateway);
    if (this.#program.asked === null && mayListen(this.#task)) this.#program.exported();
    this.#say({ type: 'ready', interface: name, why, asked: this.#program.asked });
    // As in Node, a program receives its `listening` event before its first request.
    if (this.#program.asked !== null) await Promise.race([this.#program.listening, closed]);
    loop.start(gateway);
    const { reason } = await closed;
    this.#closing = true;
    const { left } = this.#goodbye;
    const goodbye = this.#sayGoodbye();
    await loop.answered();
    await Promise.race([gateway.idle(), wait(SETTLE_MS)]);
    if (gateway.isIdle) await this.#settled();
    await this.#try('The hook shutdown', () => loaded.hooks.shutdown?.(reason));
    const finished = this.#finish(gateway);
    // A program that ends itself when its server stops leaves its streams, as under Node. A program that is replaced finishes
    // them.
    await (reason === 'close' ? Promise.race([finished, left]) : finished);
    await goodbye;
    loop.stop();
    this.#goodbye.leave();
    return { type: 'closed' };
  }

  /**
   * @throws OptionError TSGI_ERR_APP_LOAD if the application awaits something that nothing will settle; otherwise whatever the
   * application throws
   */
  async #load(): Promise<Loaded> {
    const watch = watchLoop(this.#isOwnThread ? this.#task.control : null, this.#task.ownsProcess);
    this.#watch = watch;
    const loading = load(this.#task, this.#program, watch).then(async (loaded) => {
      await loaded.hooks.init?.(this.#handle);
      return loaded;
    });
    const stuck = watch.stuck.then(() => {
      throw stuckError();
    });
    return Promise.race([loading, stuck]).finally(() => watch.stop());
  }

  async #sayGoodbye(): Promise<void> {
    if (this.#isOwnThread) await this.#goodbye.say();
  }

  /**
   * Waits for streams, for work that the application has registered with `waitUntil`, and for connections that it has taken
   * over.
   */
  async #finish(gateway: Gateway): Promise<void> {
    await gateway.idle();
    await this.#settled();
    await this.#drain();
  }

  async #settled(): Promise<void> {
    await Promise.all(this.#called.map((called) => called.settled?.()));
  }

  /** Calls a function that the application runs at its end, and logs what the function throws. */
  async #try(what: string, call: () => unknown): Promise<void> {
    try {
      await call();
    } catch (error) {
      this.#report(`${what} failed: ${errorText(error)}`);
    }
  }

  /** Ends the connections that the application has taken over. */
  async #drain(): Promise<void> {
    const { drainSockets } = this.#task;
    this.#drained ??= Promise.all(this.#called.map((called) => called.drainSockets?.(drainSockets)));
    await this.#drained;
  }

  /** Resolves when the pool sends `close`. */
  #hear(): Promise<Close> {
    return new Promise((resolve) =>
      this.#task.control.on('message', (message: ToWorker) => {
        switch (message.type) {
          case 'stopping':
            this.#closing = true;
            return void (this.#called.length > 0 && this.#sayGoodbye());
          case 'close':
            this.#program.otherPorts.letGo();
            return resolve(message);
          case 'signal':
            return deliverSignal(message.name);
          case 'port':
            return this.#program.otherPorts[message.step](message.key);
          case 'drain':
            return void this.#drain();
          case 'listening':
            return this.#program.bound(message.place, message.address);
          case 'refused':
            return this.#program.refused(
              message.place,
              Object.assign(new Error(message.message), { code: message.code }),
            );
        }
      }),
    );
  }

  /** Makes the gateway. It claims requests once the loop is started. */
  #open(loop: WorkerLoop, called: Interface): Gateway {
    const gateway = new Gateway(loop, {
      interface: called,
      blockingInput: this.#task.context.blockingInput,
      report: this.#report,
      mostLate: this.#task.concurrency,
      onWorn: this.#recycle,
      handlerTimeout: this.#task.handlerTimeout,
    });
    this.#gateway = gateway;
    // In the caller's own thread, the caller handles uncaught errors.
    if (this.#isOwnThread)
      gateway.watchFaults(
        () => this.#say({ type: 'fault' }),
        () => this.#say({ type: 'storm' }),
      );
    watchMemory(this.#task.maxWorkerMemory, (bytes) =>
      this.#recycle(`its ${Math.round(bytes / 1e6)} MB are above maxWorkerMemory`),
    );
    return gateway;
  }

  /** Sets what the loop observes in this worker's answers. */
  #observe(loop: WorkerLoop): void {
    const { affinity, threads } = this.#task;
    const keys =
      affinity === '' ? null : new GivenKeys(affinity, (key) => loop.say(RecordKind.KEY, 0, 0, key));
    const split =
      threads > 1 ? new SplitState(affinity === '', (sign) => this.#say({ type: 'sign', sign })) : null;
    loop.answers = observeWith([keys, split]);
    loop.split = split;
  }

  /** True if one worker cannot find the sessions in the memory of another one. */
  get #needsAffinity(): boolean {
    return this.#task.affinity === '' && this.#task.threads > 1;
  }

  #nodeInterface(application: NodeHandler | Server, loop: WorkerLoop): NodeInterface {
    const isProgram = this.#program.asked !== null;
    // A server that listens reports its limits itself.
    if (application instanceof Server && !hasStandIn(application))
      reportLimits(application, (own) => this.#sayLimits(0, own));
    const serverAt = isProgram ? (local: LocalAddress) => this.#program.serverAt(local) : undefined;
    const hint = this.#needsAffinity ? (text: string) => this.#say({ type: 'hint', text }) : undefined;
    const { requestIdPrefix } = this.#task.context;
    return new NodeInterface(loop, { application, requestIdPrefix, serverAt, hint });
  }

  /**
   * Serves a program that listens after the worker began to serve its export. Running requests finish through the earlier
   * interface.
   */
  #serve(server: Server, loop: WorkerLoop, gateway: Gateway): void {
    const called = this.#nodeInterface(server, loop);
    this.#called.push(called);
    gateway.callThrough(called);
    const { interface: name, why } = ownServer(server);
    this.#say({ type: 'ready', interface: name, why, asked: this.#program.asked });
  }

  async #callThrough(detected: Detected, loop: WorkerLoop): Promise<Interface> {
    const { context, handlerTimeout, validate, interface: chosen } = this.#task;
    const { requestIdPrefix } = context;
    switch (detected.interface) {
      case 'node':
        return this.#nodeInterface(detected.application, loop);
      case 'fetch': {
        // The fetch interface loads the web classes, which take a fifth of a worker's start time. Only this case imports it.
        const { FetchInterface } = await import('./fetch/interface.ts');
        return new FetchInterface(loop, {
          application: detected.application,
          requestIdPrefix,
          report: this.#report,
        });
      }
      case 'tsgi': {
        const checked = validate ? validator(detected.application) : detected.application;
        return new TsgiInterface(loop, {
          application: chosen === 'auto' && !validate ? untilProven(checked) : checked,
          context,
          errors: new LineErrors((text) => this.#say({ type: 'log', level: 'info', text })),
          handlerTimeout,
          worker: this.#handle,
        });
      }
    }
  }

  /**
   * Reports a time zone that the thread ignores. If the application shares the thread of the process, Node applies the zone.
   */
  #hintAt(timeZone: TimeZone): void {
    const text = this.#isOwnThread ? timeZone.problem() : undefined;
    if (text !== undefined) this.#say({ type: 'hint', text });
  }

  readonly #sayLimits = (place: number, own: Partial<ServerLimits>): void =>
    this.#say({ type: 'limits', place, own });

  readonly #recycle = (why: string): void => this.#say({ type: 'worn', why });

  readonly #report = (text: string): void => this.#say({ type: 'log', level: 'error', text });
}

async function load(task: WorkerTask, program: ListeningProgram, watch: LoopWatch): Promise<Loaded> {
  const { application, problem } = task;
  if (problem !== '') return problemLoaded(problem);
  if (task.runtime !== null) {
    const { install } = (await import(task.runtime.url)) as { install(data: unknown): Promise<void> };
    await install(task.runtime.data);
  }
  if (typeof application !== 'string') {
    await loadImports(task.imports);
    return takeApplication(application, task.interface);
  }
  process.env.TSGI_WORKER_INDEX = String(task.index);
  process.setSourceMapsEnabled(true);
  if (task.output !== null) surround(task);
  await loadImports(task.imports);
  const hearsLater = task.output !== null;
  if (hearsLater) hideThread();
  program.arm();
  const loaded = await loadApplication({ ...task, url: application, program, watch, hearsLater });
  // In the caller's own thread, servers made later belong to the caller.
  if (!hearsLater) program.disarm();
  return loaded;
}

function problemLoaded(problem: string): Loaded {
  return { detected: { interface: 'tsgi', application: problemPage(problem), why: '' }, hooks: {} };
}

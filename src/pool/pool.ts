/**
 * The pool of workers: piscina starts and ends the threads, and this file keeps their number.
 *
 * Law: manages workers; knows the worker's file by URL only. No request passes through here: each thread runs one endless
 * task. piscina provides the spawning, the module loading, and the kill (`signal`). Each incarnation has its own memory
 * (`worker-memory.ts`), because a zombie and its replacement live at the same time.
 */
import { EventEmitter } from 'node:events';
import type { AddressInfo } from 'node:net';
import { MessageChannel } from 'node:worker_threads';
import { loadErrorText } from '../error-text.ts';
import { OptionError } from '../errors.ts';
import type { ShutdownReason } from '../hooks.ts';
import type { Asked } from '../stand-in.ts';
import { WORKER_LINES } from '../ring/layout.ts';
import { TextTail } from '../ring/text-tail.ts';
import { Backoff, BACKOFF_MS, jittered } from './backoff.ts';
import { Hints } from './hints.ts';
import { type CommonTask, Incarnation, type IncarnationOwner } from './incarnation.ts';
import { traitsOf } from './interface-traits.ts';
import { Threads } from './piscina.ts';
import { Places } from './places.ts';
import { PortOwners } from './port-owners.ts';
import type { PoolAcceptor, PoolLog, PoolOptions, ProgramClients } from './pool-api.ts';
import { busiestFunctions } from './profile.ts';
import { WorkerMemories } from './worker-memory.ts';
import type { Readiness, WorkerTask } from '../worker/pool-messages.ts';

/** A worker that lives longer than this is not part of a crash loop, ms. */
const SHORT_LIFE_MS = 10_000;

/**
 * Events: `workerExit` ({ slot, threadId, code, planned }). `asks` (place, asked), on the first request of a place. `signals`
 * (names), when a worker's program changes the signals for which it listens. `zombie`.
 */
export class Pool extends EventEmitter implements IncarnationOwner {
  readonly #options: PoolOptions;
  readonly #acceptor: PoolAcceptor;
  readonly #log: PoolLog;
  readonly #threads: Threads | null;
  readonly #workers: Map<number, Incarnation> = new Map();
  readonly #memories: WorkerMemories = new WorkerMemories();
  #task: CommonTask;
  #closing = false;
  /** What the last worker that became ready reported about the application. Null before the first. */
  readiness: Readiness | null = null;
  #expects: WorkerTask['expects'] = null;
  readonly hints: Hints;
  readonly places: Places = new Places();
  readonly ports: PortOwners = new PortOwners();
  readonly clients: ProgramClients;
  readonly #backoff: Backoff = new Backoff();
  /** The last replacement in the queue. Workers are replaced one after the other. */
  #rolling: Promise<unknown> = Promise.resolve();

  constructor(options: PoolOptions, acceptor: PoolAcceptor, log: PoolLog) {
    super();
    this.#options = options;
    this.#task = options.task;
    this.#acceptor = acceptor;
    this.clients = acceptor;
    this.#log = log;
    this.hints = new Hints((text) => log.error(text));
    this.#threads = options.threads === 0 ? null : new Threads(this.incarnationOnStarted);
  }

  /** The number of workers that serve. */
  get ready(): number {
    return [...this.#workers.values()].filter((worker) => worker.ready && !worker.leaving).length;
  }

  /** The server listens at the place. All workers are notified. Workers that start later receive the address at start. */
  tellAddress(place: number, address: AddressInfo): void {
    this.places.answer(place, address);
    for (const worker of this.#workers.values()) worker.tellAddress(place, address);
  }

  /** The server cannot listen at the place. All workers are notified. The next request counts as the first again. */
  tellRefused(place: number, error: Error): void {
    this.places.refuse(place);
    for (const worker of this.#workers.values()) worker.tellRefused(place, error);
  }

  /** The number of terminated threads that have not ended. */
  get zombies(): number {
    return [...this.#workers.values()].filter((worker) => worker.isZombie).length;
  }

  /** Workers that serve or start, and are neither leaving nor being replaced. */
  get #staying(): Incarnation[] {
    return [...this.#workers.values()].filter((worker) => !worker.leaving && !worker.replaced);
  }

  /** The lowest index that no remaining worker uses. During a replacement this is the index of the worker being replaced. */
  get #freeIndex(): number {
    const taken = new Set(this.#staying.map((worker) => worker.index));
    let index = 0;
    while (taken.has(index)) index += 1;
    return index;
  }

  /** Starts the first worker, and if its application loads, the others. Rejects with the reason if it did not load. */
  async start(): Promise<void> {
    await this.#spawn(this.#task);
    if (this.#closing) return;
    const rest = Array.from({ length: Math.max(0, this.#options.threads - 1) }, () =>
      this.#spawn(this.#task),
    );
    await Promise.all(rest);
  }

  /**
   * Terminates a worker, even if it is stuck, and starts its replacement immediately. Resolves with the functions that the
   * worker ran, if Node can report them. Resolves with undefined if the worker is already being terminated.
   */
  async terminate(slot: number): Promise<string[] | undefined> {
    const worker = this.#workers.get(slot);
    if (worker === undefined || worker.terminating) return undefined;
    worker.terminating = true;
    this.#acceptor.retire(slot);
    if (!worker.leaving && !worker.replaced) this.#respawn(0);
    worker.leaving = true;
    const busy = await busiestFunctions(worker.thread);
    worker.kill();
    return busy;
  }

  /** Passes a signal to every worker whose program listens for it. Returns the number of these workers. */
  signal(name: NodeJS.Signals): number {
    return [...this.#workers.values()].filter((worker) => worker.signal(name)).length;
  }

  /** The functions in which a worker burns CPU. */
  async busiest(slot: number): Promise<string[]> {
    return busiestFunctions(this.#workers.get(slot)?.thread);
  }

  /** The last output that a worker printed. */
  outputOf(slot: number): string {
    return this.#workers.get(slot)?.output.read() ?? '';
  }

  /**
   * Replaces a healthy worker. The replacement is ready first, so no request is lost. Only one worker is replaced at a time.
   * If the replacement does not start, the old worker continues.
   */
  recycle(slot: number, why: string): void {
    const worker = this.#workers.get(slot);
    if (worker === undefined || worker.leaving || worker.recycling || this.#threads === null) return;
    worker.recycling = true;
    this.#rolling = this.#rolling.then(() => this.#recycle(worker, why));
  }

  async #recycle(worker: Incarnation, why: string): Promise<void> {
    await this.#renewTask();
    if (this.#closing || worker.leaving) return;
    try {
      await this.#replace(worker, this.#task, 'recycle');
      this.#log.info(`Worker ${worker.slot} is recycled: ${why}`);
    } catch (error) {
      // Delayed, because every response of a worn worker requests its recycling.
      setTimeout(() => (worker.recycling = false), BACKOFF_MS.most).unref();
      this.#log.error(
        `Worker ${worker.slot} is not recycled, because its replacement did not start: ${loadErrorText(error as Error)}`,
      );
    }
  }

  /**
   * Replaces every worker with a worker that has the new task, one after the other. If the first one does not start, the old
   * workers stay and this method rejects.
   */
  reload(task: CommonTask): Promise<void> {
    const rolled = this.#rolling.then(() => this.#reload(task));
    this.#rolling = rolled.catch(() => {});
    return rolled;
  }

  async #reload(task: CommonTask): Promise<void> {
    if (this.#closing) throw closesError();
    // Evaluated again each time: meanwhile workers may die, and their replacements may have the old task or the new one.
    const nextOld = () =>
      [...this.#workers.values()].find((worker) => !worker.leaving && worker.task !== task);
    if (this.#staying.length === 0) {
      await this.#spawn(task);
      this.#task = task;
    }
    for (let old = nextOld(); old !== undefined && !this.#closing; old = nextOld()) {
      await this.#replace(old, task, 'reload');
      this.#task = task;
    }
    if (this.#closing) throw closesError();
  }

  /** `replaced` prevents a second replacement of the worker, whatever happens to it meanwhile. */
  async #replace(worker: Incarnation, task: CommonTask, reason: ShutdownReason): Promise<void> {
    worker.replaced = true;
    try {
      await this.#spawn(task);
    } catch (error) {
      worker.replaced = false;
      if (this.#isGone(worker) && !this.#closing) this.#respawn(BACKOFF_MS.first);
      throw error;
    }
    if (!this.#isGone(worker)) this.#end(worker, reason);
  }

  /** Whether the worker takes no more requests. Its slot may already belong to another worker. */
  #isGone(worker: Incarnation): boolean {
    return worker.leaving || this.#workers.get(worker.slot) !== worker;
  }

  /** The server is stopping. Programs are notified immediately. Workers continue to answer requests. */
  stopping(): void {
    for (const worker of this.#workers.values()) worker.stopping();
  }

  /** The server is closing. Connections that applications have taken over should end. Requests are answered as before. */
  drain(): void {
    for (const worker of this.#workers.values()) worker.drain();
  }

  /**
   * Waits for every worker to finish its exchanges, then ends it. Resolves when every thread has ended or cannot be ended. A
   * thread in a native call continues until that call returns.
   */
  async close(): Promise<void> {
    this.#closing = true;
    for (const worker of this.#workers.values()) {
      if (worker.ready) this.#end(worker, 'close');
      // The worker is still loading, perhaps for long, and has nothing to finish.
      else worker.kill();
    }
    await this.#ended();
  }

  /** Terminates every thread immediately, as far as possible. */
  async destroy(): Promise<void> {
    this.#closing = true;
    for (const worker of this.#workers.values()) worker.kill();
    await this.#ended();
  }

  /** Resolves when no thread is left that could still end. */
  async #ended(): Promise<void> {
    await Promise.all([...this.#workers.values()].map((worker) => worker.gone));
    this.#threads?.destroy();
  }

  /** Retires a worker: it finishes its exchanges and ends. The pool kills it after the grace period. */
  #end(worker: Incarnation, reason: ShutdownReason): void {
    this.#acceptor.retire(worker.slot);
    worker.close(reason, this.#options.shutdownTimeout);
  }

  /** Starts one incarnation. Resolves when it serves. Rejects if its application did not load. */
  #spawn(common: CommonTask): Promise<void> {
    if (this.#threads !== null) this.#options.application.enterDirectory();
    const slot = this.#freeSlot();
    const memory = this.#memories.take();
    const { output, ...rings } = memory;
    const doorbell = new MessageChannel();
    const control = new MessageChannel();
    const index = this.#freeIndex;
    const worker = new Incarnation(slot, index, {
      control: control.port1,
      memory,
      output: new TextTail(output),
      task: common,
      owner: this,
    });
    this.#workers.set(slot, worker);
    this.#acceptor.attach({ slot, index, ...rings, port: doorbell.port1 });
    const task: WorkerTask = {
      ...common,
      slot,
      index,
      addresses: this.places.addresses,
      expects: this.#expects,
      ...rings,
      output: this.#threads === null ? null : output,
      shared: this.#options.shared,
      doorbell: doorbell.port2,
      control: control.port2,
    };
    return worker.start(this.#threads, task, this.#options.bootTimeout);
  }

  // called by incarnations

  readonly incarnationOnStarted = (): void => this.#threads?.count([...this.#workers.values()]);

  incarnationIsHeld(): boolean {
    return this.#options.isDebugged();
  }

  incarnationOnReady(worker: Incarnation, readiness: Readiness): void {
    this.readiness = readiness;
    if (worker.task.problem === '') this.#expects = readiness.asked === null ? 'export' : 'listen';
    const { maxLifetime } = this.#options;
    if (maxLifetime > 0)
      worker.after(jittered(maxLifetime), () => this.recycle(worker.slot, 'maxLifetime is over'));
    this.#acceptor.ready(worker.slot, traitsOf(readiness.interface, this.#threads !== null));
  }

  incarnationOnSignals(names: readonly NodeJS.Signals[]): void {
    this.emit('signals', names);
  }

  incarnationOnWorn(worker: Incarnation, why: string): void {
    this.recycle(worker.slot, why);
  }

  /** Retires the worker and starts its replacement at the same time. */
  incarnationOnFault(worker: Incarnation): void {
    if (worker.leaving) return;
    this.#log.error(`Worker ${worker.slot} is replaced: an error in it was not caught`);
    this.#end(worker, 'recycle');
    if (!this.#closing && !worker.replaced) this.#respawnAfter(worker, this.#acceptor.hasWorked(worker.slot));
  }

  incarnationOnStorm(worker: Incarnation): void {
    this.#log.error(`Worker ${worker.slot} is terminated: uncaught errors follow one another`);
    void this.terminate(worker.slot);
  }

  incarnationOnAsks(worker: Incarnation, place: number, asked: Asked): void {
    if (this.places.ask(place, asked)) return void this.emit('asks', place, asked);
    // If the server does not listen there yet, `tellAddress` notifies all workers later.
    const address = this.places.answerTo(place);
    if (address !== undefined) worker.tellAddress(place, address);
  }

  incarnationOnLog(level: 'error' | 'info', text: string): void {
    this.#log[level](text);
  }

  incarnationOnExit(worker: Incarnation, code: number, why: string): void {
    this.#workers.delete(worker.slot);
    this.ports.gone(worker);
    const worked = this.#acceptor.hasWorked(worker.slot);
    this.#acceptor.detach(worker.slot, `exited with code ${code}${why}`);
    if (worker.hasExited) this.#memories.giveBack(worker.memory);
    const planned = worker.leaving;
    this.emit('workerExit', { slot: worker.slot, threadId: worker.threadId, code, planned });
    // The start of a worker that never served has already failed, and its caller knows that.
    if (planned || this.#closing || worker.replaced || !worker.ready) return;
    this.#log.error(`Worker ${worker.slot} exited with code ${code}${why}: a replacement starts`);
    this.#respawnAfter(worker, worked);
  }

  incarnationOnZombie(): void {
    this.emit('zombie');
  }

  /** If the worker has worked, a request probably killed it. Otherwise its start killed it, and will do so again. */
  #respawnAfter(worker: Incarnation, worked: boolean): void {
    const livedLong = worker.ready && performance.now() - worker.readyAt > SHORT_LIFE_MS;
    this.#respawn(worked || livedLong ? this.#backoff.reset() : this.#backoff.next());
  }

  #respawn(delay: number): void {
    // One crash is no loop. Waiting requests can wait for the next worker.
    if (delay > BACKOFF_MS.first && this.ready === 0) this.#acceptor.suspend(delay);
    setTimeout(async () => {
      await this.#renewTask();
      // A reload may have started it already.
      if (this.#closing || this.#staying.length >= Math.max(1, this.#options.threads)) return;
      this.#spawn(this.#task).catch((error: Error) => {
        if (this.#closing) return;
        this.#log.error(`A replacement worker did not start: ${loadErrorText(error)}`);
        this.#respawn(this.#backoff.next());
      });
    }, delay);
  }

  /** Compiled files are lost if their directory is deleted. Then the application is compiled again from its current sources. */
  async #renewTask(): Promise<void> {
    const task = this.#task;
    const renewed = await this.#options.application.renew(task);
    if (this.#task === task) this.#task = renewed;
  }

  /** The lowest slot that no incarnation has. Slot 0 means no worker. */
  #freeSlot(): number {
    for (let slot = 1; slot < WORKER_LINES; slot++) if (!this.#workers.has(slot)) return slot;
    throw new OptionError(
      'TSGI_ERR_STATE',
      `Cannot start a worker: ${WORKER_LINES - 1} terminated threads have not ended. Restart the process`,
    );
  }
}

function closesError(): OptionError {
  return new OptionError('TSGI_ERR_STATE', 'Cannot reload: the server is closing');
}

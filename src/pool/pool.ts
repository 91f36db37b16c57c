/**
 * The pool of workers: piscina starts and ends the threads, and this file keeps their number.
 *
 * Law: talks about workers; knows the worker's file by URL only. Requests never pass through here: each thread is
 * given one endless task, and what piscina adds to it is spawning, the module loading of its worker, and the kill
 * (`signal`). Each incarnation has memory of its own (`worker-memory.ts`), because a zombie and its replacement live
 * at the same time.
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

/** A worker that lives longer is none of a crash loop, ms. */
const SHORT_LIFE_MS = 10_000;

/**
 * Events: `workerExit` ({ slot, threadId, code, planned }); `asks` (place, asked), the first time a program
 * does; `signals` (names), when the program of a worker listens for other ones; `zombie`.
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
  /** What the last worker that became ready reported of the application; null before the first. */
  readiness: Readiness | null = null;
  #expects: WorkerTask['expects'] = null;
  readonly hints: Hints;
  readonly places: Places = new Places();
  readonly ports: PortOwners = new PortOwners();
  readonly clients: ProgramClients;
  readonly #backoff: Backoff = new Backoff();
  /** The last of the workers that are replaced one after the other. */
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

  /** Workers that serve. */
  get ready(): number {
    return [...this.#workers.values()].filter((worker) => worker.ready && !worker.leaving).length;
  }

  /** The server listens there: programs that listen hear of it, and whoever starts later. */
  tellAddress(place: number, address: AddressInfo): void {
    this.places.answer(place, address);
    for (const worker of this.#workers.values()) worker.tellAddress(place, address);
  }

  /** The server cannot listen there: programs that asked hear of it, and whoever asks later is asked for anew. */
  tellRefused(place: number, error: Error): void {
    this.places.refuse(place);
    for (const worker of this.#workers.values()) worker.tellRefused(place, error);
  }

  /** Threads that were told to end and have not. */
  get zombies(): number {
    return [...this.#workers.values()].filter((worker) => worker.isZombie).length;
  }

  /** Workers that serve or start, and neither leave nor make room for another. */
  get #staying(): Incarnation[] {
    return [...this.#workers.values()].filter((worker) => !worker.leaving && !worker.replaced);
  }

  /** The lowest that none of those that stay has: that of a worker whose place is taken, above all. */
  get #freeIndex(): number {
    const taken = new Set(this.#staying.map((worker) => worker.index));
    let index = 0;
    while (taken.has(index)) index += 1;
    return index;
  }

  /** The first worker proves the application, the others follow. Rejects with the reason it did not load. */
  async start(): Promise<void> {
    await this.#spawn(this.#task);
    if (this.#closing) return;
    const rest = Array.from({ length: Math.max(0, this.#options.threads - 1) }, () =>
      this.#spawn(this.#task),
    );
    await Promise.all(rest);
  }

  /**
   * Ends a worker, whatever it does, and starts its replacement without waiting for its end. Resolves with the functions
   * it was busy in, where that can be told; undefined when it is being terminated already.
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

  /** Passes a signal on to every worker whose program listens for it; returns how many those are. */
  signal(name: NodeJS.Signals): number {
    return [...this.#workers.values()].filter((worker) => worker.signal(name)).length;
  }

  /** The functions in which a worker burns its time. */
  async busiest(slot: number): Promise<string[]> {
    return busiestFunctions(this.#workers.get(slot)?.thread);
  }

  /** What a worker printed last. */
  outputOf(slot: number): string {
    return this.#workers.get(slot)?.output.read() ?? '';
  }

  /**
   * Replaces a worker that serves well by a new one: the replacement is ready first, no request is lost. One at a time;
   * when a replacement does not start, the old one goes on.
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
      // Not at once again: every answer of a worn worker asks for this.
      setTimeout(() => (worker.recycling = false), BACKOFF_MS.most).unref();
      this.#log.error(
        `Worker ${worker.slot} is not recycled, its replacement did not start: ${loadErrorText(error as Error)}`,
      );
    }
  }

  /**
   * Replaces every worker by one with another task, one after the other. The first proves it: when it does not start,
   * the old ones stay as they are and this rejects.
   */
  reload(task: CommonTask): Promise<void> {
    const rolled = this.#rolling.then(() => this.#reload(task));
    this.#rolling = rolled.catch(() => {});
    return rolled;
  }

  async #reload(task: CommonTask): Promise<void> {
    if (this.#closing) throw closesError();
    // Asked for anew each time: workers may die meanwhile, and be respawned with the old task or the new.
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

  /** While this goes on, nobody else replaces the worker, however it ends: its replacement is on its way already. */
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

  /** It takes no more requests; its slot may be another's. */
  #isGone(worker: Incarnation): boolean {
    return worker.leaving || this.#workers.get(worker.slot) !== worker;
  }

  /** The server has been told to stop: programs hear it at once. Workers go on answering requests. */
  stopping(): void {
    for (const worker of this.#workers.values()) worker.stopping();
  }

  /** The server closes: connections that applications have taken over shall end, requests are answered as before. */
  drain(): void {
    for (const worker of this.#workers.values()) worker.drain();
  }

  /**
   * Lets every worker finish what it runs, then ends it. Resolves when every thread has ended, or cannot be ended: a
   * thread in a native call goes on until that returns.
   */
  async close(): Promise<void> {
    this.#closing = true;
    for (const worker of this.#workers.values()) {
      if (worker.ready) this.#end(worker, 'close');
      // It loads, perhaps for long, and has nothing to finish.
      else worker.kill();
    }
    await this.#ended();
  }

  /** Ends every thread now, as far as that can be. */
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

  /** It takes no more, finishes what it runs, and ends; what takes longer than the grace is cut. */
  #end(worker: Incarnation, reason: ShutdownReason): void {
    this.#acceptor.retire(worker.slot);
    worker.close(reason, this.#options.shutdownTimeout);
  }

  /** Starts one incarnation; resolves when it serves, rejects when its application did not load. */
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

  /** It takes no more, finishes the rest, and another takes its place meanwhile. */
  incarnationOnFault(worker: Incarnation): void {
    if (worker.leaving) return;
    this.#log.error(`Worker ${worker.slot} is replaced: an error in it was not caught`);
    this.#end(worker, 'recycle');
    if (!this.#closing && !worker.replaced) this.#respawnAfter(worker, this.#acceptor.hasWorked(worker.slot));
  }

  incarnationOnStorm(worker: Incarnation): void {
    this.#log.error(
      `Worker ${worker.slot} is terminated: errors in it that are not caught follow one another`,
    );
    void this.terminate(worker.slot);
  }

  incarnationOnAsks(worker: Incarnation, place: number, asked: Asked): void {
    if (this.places.ask(place, asked)) return void this.emit('asks', place, asked);
    // If the server does not listen there yet, it tells all workers later.
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
    // Of one that never served whoever started it has heard.
    if (planned || this.#closing || worker.replaced || !worker.ready) return;
    this.#log.error(`Worker ${worker.slot} exited with code ${code}${why}: a replacement starts`);
    this.#respawnAfter(worker, worked);
  }

  incarnationOnZombie(): void {
    this.emit('zombie');
  }

  /** One that ended while it worked died of a request; one that never did dies of its start, and again and again. */
  #respawnAfter(worker: Incarnation, worked: boolean): void {
    const livedLong = worker.ready && performance.now() - worker.readyAt > SHORT_LIFE_MS;
    this.#respawn(worked || livedLong ? this.#backoff.reset() : this.#backoff.next());
  }

  #respawn(delay: number): void {
    // One crash is no loop: what waits may wait for the next worker.
    if (delay > BACKOFF_MS.first && this.ready === 0) this.#acceptor.suspend(delay);
    setTimeout(async () => {
      await this.#renewTask();
      // A reload may have brought it already.
      if (this.#closing || this.#staying.length >= Math.max(1, this.#options.threads)) return;
      this.#spawn(this.#task).catch((error: Error) => {
        if (this.#closing) return;
        this.#log.error(`A replacement worker did not start: ${loadErrorText(error)}`);
        this.#respawn(this.#backoff.next());
      });
    }, delay);
  }

  /** Compiled files go with a directory that is deleted; then the application is compiled again from what is there now. */
  async #renewTask(): Promise<void> {
    const task = this.#task;
    const renewed = await this.#options.application.renew(task);
    if (this.#task === task) this.#task = renewed;
  }

  /** The lowest slot that no incarnation holds; 0 stands for nobody. */
  #freeSlot(): number {
    for (let slot = 1; slot < WORKER_LINES; slot++) if (!this.#workers.has(slot)) return slot;
    throw new OptionError(
      'TSGI_ERR_STATE',
      `Cannot start a worker: ${WORKER_LINES - 1} threads have not ended`,
    );
  }
}

function closesError(): OptionError {
  return new OptionError('TSGI_ERR_STATE', 'Cannot reload: the server closes');
}

/**
 * The pool of workers: piscina starts and ends the threads, and this file keeps their number.
 *
 * Law: talks about workers; knows the worker's file by URL only. Requests never pass through here: each thread is
 * given one endless task, and what piscina adds to it is spawning, the module loading of its worker, and the kill
 * (`signal`). Rings are made here, one fresh set for each incarnation, because a zombie and its replacement live at
 * the same time.
 *
 * piscina settings that matter: `minThreads: 0` and no idle timeout, so that piscina starts no thread by itself;
 * `atomics: 'disabled'`, because its default blocks the worker's event loop; a generous `maxThreads`, because
 * zombies count.
 */
import { EventEmitter } from 'node:events';
import { MessageChannel, type MessagePort } from 'node:worker_threads';
import { Piscina } from 'piscina';
import { OptionError } from '../errors.ts';
import type { ShutdownReason } from '../hooks.ts';
import { WORKER_LINES } from '../ring/layout.ts';
import { createRings, type SharedBuffers } from '../ring/shared.ts';
import { TextTail, textTailBuffer } from '../ring/text-tail.ts';
import { Incarnation } from './incarnation.ts';
import { busiestFunctions } from './profile.ts';
import type runWorker from '../worker/main.ts';
import type { FromWorker, ToWorker, WorkerTask } from '../worker/main.ts';

const WORKER_URL = new URL('../worker/main.js', import.meta.url);
/** A crash loop backs off from the first to the second. */
const BACKOFF_MS = { first: 100, most: 5000 };

/** What every incarnation is given besides its own rings and ports. */
export type CommonTask = Omit<
  WorkerTask,
  'slot' | 'shared' | 'responses' | 'inbound' | 'doorbell' | 'control' | 'output'
>;

export interface PoolOptions {
  /** 0: one worker, in the caller's thread. */
  readonly threads: number;
  readonly bootTimeout: number;
  /** Milliseconds after which a worker that is told to end is cut. */
  readonly shutdownTimeout: number;
  /** Milliseconds after which a worker is recycled; 0: never. */
  readonly maxLifetime: number;
  readonly shared: SharedBuffers;
  /** For the first workers; `reload` brings another. */
  readonly task: CommonTask;
}

/** The acceptor, as far as the pool needs it. */
export interface PoolAcceptor {
  attach(parts: {
    slot: number;
    responses: SharedArrayBuffer;
    inbound: SharedArrayBuffer;
    port: MessagePort;
  }): void;
  ready(slot: number): void;
  retire(slot: number): void;
  /** True when the worker had begun any exchange. */
  detach(slot: number): boolean;
}

export interface PoolLog {
  error(text: string): void;
  info(text: string): void;
}

/** Events: `workerExit` ({ slot, threadId, code, planned }). */
export class Pool extends EventEmitter {
  readonly #options: PoolOptions;
  readonly #acceptor: PoolAcceptor;
  readonly #log: PoolLog;
  readonly #piscina: Piscina | null;
  readonly #workers: Map<number, Incarnation> = new Map();
  #task: CommonTask;
  #closing = false;
  #backoff = 0;
  /** The last of the workers that are replaced one after the other. */
  #rolling: Promise<unknown> = Promise.resolve();

  constructor(options: PoolOptions, acceptor: PoolAcceptor, log: PoolLog) {
    super();
    this.#options = options;
    this.#task = options.task;
    this.#acceptor = acceptor;
    this.#log = log;
    this.#piscina = options.threads === 0 ? null : createPiscina();
    this.#piscina?.on('error', (error: Error) => this.#log.error(`Worker pool: ${error.message}`));
  }

  /** Workers that serve. */
  get ready(): number {
    return [...this.#workers.values()].filter((worker) => worker.ready && !worker.leaving).length;
  }

  /** Threads that were told to end and have not. */
  get zombies(): number {
    return [...this.#workers.values()].filter((worker) => worker.kill.signal.aborted).length;
  }

  get workers(): { slot: number; threadId: number; ready: boolean }[] {
    return [...this.#workers.values()].map(({ slot, threadId, ready }) => ({ slot, threadId, ready }));
  }

  /** The first worker proves the application, the others follow. Rejects with the reason it did not load. */
  async start(): Promise<void> {
    await this.#spawn(this.#task);
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
    if (!worker.leaving) this.#respawn(0);
    worker.leaving = true;
    const busy = await busiestFunctions(worker.thread);
    worker.kill.abort();
    return busy;
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
    if (worker === undefined || worker.leaving || worker.recycling || this.#piscina === null) return;
    worker.recycling = true;
    this.#rolling = this.#rolling.then(() => this.#replace(worker, why));
  }

  async #replace(worker: Incarnation, why: string): Promise<void> {
    if (this.#closing || worker.leaving) return;
    try {
      await this.#spawn(this.#task);
      this.#log.info(`Worker ${worker.slot} is recycled: ${why}`);
      this.#end(worker, 'recycle');
    } catch (error) {
      // Not at once again: every answer of a worn worker asks for this.
      setTimeout(() => (worker.recycling = false), BACKOFF_MS.most).unref();
      this.#log.error(
        `Worker ${worker.slot} is not recycled, its replacement did not start: ${messageOf(error)}`,
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
    const old = [...this.#workers.values()].filter((worker) => !worker.leaving);
    await this.#spawn(task);
    this.#task = task;
    for (const [index, worker] of old.entries()) {
      if (this.#closing) return;
      if (index > 0) await this.#spawn(task);
      this.#end(worker, 'reload');
    }
  }

  /** Lets every worker finish what it runs, then ends it. */
  async close(): Promise<void> {
    this.#closing = true;
    for (const worker of this.#workers.values()) this.#end(worker, 'close');
    await Promise.all([...this.#workers.values()].map((worker) => this.#exitOf(worker)));
    await this.#piscina?.destroy();
  }

  /** Ends every thread now. */
  async destroy(): Promise<void> {
    this.#closing = true;
    for (const worker of this.#workers.values()) worker.kill.abort();
    await this.#piscina?.destroy();
  }

  /** It takes no more, finishes what it runs, and ends; what takes longer than the grace is cut. */
  #end(worker: Incarnation, reason: ShutdownReason): void {
    this.#acceptor.retire(worker.slot);
    if (worker.kill.signal.aborted) return;
    worker.leaving = true;
    worker.control.postMessage({ type: 'close', reason } satisfies ToWorker);
    this.#endAfter(worker, this.#options.shutdownTimeout, () => worker.kill.abort());
  }

  #endAfter(worker: Incarnation, milliseconds: number, end: () => void): void {
    clearTimeout(worker.timer);
    worker.timer = setTimeout(end, milliseconds);
    worker.timer.unref();
  }

  #exitOf(worker: Incarnation): Promise<void> {
    return new Promise((resolve) => {
      const onExit = ({ slot }: { slot: number }) => {
        if (slot !== worker.slot) return;
        this.off('workerExit', onExit);
        resolve();
      };
      this.on('workerExit', onExit);
    });
  }

  /** Starts one incarnation; resolves when it serves, rejects when its application did not load. */
  #spawn(common: CommonTask): Promise<void> {
    const slot = this.#freeSlot();
    const rings = createRings();
    const doorbell = new MessageChannel();
    const control = new MessageChannel();
    const output = textTailBuffer();
    const worker = new Incarnation(slot, control.port1, new TextTail(output));
    this.#workers.set(slot, worker);
    this.#acceptor.attach({ slot, ...rings, port: doorbell.port1 });
    const task: WorkerTask = {
      ...common,
      slot,
      ...rings,
      output: this.#piscina === null ? null : output,
      shared: this.#options.shared,
      doorbell: doorbell.port2,
      control: control.port2,
    };
    return new Promise((resolve, reject) => {
      const boot = setTimeout(() => this.#onBootTimeout(worker, reject), this.#options.bootTimeout);
      const settle = (error?: Error) => {
        clearTimeout(boot);
        if (error === undefined) resolve();
        else reject(error);
      };
      worker.control.on('message', (message: FromWorker) => this.#onMessage(worker, message, settle));
      this.#run(task, worker).then(
        () => this.#onEnd(worker, 0, settle),
        (error) => this.#onEnd(worker, 1, settle, error),
      );
    });
  }

  async #run(task: WorkerTask, worker: Incarnation): Promise<void> {
    if (this.#piscina === null) {
      const { default: work } = (await import(WORKER_URL.href)) as { default: typeof runWorker };
      return work(task);
    }
    const transferList = [task.doorbell, task.control];
    return this.#piscina.run(task, { transferList, signal: worker.kill.signal });
  }

  #onMessage(worker: Incarnation, message: FromWorker, settle: (error?: Error) => void): void {
    switch (message.type) {
      case 'started':
        worker.threadId = message.threadId;
        worker.thread = this.#piscina?.threads.find((thread) => thread.threadId === message.threadId);
        worker.thread?.once('exit', (code) => {
          worker.exitCode = code;
        });
        return;
      case 'ready':
        worker.ready = true;
        this.#live(worker);
        this.#acceptor.ready(worker.slot);
        return settle();
      case 'worn':
        return this.recycle(worker.slot, message.why);
      case 'fault':
        return this.#onFault(worker);
      case 'failed':
        worker.leaving = true;
        return settle(loadError(message.code, message.message, message.stack));
      case 'log':
        return this.#log[message.level](message.text);
    }
  }

  /** An error that nobody caught: it takes no more, finishes the rest, and another takes its place meanwhile. */
  #onFault(worker: Incarnation): void {
    if (worker.leaving) return;
    this.#log.error(`Worker ${worker.slot} is replaced: an error in it was not caught`);
    this.#end(worker, 'recycle');
    if (!this.#closing) this.#respawn(0);
  }

  #live(worker: Incarnation): void {
    const { maxLifetime } = this.#options;
    if (maxLifetime === 0) return;
    this.#endAfter(worker, jittered(maxLifetime), () => this.recycle(worker.slot, 'maxLifetime is over'));
  }

  #onBootTimeout(worker: Incarnation, reject: (error: Error) => void): void {
    worker.leaving = true;
    worker.kill.abort();
    const seconds = this.#options.bootTimeout / 1000;
    const text = `The application did not load within ${seconds} s: raise --boot-timeout, or look for an import that waits`;
    reject(new OptionError('TSGI_ERR_BOOT_TIMEOUT', text));
  }

  /**
   * The task is over. The thread may not be: after an abort piscina rejects at once, and what the thread did is
   * judged only when nothing can write its memory any more.
   */
  #onEnd(worker: Incarnation, code: number, settle: (error?: Error) => void, error?: Error): void {
    settle(
      new OptionError(
        'TSGI_ERR_APP_LOAD',
        `The worker ended while it loaded the application: ${error?.message}`,
      ),
    );
    const { thread } = worker;
    if (thread === undefined || worker.exitCode !== undefined)
      return this.#onExit(worker, worker.exitCode ?? code);
    thread.once('exit', (exitCode) => this.#onExit(worker, exitCode));
    // A task that ended by itself leaves an idle thread behind, which must not serve another incarnation.
    if (code === 0) thread.terminate();
  }

  #onExit(worker: Incarnation, code: number): void {
    this.#workers.delete(worker.slot);
    clearTimeout(worker.timer);
    worker.control.close();
    const worked = this.#acceptor.detach(worker.slot);
    const planned = worker.leaving;
    this.emit('workerExit', { slot: worker.slot, threadId: worker.threadId, code, planned });
    if (planned || this.#closing) return;
    this.#log.error(`Worker ${worker.slot} exited with code ${code}: a replacement starts`);
    // One that ended while it worked died of a request; one that never did dies of its start, and again and again.
    this.#backoff = worked ? 0 : this.#nextBackoff();
    this.#respawn(this.#backoff);
  }

  #nextBackoff(): number {
    return Math.min(BACKOFF_MS.most, Math.max(BACKOFF_MS.first, this.#backoff * 2));
  }

  #respawn(delay: number): void {
    setTimeout(() => {
      if (this.#closing) return;
      this.#spawn(this.#task).catch((error: Error) => {
        this.#log.error(`A replacement worker did not start: ${error.message}`);
        this.#backoff = this.#nextBackoff();
        this.#respawn(this.#backoff);
      });
    }, delay);
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

/** Up to a tenth more or less, so that workers that started together do not end together. */
function jittered(value: number): number {
  return value * (0.9 + 0.2 * Math.random());
}

function messageOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}

function createPiscina(): Piscina {
  return new Piscina({
    filename: WORKER_URL.href,
    minThreads: 0,
    maxThreads: WORKER_LINES,
    idleTimeout: Number.POSITIVE_INFINITY,
    atomics: 'disabled',
    recordTiming: false,
  });
}

function loadError(code: string, message: string, stack: string): OptionError {
  if (code === 'TSGI_ERR_APP_EXPORT') return new OptionError('TSGI_ERR_APP_EXPORT', message);
  const error = new OptionError('TSGI_ERR_APP_LOAD', `The application threw while it loaded: ${message}`);
  error.stack = stack;
  return error;
}

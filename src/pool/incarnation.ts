/**
 * One worker thread, from spawn to exit.
 *
 * Law: starts the thread through piscina, receives its messages, ends it. Its owner (`pool.ts`) decides what follows. The
 * exit is reported only when the thread has ended. After a kill, piscina rejects immediately. But the thread's exchanges may
 * be judged only when it can no longer write to its memory.
 */
import { once } from 'node:events';
import type { AddressInfo } from 'node:net';
import type { MessagePort, Worker } from 'node:worker_threads';
import { OptionError } from '../errors.ts';
import type { ShutdownReason } from '../hooks.ts';
import type { Asked } from '../stand-in.ts';
import type { TextTail } from '../ring/text-tail.ts';
import type runWorker from '../worker/main.ts';
import type { FromWorker, Readiness, ToWorker, WorkerTask } from '../worker/pool-messages.ts';
import type { Hints } from './hints.ts';
import type { ProgramClients } from './pool-api.ts';
import type { PortOwners, PortWorker } from './port-owners.ts';
import { NoThreadError, type Threaded, type Threads } from './piscina.ts';
import type { WorkerMemory } from './worker-memory.ts';

/** For a worker in the caller's thread. */
const WORKER_URL = new URL('../worker/main.js', import.meta.url);

/** If a thread has not ended this long after the pool terminated it, it is a zombie: it is in a native call. */
const ZOMBIE_MS = 1000;

export interface IncarnationOwner {
  /** The clients of the program's servers. */
  readonly clients: ProgramClients;
  /** Which worker owns a port that carries other protocols than HTTP. */
  readonly ports: PortOwners;
  /** Whether a debugger may hold the worker. Then its start has no time limit. */
  incarnationIsHeld(): boolean;
  /** Receives hints for the operator. */
  readonly hints: Hints;
  /** The worker has its thread. */
  incarnationOnStarted(worker: Incarnation): void;
  incarnationOnReady(worker: Incarnation, readiness: Readiness): void;
  /** The worker should be recycled. */
  incarnationOnWorn(worker: Incarnation, why: string): void;
  /** An error in the worker was not caught. */
  incarnationOnFault(worker: Incarnation): void;
  /** Uncaught errors follow one another in the worker. The owner should kill it. */
  incarnationOnStorm(worker: Incarnation): void;
  /** The worker's program listens for these signals. */
  incarnationOnSignals(names: readonly NodeJS.Signals[]): void;
  /** The worker's program listens in one more place. */
  incarnationOnAsks(worker: Incarnation, place: number, asked: Asked): void;
  incarnationOnLog(level: 'error' | 'info', text: string): void;
  /** The pool has terminated the worker, and its thread has not ended. */
  incarnationOnZombie(worker: Incarnation): void;
  /** The worker's thread has ended. `why`: Node's reason, for a log line. */
  incarnationOnExit(worker: Incarnation, code: number, why: string): void;
}

/** The parts of a worker's task that are the same for all incarnations. */
export type CommonTask = Omit<
  WorkerTask,
  | 'slot'
  | 'shared'
  | 'responses'
  | 'inbound'
  | 'doorbell'
  | 'control'
  | 'output'
  | 'index'
  | 'addresses'
  | 'expects'
>;

export interface IncarnationParts {
  readonly control: MessagePort;
  /** The worker's rings and output. */
  readonly memory: WorkerMemory;
  readonly output: TextTail;
  readonly task: CommonTask;
  readonly owner: IncarnationOwner;
}

export class Incarnation implements Threaded, PortWorker {
  readonly slot: number;
  /** The index of the worker in the server. */
  readonly index: number;
  readonly memory: WorkerMemory;
  /** The last output that the worker printed. */
  readonly output: TextTail;
  /** The task that the worker runs. */
  readonly task: CommonTask;
  thread: Worker | undefined;
  threadId = 0;
  /** When the worker began to serve, ms. 0 until then. */
  readyAt = 0;
  /** The worker is ending or was killed, so its exit needs no replacement. */
  leaving = false;
  /** The worker is being terminated. */
  terminating = false;
  /** The worker will be recycled when its turn comes. */
  recycling = false;
  /** The worker's replacement is being started. */
  replaced = false;
  killed = false;
  /** The thread was seen to end, so it no longer writes to its memory. */
  hasExited = false;
  /** The worker was terminated, but its thread has not ended in time. */
  isZombie = false;
  /** Resolves when the thread has ended, or is a zombie. */
  readonly gone: Promise<void>;
  readonly #owner: IncarnationOwner;
  readonly #control: MessagePort;
  readonly #kill: AbortController = new AbortController();
  #settle!: (error?: Error) => void;
  #go!: () => void;
  #exitCode: number | undefined;
  /** The signals for which the worker's program listens. */
  #signals: readonly NodeJS.Signals[] = [];
  /** The worker runs in the caller's thread. */
  #isHere = false;
  /** The worker's task is over. */
  #isOver = false;
  /** The limit of the boot or of the lifetime. When the worker is closing: the limit of its grace period. */
  #timer: NodeJS.Timeout | undefined;

  constructor(slot: number, index: number, parts: IncarnationParts) {
    this.slot = slot;
    this.index = index;
    this.memory = parts.memory;
    this.output = parts.output;
    this.task = parts.task;
    this.#control = parts.control;
    this.#owner = parts.owner;
    this.gone = new Promise((resolve) => {
      this.#go = resolve;
    });
  }

  get ready(): boolean {
    return this.readyAt !== 0;
  }

  /** The worker has a thread, or waits for one. */
  get needsThread(): boolean {
    return !this.#isOver && !this.#kill.signal.aborted;
  }

  /**
   * Resolves when the worker serves. Rejects if its application did not load. If `threads` is null, it runs in the caller's
   * thread.
   */
  start(threads: Threads | null, task: WorkerTask, bootTimeout: number): Promise<void> {
    return new Promise((resolve, reject) => {
      this.#settle = (error) => {
        // In one thread, listening sockets and connections keep the process alive.
        const ports = threads === null ? [this.#control, task.control, task.doorbell] : [];
        for (const port of ports) port.unref();
        if (error === undefined) resolve();
        else reject(error);
      };
      this.#isHere = threads === null;
      this.after(bootTimeout, () => this.#onBootTimeout(bootTimeout));
      this.#control.on('message', (message: FromWorker) => this.#onMessage(message, threads));
      this.#run(threads, task).then(
        () => this.#onEnd(0),
        (error) => this.#onEnd(1, error),
      );
    });
  }

  /** No thread could be started for this worker. */
  noThread(error: NoThreadError): void {
    this.leaving = true;
    this.#notStarted(error);
    this.#release();
  }

  /** The server listens at this place. */
  tellAddress(place: number, address: AddressInfo): void {
    this.#tell({ type: 'listening', place, address });
  }

  /** The server cannot listen at this place. */
  tellRefused(place: number, { code, message }: NodeJS.ErrnoException): void {
    this.#tell({ type: 'refused', place, code, message });
  }

  grantPort(key: string): void {
    this.#tell({ type: 'port', step: 'granted', key });
  }

  sharePort(key: string): void {
    this.#tell({ type: 'port', step: 'shared', key });
  }

  renewPort(key: string): void {
    this.#tell({ type: 'port', step: 'renew', key });
  }

  #tell(message: ToWorker): void {
    this.#control.postMessage(message);
  }

  /** Requests that the worker finish its exchanges and end. Kills it if that takes longer than `grace` ms. */
  close(reason: ShutdownReason, grace: number): void {
    if (this.killed) return;
    this.leaving = true;
    this.#tell({ type: 'close', reason });
    this.after(grace, () => this.kill());
  }

  /** The server is stopping. */
  stopping(): void {
    this.#tell({ type: 'stopping' });
  }

  /** Passes a signal to the worker. Returns false if its program does not listen for the signal. */
  signal(name: NodeJS.Signals): boolean {
    if (!this.#signals.includes(name)) return false;
    this.#tell({ type: 'signal', name });
    return true;
  }

  /** Requests the end of the connections that the application has taken over. */
  drain(): void {
    this.#tell({ type: 'drain' });
  }

  kill(): void {
    if (this.killed) return;
    this.killed = true;
    // A worker in the caller's thread cannot be terminated, so the pool does not wait for it.
    if (this.#isHere) this.#go();
    this.#stop();
  }

  /** Sets the only timer that can end this incarnation. It replaces the previous one. */
  after(milliseconds: number, end: () => void): void {
    clearTimeout(this.#timer);
    this.#timer = setTimeout(end, milliseconds);
    this.#timer.unref();
  }

  async #run(threads: Threads | null, task: WorkerTask): Promise<void> {
    if (threads === null) {
      const { default: work } = (await import(WORKER_URL.href)) as { default: typeof runWorker };
      // The worker's last messages arrive before its port closes, but after its promise is settled.
      const closed = once(this.#control, 'close');
      await work(task);
      await closed;
      return;
    }
    return threads.run(task, { transferList: [task.doorbell, task.control], signal: this.#kill.signal });
  }

  #onMessage(message: FromWorker, threads: Threads | null): void {
    switch (message.type) {
      case 'started':
        this.threadId = message.threadId;
        this.thread = threads?.get(message.threadId);
        this.thread?.once('exit', (code) => {
          this.#exitCode ??= code;
          this.hasExited = true;
        });
        return this.#owner.incarnationOnStarted(this);
      case 'ready':
        // A worker that is already closing takes no request, and keeps the timer of its grace period.
        if (this.leaving) return this.#settle();
        clearTimeout(this.#timer);
        this.readyAt = performance.now();
        this.#owner.incarnationOnReady(this, message);
        return this.#settle();
      case 'asks':
        return this.#owner.incarnationOnAsks(this, message.place, message.asked);
      case 'signals':
        this.#signals = message.names;
        return this.#owner.incarnationOnSignals(message.names);
      case 'limits':
        return this.#owner.clients.setLimits(message.place, message.own);
      case 'cut':
        return this.#owner.clients.cutUnserved(message.place, message.idleOnly);
      case 'port':
        return this.#owner.ports[message.step](this, message.key);
      case 'worn':
        return this.#owner.incarnationOnWorn(this, message.why);
      case 'fault':
        return this.#owner.incarnationOnFault(this);
      case 'storm':
        return this.#owner.incarnationOnStorm(this);
      case 'failed':
        this.leaving = true;
        this.#settle(loadError(message.code, message.message, message.stack));
        return this.#release();
      case 'closed':
        return this.#release();
      case 'log':
        return this.#owner.incarnationOnLog(message.level, message.text);
      case 'hint':
        return this.#owner.hints.say(message.text);
      case 'sign':
        return this.#owner.hints.hear(this.index, message.sign);
    }
  }

  /**
   * Ends the thread, because the worker has finished its work. The task never ends by itself: piscina would consider the
   * thread idle, and could give it to another incarnation before it has ended.
   */
  #release(): void {
    this.#exitCode = 0;
    this.#stop();
  }

  #stop(): void {
    this.#kill.abort();
    this.after(ZOMBIE_MS, () => {
      this.isZombie = true;
      this.#owner.incarnationOnZombie(this);
      this.#go();
    });
  }

  #onBootTimeout(bootTimeout: number): void {
    if (this.#owner.incarnationIsHeld())
      return this.after(bootTimeout, () => this.#onBootTimeout(bootTimeout));
    this.leaving = true;
    this.kill();
    const text = `The application did not load within ${bootTimeout / 1000} s. Raise --boot-timeout, or find the import that waits`;
    this.#settle(new OptionError('TSGI_ERR_BOOT_TIMEOUT', text));
  }

  #notStarted(error: Error | undefined): void {
    const isNone = error instanceof NoThreadError;
    const text = isNone
      ? error.message
      : `The worker ended while it loaded the application: ${error?.message}`;
    this.#settle(loadError('TSGI_ERR_APP_LOAD', text, error?.stack ?? text));
  }

  /** The task is over, but the thread may still run. */
  #onEnd(code: number, error?: Error): void {
    this.#isOver = true;
    if (!this.ready) this.#notStarted(error);
    // A worker's error with a code, most often a full heap. An error of piscina's task itself adds nothing.
    const why = error !== undefined && 'code' in error ? ` (${error.message})` : '';
    const { thread } = this;
    if (thread === undefined || this.hasExited) return this.#onExit(this.#exitCode ?? code, why);
    thread.once('exit', () => this.#onExit(this.#exitCode ?? code, why));
    // Most threads have ended by now, or are about to. piscina would consider a thread idle after its task has failed.
    void thread.terminate();
  }

  #onExit(code: number, why: string): void {
    clearTimeout(this.#timer);
    this.#control.close();
    this.#owner.incarnationOnExit(this, code, why);
    this.#go();
  }
}

function loadError(code: string, message: string, stack: string): OptionError {
  if (code === 'TSGI_ERR_APP_EXPORT' || code === 'TSGI_ERR_APP_LISTEN') return new OptionError(code, message);
  // An error of a module that was loaded before the application.
  const text = code === 'TSGI_ERR_APP_LOAD' ? message : `The application threw while it loaded: ${message}`;
  const error = new OptionError('TSGI_ERR_APP_LOAD', text);
  error.stack = stack;
  return error;
}

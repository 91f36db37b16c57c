/**
 * One worker thread, from spawn to exit.
 *
 * Law: starts it through piscina, hears what it says, ends it; what follows from that is decided by its owner
 * (`pool.ts`). Its end is told when the thread has ended, and not before: after a kill piscina rejects at once, and
 * what the thread did may be judged only when nothing can write its memory any more.
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

/** In the caller's thread. */
const WORKER_URL = new URL('../worker/main.js', import.meta.url);

/** A thread that has not ended so long after it was told to is a zombie: it is in a native call. */
const ZOMBIE_MS = 1000;

export interface IncarnationOwner {
  /** The clients of the program's servers. */
  readonly clients: ProgramClients;
  /** Which worker owns a port that is no HTTP. */
  readonly ports: PortOwners;
  /** A debugger may hold it: its start has no limit. */
  incarnationIsHeld(): boolean;
  /** Where it puts what the operator should know. */
  readonly hints: Hints;
  /** It has its thread. */
  incarnationOnStarted(worker: Incarnation): void;
  incarnationOnReady(worker: Incarnation, readiness: Readiness): void;
  /** It should be recycled. */
  incarnationOnWorn(worker: Incarnation, why: string): void;
  /** An error in it was not caught. */
  incarnationOnFault(worker: Incarnation): void;
  /** Uncaught errors follow one another in it: it is to be killed. */
  incarnationOnStorm(worker: Incarnation): void;
  /** Its program listens for these signals. */
  incarnationOnSignals(names: readonly NodeJS.Signals[]): void;
  /** Its program listens in one more place. */
  incarnationOnAsks(worker: Incarnation, place: number, asked: Asked): void;
  incarnationOnLog(level: 'error' | 'info', text: string): void;
  /** It was told to end, and has not. */
  incarnationOnZombie(worker: Incarnation): void;
  /** Its thread has ended. `why`: what Node says of it, for a log line. */
  incarnationOnExit(worker: Incarnation, code: number, why: string): void;
}

/** What every incarnation is given besides its own rings and ports. */
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
  /** Its rings and its output. */
  readonly memory: WorkerMemory;
  readonly output: TextTail;
  readonly task: CommonTask;
  readonly owner: IncarnationOwner;
}

export class Incarnation implements Threaded, PortWorker {
  readonly slot: number;
  /** Which of the server's workers it is. */
  readonly index: number;
  readonly memory: WorkerMemory;
  /** What it printed last. */
  readonly output: TextTail;
  /** What it runs. */
  readonly task: CommonTask;
  thread: Worker | undefined;
  threadId = 0;
  /** When it began to serve, ms; 0: it does not yet. */
  readyAt = 0;
  /** It was told to end, or killed: its exit needs no replacement of its own. */
  leaving = false;
  /** It is being terminated. */
  terminating = false;
  /** It is to be recycled when its turn comes. */
  recycling = false;
  /** Its replacement is on its way. */
  replaced = false;
  killed = false;
  /** Its thread was seen to end: nothing writes its memory any more. */
  hasExited = false;
  /** It was told to end long ago, and has not. */
  isZombie = false;
  /** Resolves when its thread has ended, or is a zombie. */
  readonly gone: Promise<void>;
  readonly #owner: IncarnationOwner;
  readonly #control: MessagePort;
  readonly #kill: AbortController = new AbortController();
  #settle!: (error?: Error) => void;
  #go!: () => void;
  #exitCode: number | undefined;
  /** What its program listens for. */
  #signals: readonly NodeJS.Signals[] = [];
  /** It has the caller's thread. */
  #isHere = false;
  /** Its task is over. */
  #isOver = false;
  /** Ends its boot, its lifetime, or when it is told to end, its grace. */
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

  /** It has a thread, or waits for one. */
  get needsThread(): boolean {
    return !this.#isOver && !this.#kill.signal.aborted;
  }

  /** Resolves when it serves; rejects when its application did not load. `threads` null: in the caller's. */
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

  /** It gets no thread. */
  noThread(error: NoThreadError): void {
    this.leaving = true;
    this.#notStarted(error);
    this.#release();
  }

  /** The server listens there. */
  tellAddress(place: number, address: AddressInfo): void {
    this.#tell({ type: 'listening', place, address });
  }

  /** The server cannot listen there. */
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

  /** Tells it to finish what it runs and end; it is killed when that takes longer than `grace`. */
  close(reason: ShutdownReason, grace: number): void {
    if (this.killed) return;
    this.leaving = true;
    this.#tell({ type: 'close', reason });
    this.after(grace, () => this.kill());
  }

  /** The server has been told to stop. */
  stopping(): void {
    this.#tell({ type: 'stopping' });
  }

  /** Passes a signal on. False: its program does not listen for it. */
  signal(name: NodeJS.Signals): boolean {
    if (!this.#signals.includes(name)) return false;
    this.#tell({ type: 'signal', name });
    return true;
  }

  /** Connections that its application has taken over shall end. */
  drain(): void {
    this.#tell({ type: 'drain' });
  }

  kill(): void {
    if (this.killed) return;
    this.killed = true;
    // What runs in the caller's thread cannot be ended, and nobody waits for it.
    if (this.#isHere) this.#go();
    this.#stop();
  }

  /** One thing at a time ends an incarnation: this takes the place of what was to. */
  after(milliseconds: number, end: () => void): void {
    clearTimeout(this.#timer);
    this.#timer = setTimeout(end, milliseconds);
    this.#timer.unref();
  }

  async #run(threads: Threads | null, task: WorkerTask): Promise<void> {
    if (threads === null) {
      const { default: work } = (await import(WORKER_URL.href)) as { default: typeof runWorker };
      // What it said last arrives before its port closes, and after its promise is settled.
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
        // One that was told to end meanwhile takes no request, and keeps the timer of its grace.
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
   * It has done all it will do. Its task never ends by itself: piscina would take the thread for idle, and could give it
   * to another incarnation before it has ended.
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
    const text = `The application did not load within ${bootTimeout / 1000} s: raise --boot-timeout, or look for an import that waits`;
    this.#settle(new OptionError('TSGI_ERR_BOOT_TIMEOUT', text));
  }

  #notStarted(error: Error | undefined): void {
    const isNone = error instanceof NoThreadError;
    const text = isNone
      ? error.message
      : `The worker ended while it loaded the application: ${error?.message}`;
    this.#settle(loadError('TSGI_ERR_APP_LOAD', text, error?.stack ?? text));
  }

  /** The task is over; the thread may not be. */
  #onEnd(code: number, error?: Error): void {
    this.#isOver = true;
    if (!this.ready) this.#notStarted(error);
    // A full heap, above all. That piscina's task ended is no news.
    const why = error !== undefined && 'code' in error ? ` (${error.message})` : '';
    const { thread } = this;
    if (thread === undefined || this.hasExited) return this.#onExit(this.#exitCode ?? code, why);
    thread.once('exit', () => this.#onExit(this.#exitCode ?? code, why));
    // Most have ended by then, or are about to. One whose task has failed piscina would take for idle.
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
  // A module that was loaded before the application has named itself.
  const text = code === 'TSGI_ERR_APP_LOAD' ? message : `The application threw while it loaded: ${message}`;
  const error = new OptionError('TSGI_ERR_APP_LOAD', text);
  error.stack = stack;
  return error;
}

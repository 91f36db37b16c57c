/**
 * Whether an application that loads still has something to wait for.
 *
 * Law: knows the event loop of this thread, and nothing of applications. Plain Node ends a program when nothing keeps its
 * event loop alive; here the same moment is an event (`drained`), because the thread itself goes on.
 *
 * In a thread of its own the worker unrefs all ports that are there before the application is loaded: ours and piscina's.
 * Then Node emits `beforeExit` exactly when it would end the program, whatever the program waits for: a timer, a socket,
 * the thread pool (crypto, zlib, fs, dns), another thread. The caller's own thread (`--threads 0`) has an event loop that
 * others keep alive, so there the resources that Node lists are counted, and the jobs that it does not list.
 */
import { type AsyncHook, createHook } from 'node:async_hooks';
import { MessagePort } from 'node:worker_threads';
import { OptionError } from '../../errors.ts';
import { Activity } from '../thread/activity.ts';

export interface LoopWatch {
  /** Resolves when nothing keeps the event loop alive that the application has begun. May be called again. */
  drained(): Promise<void>;
  /**
   * Resolves when nothing keeps it alive and nothing waits for `drained`: what the application awaits never comes. In the
   * caller's own thread other code may bring it, so there this resolves only if the process has no other work.
   */
  readonly stuck: Promise<void>;
  /** The server owes the application an answer: until `release` the event loop counts as alive. */
  hold(): void;
  release(): void;
  /** The application is loaded. */
  stop(): void;
}

/**
 * @param control kept alive again when the watch stops; null in the caller's own thread
 * @param ownsProcess the process has no other work than this server
 */
export function watchLoop(control: MessagePort | null, ownsProcess: boolean): LoopWatch {
  return control === null ? new CallersLoop(ownsProcess) : new OwnLoop(control);
}

export function stuckError(): OptionError {
  return new OptionError(
    'TSGI_ERR_APP_LOAD',
    'The application does not start: it awaits something that nothing will settle (Node ends such a program with code 13). Look for a promise that is not resolved: at its top level, in its factory, or in its hook init.',
  );
}

class OwnLoop implements LoopWatch {
  readonly stuck: Promise<void>;
  readonly #control: MessagePort;
  #onStuck!: () => void;
  #waiting: (() => void)[] = [];
  #held = 0;
  #stopped = false;

  constructor(control: MessagePort) {
    this.#control = control;
    this.stuck = new Promise((resolve) => {
      this.#onStuck = resolve;
    });
    for (const handle of activeHandles()) if (handle instanceof MessagePort) handle.unref();
    process.on('beforeExit', this.#onBeforeExit);
  }

  drained(): Promise<void> {
    return new Promise((resolve) => this.#waiting.push(resolve));
  }

  hold(): void {
    this.#held += 1;
    this.#control.ref();
  }

  release(): void {
    this.#held -= 1;
    if (this.#held === 0 && !this.#stopped) this.#control.unref();
  }

  stop(): void {
    this.#stopped = true;
    process.off('beforeExit', this.#onBeforeExit);
    this.#control.ref();
  }

  /** What keeps the loop alive here gives those that wait one more turn; without it the thread would end. */
  readonly #onBeforeExit = (): void => {
    const waiting = this.#waiting.splice(0);
    if (waiting.length === 0) {
      this.stop();
      return this.#onStuck();
    }
    setImmediate(() => {});
    for (const resolve of waiting) resolve();
  };
}

/** Without Node's list of handles the loop never drains, and `--boot-timeout` ends a start that leads nowhere. */
function activeHandles(): readonly unknown[] {
  return (process as { _getActiveHandles?: () => unknown[] })._getActiveHandles?.() ?? [];
}

/** Jobs that `process.getActiveResourcesInfo` does not list: a call of the thread pool, a stream of zlib. */
const CALL = /REQUEST$/;
const STREAM = /^(?:ZLIB|BROTLI|ZSTD)/;
/** What others of the process begin and end all the time, so that it cannot be counted. */
const BUSY = new Set(['Timeout', 'MESSAGEPORT']);
/** Ports do not count either: a program that has no others than `other-ports.ts` knows is found out. */
const PORTS = ['TCPServerWrap', 'PipeServerWrap', 'UDPWrap'];
const UNCOUNTED: ReadonlySet<string> = new Set(['Immediate', 'Timeout', 'MessagePort', ...PORTS]);

interface Reffed {
  hasRef?(): boolean;
}

/**
 * How long nothing may go on in a shared thread until what the application awaits is given up, ms. It is longer than what
 * Node does not list may take, above all the compilation of a file by a hook in another thread.
 */
const STUCK_MS = 2000;

class CallersLoop implements LoopWatch {
  readonly stuck: Promise<void>;
  readonly #activity: Activity = new Activity(UNCOUNTED);
  /** By asynchronous id; null for what keeps the loop alive until it ends. */
  readonly #begun: Map<number, Reffed | null> = new Map();
  readonly #calls: Set<number> = new Set();
  readonly #hook: AsyncHook;
  #held = 0;
  #waiting = 0;
  #stopped = false;

  constructor(ownsProcess: boolean) {
    this.stuck = new Promise((resolve) => {
      if (ownsProcess) void this.#endsStuck().then((isStuck) => isStuck && resolve());
    });
    this.#hook = createHook({
      init: (id, type, _, resource) => {
        if (CALL.test(type)) this.#calls.add(id);
        else if (STREAM.test(type)) this.#begun.set(id, null);
        else if (BUSY.has(type)) this.#begun.set(id, resource as Reffed);
      },
      after: (id) => this.#calls.delete(id),
      destroy: (id) => this.#begun.delete(id) || this.#calls.delete(id),
    }).enable();
  }

  async drained(): Promise<void> {
    this.#waiting += 1;
    await this.#activity.ended({ busy: () => this.#isBusy });
    this.#waiting -= 1;
  }

  async #endsStuck(): Promise<boolean> {
    await this.#activity.ended({
      enough: () => this.#stopped,
      busy: () => this.#waiting > 0 || this.#isBusy,
      quiet: STUCK_MS,
    });
    return !this.#stopped;
  }

  get #isBusy(): boolean {
    if (this.#held > 0 || this.#calls.size > 0) return true;
    return [...this.#begun.values()].some((resource) => resource?.hasRef?.() !== false);
  }

  hold(): void {
    this.#held += 1;
  }

  release(): void {
    this.#held -= 1;
  }

  stop(): void {
    this.#stopped = true;
    this.#hook.disable();
  }
}

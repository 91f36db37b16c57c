/**
 * Watches whether an application that loads still has something to wait for.
 *
 * Law: knows the event loop of this thread, and nothing of applications. Plain Node ends a program when nothing keeps its event
 * loop alive. Here the same moment is an event (`drained`), because the thread itself goes on.
 *
 * In a thread of its own, the worker unrefs all ports that exist before the application is loaded: its own and piscina's. Node
 * then emits `beforeExit` exactly when it would end the program. This covers everything that the program may wait for: a timer,
 * a socket, the thread pool (crypto, zlib, fs, dns), another thread.
 *
 * In the caller's own thread (`--threads 0`), other code keeps the event loop alive. There the watch counts the resources that
 * Node lists, and the jobs that Node does not list.
 */
import { type AsyncHook, createHook } from 'node:async_hooks';
import { MessagePort } from 'node:worker_threads';
import { OptionError } from '../../errors.ts';
import { Activity } from '../thread/activity.ts';

export interface LoopWatch {
  /** Resolves when nothing that the application has begun keeps the event loop alive. May be called again. */
  drained(): Promise<void>;
  /**
   * Resolves when nothing keeps the loop alive and nothing waits for `drained`: the application awaits something that never
   * settles. In the caller's own thread other code may settle it, so there this resolves only if the process has no other work.
   */
  readonly stuck: Promise<void>;
  /** The server owes the application a reply: until `release`, the event loop counts as alive. */
  hold(): void;
  release(): void;
  /** The application is loaded. */
  stop(): void;
}

/**
 * @param control ref'd again when the watch stops; null in the caller's own thread
 * @param ownsProcess true if the process has no other work than this server
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

  /** The immediate keeps the loop alive for one more turn, in which waiting code can go on. Without it the thread would end. */
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

/** Without Node's list of handles the loop never drains. `--boot-timeout` then ends a start that leads nowhere. */
function activeHandles(): readonly unknown[] {
  return (process as { _getActiveHandles?: () => unknown[] })._getActiveHandles?.() ?? [];
}

/** Jobs that `process.getActiveResourcesInfo` does not list: a call of the thread pool, a stream of zlib. */
const CALL = /REQUEST$/;
const STREAM = /^(?:ZLIB|BROTLI|ZSTD)/;
/** Kinds of resources that other code in the process begins and ends all the time, so that counts of them mean nothing. */
const BUSY = new Set(['Timeout', 'MESSAGEPORT']);
/** Ports do not count either. Otherwise a program that has only ports for `other-ports.ts` would never be noticed. */
const PORTS = ['TCPServerWrap', 'PipeServerWrap', 'UDPWrap'];
const UNCOUNTED: ReadonlySet<string> = new Set(['Immediate', 'Timeout', 'MessagePort', ...PORTS]);

interface Reffed {
  hasRef?(): boolean;
}

/**
 * Milliseconds without activity in a shared thread after which the start fails. They exceed any work that Node does not list,
 * such as the compilation of a file by a hook in another thread.
 */
const STUCK_MS = 2000;

class CallersLoop implements LoopWatch {
  readonly stuck: Promise<void>;
  readonly #activity: Activity = new Activity(UNCOUNTED);
  /** By asynchronous id; null for a resource that keeps the loop alive until it ends. */
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

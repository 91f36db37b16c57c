/**
 * What a worker thread runs: one endless task, from loading the application to the last exchange.
 *
 * Law: the file that piscina imports, and that `--threads 0` calls in its own thread; it must not care which. Speaks
 * with the pool over `control` (`messages.ts`), and with nobody else.
 */
import { threadId } from 'node:worker_threads';
import type { WorkerHandle } from '../hooks.ts';
import { TextTail } from '../ring/text-tail.ts';
import { LineErrors } from '../tsgi/error-stream.ts';
import { validator } from '../tsgi/validate.ts';
import { Activity } from './activity.ts';
import { untilProven } from './ambiguous.ts';
import type { Detected } from './detect.ts';
import { Gateway } from './gateway.ts';
import { workerHandle } from './handle.ts';
import { loadImports } from './imports.ts';
import type { Interface } from './interface.ts';
import { Link } from './link.ts';
import { type Loaded, loadApplication } from './load.ts';
import { loadFailure } from './load-failure.ts';
import { WorkerLoop } from './loop.ts';
import { watchMemory } from './memory-watch.ts';
import type { FromWorker, ToWorker, WorkerTask } from './messages.ts';
import { FetchInterface } from './node/fetch-interface.ts';
import { NodeInterface } from './node/node-interface.ts';
import { problemPage } from './problem-page.ts';
import { Program } from './program.ts';
import { takeStdio } from './stdio.ts';
import { sayGoodbye, surround } from './surroundings.ts';
import { TsgiInterface } from './tsgi-interface.ts';

type Say = (message: FromWorker) => void;
type Close = Extract<ToWorker, { type: 'close' }>;

/** In the caller's own thread: resolves when the pool has closed this worker and its last exchange is over. */
export default async function work(task: WorkerTask): Promise<void> {
  const { control, output } = task;
  const say: Say = (message) => control.postMessage(message);
  if (output !== null) takeStdio(new TextTail(output));
  say({ type: 'started', threadId });
  say(await new Life(task, say).run());
  // In a thread of its own it stays until the pool ends the thread; see `pool/incarnation.ts`.
  if (output !== null) await new Promise(() => {});
  control.close();
}

class Life {
  readonly #task: WorkerTask;
  readonly #isOwnThread: boolean;
  readonly #say: Say;
  readonly #program: Program;
  readonly #handle: WorkerHandle;
  /** What goes on in the thread without the application. */
  readonly #before: Activity = new Activity();
  #gateway: Gateway | null = null;
  #closing = false;

  constructor(task: WorkerTask, say: Say) {
    this.#task = task;
    this.#isOwnThread = task.output !== null;
    this.#say = say;
    this.#program = new Program({
      idle: async () => this.#gateway?.idle(),
      programOnClose: () => this.#closing || this.#recycle('its program has closed its server'),
    });
    if (task.address !== null) this.#program.bound(task.address);
    this.#handle = workerHandle({
      index: task.index,
      threads: task.threads,
      hasDeadlines: task.handlerTimeout > 0,
      recycle: this.#recycle,
      extendDeadline: (id, milliseconds) => this.#gateway?.extendDeadline(id, milliseconds),
    });
  }

  /** Resolves with what is to be said at the end. */
  async run(): Promise<FromWorker> {
    const closed = this.#hear();
    let loaded: Loaded;
    try {
      loaded = await load(this.#task, this.#program);
      await loaded.hooks.init?.(this.#handle);
    } catch (error) {
      return loadFailure(error);
    }
    const { interface: name, why } = loaded.detected;
    const loop = new WorkerLoop(new Link(this.#task), { ...this.#task, apart: this.#isOwnThread });
    const called = callThrough(loaded.detected, loop, this.#handle, this.#task, this.#say);
    const gateway = this.#open(loop, called);
    this.#say({ type: 'ready', interface: name, why, asked: this.#program.asked });
    const { reason } = await closed;
    this.#closing = true;
    await gateway.idle();
    await called.settled?.();
    try {
      await loaded.hooks.shutdown?.(reason);
      if (this.#isOwnThread) await sayGoodbye(this.#before);
    } catch (error) {
      this.#report(`The hook shutdown failed: ${loadFailure(error).stack}`);
    }
    loop.stop();
    return { type: 'closed' };
  }

  /** Resolves when the pool says "close". */
  #hear(): Promise<Close> {
    return new Promise((resolve) =>
      this.#task.control.on('message', (message: ToWorker) => {
        if (message.type === 'close') resolve(message);
        else this.#program.bound(message.address);
      }),
    );
  }

  /** From here on it claims requests. */
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
    // A thread that belongs to somebody else is theirs to watch.
    if (this.#isOwnThread) gateway.watchFaults(() => this.#say({ type: 'fault' }));
    watchMemory(this.#task.maxWorkerMemory, (bytes) =>
      this.#recycle(`its ${Math.round(bytes / 1e6)} MB are above maxWorkerMemory`),
    );
    loop.start(gateway);
    return gateway;
  }

  readonly #recycle = (why: string): void => this.#say({ type: 'worn', why });

  readonly #report = (text: string): void => this.#say({ type: 'log', level: 'error', text });
}

async function load(task: WorkerTask, program: Program): Promise<Loaded> {
  const { application, problem } = task;
  process.env.TSGI_WORKER_INDEX = String(task.index);
  if (problem !== '') return asTsgi(problemPage(problem));
  process.setSourceMapsEnabled(true);
  if (task.output !== null) surround(task);
  await loadImports(task.imports);
  if (typeof application === 'function') return asTsgi(application);
  program.arm();
  const loaded = await loadApplication({ ...task, url: application, program });
  // In a thread of somebody else's, later servers are theirs.
  if (task.output === null) program.disarm();
  return loaded;
}

function asTsgi(application: Exclude<WorkerTask['application'], string>): Loaded {
  return { detected: { interface: 'tsgi', application, why: 'it is a function' }, hooks: {} };
}

function callThrough(
  detected: Detected,
  loop: WorkerLoop,
  worker: WorkerHandle,
  task: WorkerTask,
  say: Say,
): Interface {
  const { context, handlerTimeout } = task;
  const { requestIdPrefix } = context;
  switch (detected.interface) {
    case 'node':
      return new NodeInterface(loop, { application: detected.application, requestIdPrefix });
    case 'fetch':
      return new FetchInterface(loop, {
        application: detected.application,
        requestIdPrefix,
        report: (text) => say({ type: 'log', level: 'error', text }),
      });
    case 'tsgi': {
      const checked = task.validate ? validator(detected.application) : detected.application;
      return new TsgiInterface(loop, {
        application: task.interface === 'auto' && !task.validate ? untilProven(checked) : checked,
        context,
        errors: new LineErrors((text) => say({ type: 'log', level: 'info', text })),
        handlerTimeout,
        worker,
      });
    }
  }
}

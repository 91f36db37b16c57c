/**
 * What a worker thread runs: one endless task, from loading the application to the last exchange.
 *
 * Law: the file that piscina imports, and that `--threads 0` calls in its own thread; it must not care which. Speaks
 * with the pool over `control` in the messages below, and with nobody else.
 */
import { type MessagePort, threadId } from 'node:worker_threads';
import type { ShutdownReason } from '../hooks.ts';
import { LineErrors } from '../tsgi/error-stream.ts';
import type { Application } from '../tsgi/types.ts';
import { validator } from '../tsgi/validate.ts';
import { TextTail } from '../ring/text-tail.ts';
import type { EnvironContext } from './environ.ts';
import { Gateway } from './gateway.ts';
import { Link, type LinkTask } from './link.ts';
import { workerHandle } from './handle.ts';
import { type ImportedModule, loadImports } from './imports.ts';
import { type Loaded, loadApplication } from './load.ts';
import { problemPage } from './problem-page.ts';
import { watchMemory } from './memory-watch.ts';
import { takeStdio } from './stdio.ts';
import { type LoopLimits, WorkerLoop } from './loop.ts';
import { TsgiInterface } from './tsgi-interface.ts';

export interface WorkerTask extends LinkTask, Omit<LoopLimits, 'apart'> {
  readonly control: MessagePort;
  /** A file: URL, or in the caller's own thread the function itself. */
  readonly application: string | Application;
  readonly exportName: string;
  /** Absolute path of the application's source; '' for none. */
  readonly source: string;
  /** How the application is called. */
  readonly interface: 'auto' | 'tsgi' | 'fetch' | 'node';
  /** What a program finds in process.argv behind its own path. */
  readonly args: readonly string[];
  /** Loaded before the application. */
  readonly imports: readonly ImportedModule[];
  /** What is wrong with the application, to be shown in its place; ''. */
  readonly problem: string;
  readonly context: EnvironContext;
  readonly handlerTimeout: number;
  /** Hold the application to the rules of TSGI. */
  readonly validate: boolean;
  /** Workers that the server keeps. */
  readonly threads: number;
  /** Where what is printed is remembered; null in the caller's own thread. */
  readonly output: SharedArrayBuffer | null;
  /** Bytes of heap and external memory; 0: any. */
  readonly maxWorkerMemory: number;
}

/** What a worker says to the pool. */
export type FromWorker =
  | { readonly type: 'started'; readonly threadId: number }
  | { readonly type: 'ready' }
  | { readonly type: 'fault' }
  | { readonly type: 'worn'; readonly why: string }
  /** It has done all it will do. */
  | { readonly type: 'closed' }
  | { readonly type: 'failed'; readonly code: string; readonly message: string; readonly stack: string }
  | { readonly type: 'log'; readonly level: 'error' | 'info'; readonly text: string };

/** What the pool says to a worker. */
export type ToWorker = { readonly type: 'close'; readonly reason: ShutdownReason };

/** In the caller's own thread: resolves when the pool has closed this worker and its last exchange is over. */
export default async function work(task: WorkerTask): Promise<void> {
  const { control } = task;
  const say = (message: FromWorker) => control.postMessage(message);
  if (task.output !== null) takeStdio(new TextTail(task.output));
  say({ type: 'started', threadId });
  // In a thread of its own it stays until the pool ends the thread; see `pool/incarnation.ts`.
  const ended = async (message: FromWorker) => {
    say(message);
    if (task.output !== null) await new Promise(() => {});
    control.close();
  };
  const closed = new Promise<ToWorker>((resolve) => control.once('message', resolve));
  let loaded: Loaded;
  let gateway: Gateway | null = null;
  const recycle = (why: string) => say({ type: 'worn', why });
  const handle = workerHandle({
    id: task.slot,
    threads: task.threads,
    hasDeadlines: task.handlerTimeout > 0,
    recycle,
    extendDeadline: (id, milliseconds) => gateway?.extendDeadline(id, milliseconds) ?? false,
  });
  try {
    loaded = await load(task);
    await loaded.hooks.init?.(handle);
  } catch (error) {
    return ended(failure(error));
  }
  const loop = new WorkerLoop(new Link(task), { ...task, apart: task.context.blockingInput });
  gateway = new Gateway(loop, {
    interface: new TsgiInterface(loop, {
      application: task.validate ? validator(loaded.application) : loaded.application,
      context: task.context,
      errors: new LineErrors((text) => say({ type: 'log', level: 'info', text })),
      handlerTimeout: task.handlerTimeout,
      worker: handle,
    }),
    blockingInput: task.context.blockingInput,
    report: (text) => say({ type: 'log', level: 'error', text }),
    mostLate: task.concurrency,
    onWorn: recycle,
  });
  // A thread that belongs to somebody else is theirs to watch.
  if (task.context.blockingInput) gateway.watchFaults(() => say({ type: 'fault' }));
  watchMemory(task.maxWorkerMemory, (bytes) =>
    recycle(`its ${Math.round(bytes / 1e6)} MB are above maxWorkerMemory`),
  );
  loop.start(gateway);
  say({ type: 'ready' });
  const { reason } = await closed;
  await gateway.idle();
  try {
    await loaded.hooks.shutdown?.(reason);
  } catch (error) {
    say({ type: 'log', level: 'error', text: `The hook shutdown failed: ${failure(error).stack}` });
  }
  loop.stop();
  await ended({ type: 'closed' });
}

async function load(task: WorkerTask): Promise<Loaded> {
  if (task.problem !== '') return { application: problemPage(task.problem), hooks: {} };
  if (task.source !== '') process.setSourceMapsEnabled(true);
  await loadImports(task.imports);
  if (typeof task.application === 'function') return { application: task.application, hooks: {} };
  return loadApplication(task.application, task.exportName);
}

function failure(error: unknown): FromWorker & { readonly stack: string } {
  const isError = error instanceof Error;
  const code = isError && 'code' in error ? String(error.code) : '';
  const message = isError ? error.message : String(error);
  return { type: 'failed', code, message, stack: isError ? (error.stack ?? message) : message };
}

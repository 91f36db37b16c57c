/**
 * Threads and processes that the application starts from TypeScript: `new Worker(new URL('./w.ts', import.meta.url))`,
 * `fork('./job.ts')`.
 *
 * Law: replaces `Worker` and `fork` in this thread. They start the compiled file, and code there can load TypeScript as in this
 * thread.
 */
import childProcess, { type ChildProcess, type ForkOptions } from 'node:child_process';
import { syncBuiltinESMExports } from 'node:module';
import path from 'node:path';
import { fileURLToPath } from 'node:url';
import workerThreads, { Worker, type WorkerOptions } from 'node:worker_threads';
import type { RuntimeData } from './data.ts';
import { findSource } from './find.ts';
import type { Sources } from './sources.ts';

export function hookThreads(sources: Sources, data: RuntimeData): void {
  const url = new URL('./started-thread.js', import.meta.url);
  url.searchParams.set('data', JSON.stringify(data));
  const imports = ['--import', url.href];
  const { fork } = childProcess;

  /** Returns the compiled file to start, if there is one. */
  const started = <Name>(name: Name): Name | string => {
    const file = name instanceof URL ? fileURLToPath(name) : name;
    if (typeof file !== 'string') return name;
    const source = findSource(path.resolve(file), '', sources.exists);
    return (source === undefined ? undefined : sources.compiledOf(source)) ?? name;
  };

  workerThreads.Worker = new Proxy(Worker, {
    construct(target, [name, options = {}]: [string | URL, WorkerOptions?], newTarget: typeof Worker) {
      const file = options.eval === true ? name : started(name);
      const make = (execArgv: readonly string[]) =>
        Reflect.construct(
          target,
          [file, { ...options, execArgv: [...execArgv, ...imports] }],
          newTarget,
        ) as Worker;
      return withAllowed(options.execArgv ?? process.execArgv, make);
    },
  });
  childProcess.fork = ((modulePath: string | URL, ...rest: unknown[]): ChildProcess => {
    const args = Array.isArray(rest[0]) ? (rest.shift() as string[]) : [];
    const options = (rest.find((value) => typeof value === 'object' && value !== null) ?? {}) as ForkOptions;
    const execArgv = [...(options.execArgv ?? process.execArgv), ...imports];
    return fork(started(modulePath), args, { ...options, execArgv });
  }) as typeof fork;
  syncBuiltinESMExports();
}

/** A worker inherits the flags of the process without a check, but Node rejects some of them in `execArgv`. */
function withAllowed(execArgv: readonly string[], make: (execArgv: readonly string[]) => Worker): Worker {
  try {
    return make(execArgv);
  } catch (error) {
    const { code, message } = error as NodeJS.ErrnoException;
    if (code !== 'ERR_WORKER_INVALID_EXEC_ARGV') throw error;
    return make(execArgv.filter((flag) => !message.includes(flag)));
  }
}

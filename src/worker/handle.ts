/**
 * What an application may ask of its worker: `init` is given it, every environ carries it.
 *
 * Law: checks what the application gives; the gateway and the worker's task do what is asked.
 */
import { OptionError } from '../errors.ts';
import type { WorkerHandle } from '../hooks.ts';
import type { Environ } from '../tsgi/types.ts';

/** Who does what is asked. */
export interface HandleOwner {
  readonly index: number;
  readonly threads: number;
  recycle(why: string): void;
  /** False: no such request runs here any more. */
  extendDeadline(requestId: string, milliseconds: number): boolean;
  /** Whether handlers have a deadline at all. */
  readonly hasDeadlines: boolean;
}

export function workerHandle(owner: HandleOwner): WorkerHandle {
  return {
    index: owner.index,
    threads: owner.threads,
    recycle: (why = 'the application asked for it') => owner.recycle(why),
    extendDeadline: (environ, milliseconds) => extend(owner, environ, milliseconds),
  };
}

function extend(owner: HandleOwner, environ: Environ, milliseconds: number): number | undefined {
  if (!Number.isSafeInteger(milliseconds) || milliseconds < 0 || milliseconds >= 2 ** 31) {
    throw new OptionError(
      'TSGI_ERR_OPTION',
      `Cannot extend the deadline by ${String(milliseconds)}: it takes a whole number of milliseconds, 0 or more`,
    );
  }
  if (!owner.hasDeadlines) return undefined;
  if (!owner.extendDeadline(environ['tsgi.request_id'], milliseconds)) {
    throw new OptionError('TSGI_ERR_STATE', 'Cannot extend the deadline: the request is over');
  }
  const deadline = Math.max(environ['tsgi.deadline'] ?? 0, Date.now() + milliseconds);
  environ['tsgi.deadline'] = deadline;
  return deadline;
}

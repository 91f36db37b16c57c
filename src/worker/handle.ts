/**
 * The functions of a worker that its application may call. The hook `init` receives the handle, and every environ carries it.
 *
 * Law: checks the application's arguments. The gateway and the worker's task do the work.
 */
import { OptionError } from '../errors.ts';
import type { AnyRequest, WorkerHandle } from '../hooks.ts';
import { requestIdOf } from './request-id.ts';

/** Does the work of the handle. */
export interface HandleOwner {
  readonly index: number;
  readonly threads: number;
  recycle(why: string): void;
  /** Returns the new deadline in ms since the epoch, or undefined if this worker does not run such a request any more. */
  extendDeadline(requestId: string, milliseconds: number): number | undefined;
  /** True if handlers have a deadline at all. */
  readonly hasDeadlines: boolean;
}

export function workerHandle(owner: HandleOwner): WorkerHandle {
  return {
    index: owner.index,
    threads: owner.threads,
    recycle: (why = 'the application asked for it') => owner.recycle(why),
    extendDeadline: (request, milliseconds) => extend(owner, request, milliseconds),
  };
}

function extend(owner: HandleOwner, request: AnyRequest, milliseconds: number): number | undefined {
  if (!Number.isSafeInteger(milliseconds) || milliseconds < 0 || milliseconds >= 2 ** 31) {
    throw new OptionError(
      'TSGI_ERR_OPTION',
      `Cannot extend the deadline by ${String(milliseconds)}: pass a whole number of milliseconds, 0 or more`,
    );
  }
  const id = requestIdOf(request);
  if (id === undefined) {
    throw new OptionError(
      'TSGI_ERR_OPTION',
      'Cannot extend the deadline: the first argument is no request of this worker. Pass the environ, IncomingMessage or Request that the application was called with.',
    );
  }
  if (!owner.hasDeadlines) return undefined;
  const deadline = owner.extendDeadline(id, milliseconds);
  if (deadline === undefined) {
    throw new OptionError('TSGI_ERR_STATE', 'Cannot extend the deadline: the request is over');
  }
  if ('tsgi.deadline' in request) request['tsgi.deadline'] = deadline;
  return deadline;
}

/**
 * Keeps an application that replaces `Array.prototype.pop` from ending the whole process.
 *
 * Law: the only file that touches Node's internal binding of async hooks. Only for threads of the server.
 *
 * Node keeps the resources of its asynchronous context in a JavaScript array, and removes them with that array's `pop`. If the
 * application has changed the prototype, Node calls the application's method. If that method throws, Node finds its stack
 * corrupted and exits the process, from whatever thread it is in. With an own method, the array does not use the prototype. If
 * a later Node has no such array, this file changes nothing.
 */

interface AsyncWrap {
  readonly execution_async_resources?: unknown;
}

/** Called once, before the application is loaded. */
export function protectAsyncStack(): void {
  const resources = asyncWrap()?.execution_async_resources;
  if (!Array.isArray(resources)) return;
  Object.defineProperty(resources, 'pop', { value: Array.prototype.pop });
}

function asyncWrap(): AsyncWrap | undefined {
  const { binding, noDeprecation = false } = process as NodeJS.Process & {
    binding?: (name: string) => AsyncWrap;
    noDeprecation?: boolean;
  };
  try {
    // The warning is for users, who cannot do anything about it.
    Object.assign(process, { noDeprecation: true });
    return binding?.call(process, 'async_wrap');
  } catch {
    return undefined;
  } finally {
    Object.assign(process, { noDeprecation });
  }
}

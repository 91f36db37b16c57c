/**
 * Bodies as `validate.ts` passes them on: the same chunks, one by one as the server pulls them, and one close.
 *
 * Law: passes on values; the watch checks them.
 */
import { bodyError, isThenable } from './check-answer.ts';
import { show, TsgiRuleError } from './rule-errors.ts';
import type { FileBody } from './file-body.ts';
import type { Body, BodyChunk } from './types.ts';

/** Receives the events of a body. */
export interface BodyWatch {
  /** The server pulls a chunk. */
  stepping(): void;
  stepped(result: IteratorResult<BodyChunk>): void;
  /** The body threw an error. Returns the error to throw. */
  failed(error: unknown): unknown;
  /** The body was closed without an error. */
  closed(): void;
  over(): void;
}

interface Closable {
  close?: () => unknown;
}

/** Makes the `close` that the server calls: once, and the watch ends when it is over. */
function closing(watch: BodyWatch, close: () => unknown): () => unknown {
  let isClosed = false;
  return () => {
    if (isClosed) throw new TsgiRuleError('S28', 'close must be called once');
    isClosed = true;
    const fails = (error: unknown): never => {
      watch.over();
      throw error;
    };
    try {
      const result = close();
      return isThenable(result) ? result.then(() => watch.closed(), fails) : watch.closed();
    } catch (error) {
      return fails(error);
    }
  };
}

/** A server recognizes its own file by identity, so the same object is returned. */
export function watchFile(watch: BodyWatch, file: FileBody): Body {
  file.close = closing(watch, file.close.bind(file));
  return file;
}

/** Returns an array, because the server may use its length. */
export function watchArray(watch: BodyWatch, body: BodyChunk[]): Body {
  const copy = [...body];
  const close = closing(watch, () => {
    const same = body.length === copy.length && copy.every((chunk, i) => chunk === body[i]);
    if (!same) throw new TsgiRuleError('A12', 'An array must not be changed after it was returned');
    return (body as Closable).close?.();
  });
  return Object.assign([...copy], { close });
}

/** @throws TsgiRuleError A11 for an object that is not iterable */
export function watchBody(watch: BodyWatch, body: object): Body {
  const { [Symbol.asyncIterator]: asynchronous } = body as Partial<AsyncIterable<BodyChunk>>;
  if (typeof asynchronous === 'function') {
    return new AsyncWatchedBody(watch, body, () => iteratorOf(asynchronous.call(body), body));
  }
  const { [Symbol.iterator]: synchronous } = body as Partial<Iterable<BodyChunk>>;
  if (typeof synchronous !== 'function') throw bodyError(body);
  return new WatchedBody(watch, body, () => iteratorOf(synchronous.call(body), body));
}

function iteratorOf<T extends { next: unknown }>(iterator: T, body: object): T {
  if (typeof (iterator as T | undefined)?.next === 'function') return iterator;
  throw new TsgiRuleError(
    'A11',
    `The iterator of a body must have next(): ${show(iterator)} of ${show(body)}`,
  );
}

/** The operations of a server on a body: step until the end, return, close once. */
class WatchedIteration {
  readonly close: () => unknown;
  readonly #watch: BodyWatch;
  #closed = false;

  constructor(watch: BodyWatch, body: object) {
    this.#watch = watch;
    const close = closing(watch, () => (body as Closable).close?.());
    this.close = () => {
      this.#closed = true;
      return close();
    };
  }

  protected stepping(): void {
    if (this.#closed) throw new TsgiRuleError('S28', 'The body must not be iterated after close');
    this.#watch.stepping();
  }

  protected stepped(result: IteratorResult<BodyChunk>): IteratorResult<BodyChunk> {
    this.#watch.stepped(result);
    return result;
  }

  protected failed(error: unknown): unknown {
    return this.#watch.failed(error);
  }
}

class WatchedBody extends WatchedIteration implements Iterable<BodyChunk> {
  readonly #begin: () => Iterator<BodyChunk>;

  constructor(watch: BodyWatch, body: object, begin: () => Iterator<BodyChunk>) {
    super(watch, body);
    this.#begin = begin;
  }

  [Symbol.iterator](): Iterator<BodyChunk> {
    const iterator = this.#begin();
    return {
      next: () => {
        this.stepping();
        let result: IteratorResult<BodyChunk>;
        try {
          result = iterator.next();
        } catch (error) {
          throw this.failed(error);
        }
        return this.stepped(result);
      },
      return: () => iterator.return?.() ?? { done: true, value: undefined },
    };
  }
}

class AsyncWatchedBody extends WatchedIteration implements AsyncIterable<BodyChunk> {
  readonly #begin: () => AsyncIterator<BodyChunk>;

  constructor(watch: BodyWatch, body: object, begin: () => AsyncIterator<BodyChunk>) {
    super(watch, body);
    this.#begin = begin;
  }

  [Symbol.asyncIterator](): AsyncIterator<BodyChunk> {
    const iterator = this.#begin();
    return {
      next: async () => {
        this.stepping();
        let result: IteratorResult<BodyChunk>;
        try {
          result = await iterator.next();
        } catch (error) {
          throw this.failed(error);
        }
        return this.stepped(result);
      },
      return: async () => (await iterator.return?.()) ?? { done: true, value: undefined },
    };
  }
}

/**
 * Bodies as `validate.ts` hands them on: the same chunks, one by one as the server asks for them, and one close.
 *
 * Law: passes on what there is; what is right of it is judged by the watch.
 */
import { bodyError, isThenable } from './check-answer.ts';
import { show, TsgiRuleError } from './rule-errors.ts';
import type { FileBody } from './file-body.ts';
import type { Body, BodyChunk } from './types.ts';

/** Who is told of a body's life. */
export interface BodyWatch {
  /** A chunk is asked for. */
  stepping(): void;
  stepped(result: IteratorResult<BodyChunk>): void;
  /** Something was thrown; gives what goes on. */
  failed(error: unknown): unknown;
  /** It was closed, and that went well. */
  closed(): void;
  over(): void;
}

interface Closable {
  close?: () => unknown;
}

/** The `close` that a server is given: once, and the end comes when it is over. */
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

/** A server knows its own file by its identity, so that this one stays. */
export function watchFile(watch: BodyWatch, file: FileBody): Body {
  file.close = closing(watch, file.close.bind(file));
  return file;
}

/** Still an array, whose length is the server's to know. */
export function watchArray(watch: BodyWatch, body: BodyChunk[]): Body {
  const copy = [...body];
  const close = closing(watch, () => {
    const same = body.length === copy.length && copy.every((chunk, i) => chunk === body[i]);
    if (!same) throw new TsgiRuleError('A12', 'An array must not be changed after it was returned');
    return (body as Closable).close?.();
  });
  return Object.assign([...copy], { close });
}

/** @throws TsgiRuleError A11 for what is no iterable */
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

/** What the server may do with a body: step until the end, return, close once. */
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

/**
 * A middleware that holds an application, and the server around it, to the rules of TSGI.
 *
 * Law: judges and changes nothing: what passes is what was there. Every violation is a TsgiRuleError with the rule's
 * number, thrown where it happens or at the first moment it can be seen, never by the garbage collector. For
 * development and tests; what every request must pay for is checked by `handler.ts` already.
 */
import { bodyError, checkChunk, checkStatus, copyHeaders, lengthOf } from './check.ts';
import { checkEnviron, reservedKeys } from './check-environ.ts';
import { show, TsgiRuleError } from './errors.ts';
import { FileBody } from './file-body.ts';
import { byteLength } from './text.ts';
import { WatchedErrors, WatchedInput } from './watched-streams.ts';
import type { Application, Body, BodyChunk, Environ, HeaderList, StartResponse, Write } from './types.ts';

/** The application, watched. Use it outermost, or around each application and middleware of its own. */
export function validator(application: Application): Application {
  if (typeof application !== 'function') {
    throw new TsgiRuleError('A1', `An application must be a function: ${show(application)}`);
  }
  return (...args) => {
    const [environ, startResponse] = args as [Environ, StartResponse];
    if (args.length !== 2 || typeof startResponse !== 'function') {
      throw new TsgiRuleError(
        'S19',
        `An application must be called with environ and startResponse: ${args.length}`,
      );
    }
    checkEnviron(environ);
    return new Watch(environ, startResponse).run(application);
  };
}

/** Where a call is. */
const Phase = { CALLED: 0, FIRST_STEP: 1, ITERATED: 2, ENDED: 3 } as const;

/** One call of an application. */
class Watch {
  readonly #environ: Environ;
  readonly #startResponse: StartResponse;
  readonly #reserved: ReadonlySet<string>;
  #phase: number = Phase.CALLED;
  #status = 0;
  /** The application's own list, and what was in it at the call. */
  #headers: HeaderList = [];
  #copy: HeaderList = [];
  #length = -1;
  #sent = 0;
  /** What startResponse rethrew, and the application may not trap. */
  #rethrown: { readonly error: unknown } | undefined;

  constructor(environ: Environ, startResponse: StartResponse) {
    this.#environ = environ;
    this.#startResponse = startResponse;
    this.#reserved = reservedKeys(environ);
  }

  run(application: Application): Body | Promise<Body> {
    const environ = this.#environ;
    environ['tsgi.input'] = new WatchedInput(environ['tsgi.input'], () => this.#requireOpen('tsgi.input'));
    environ['tsgi.errors'] = new WatchedErrors(environ['tsgi.errors'], () =>
      this.#requireOpen('tsgi.errors'),
    );
    let body: Body | Promise<Body>;
    try {
      body = application(environ, this.#start);
    } catch (error) {
      this.#phase = Phase.ENDED;
      throw error;
    }
    return isThenable(body) ? this.#settled(body) : this.#body(body);
  }

  async #settled(promise: PromiseLike<Body>): Promise<Body> {
    try {
      return this.#body(await promise);
    } catch (error) {
      this.#phase = Phase.ENDED;
      throw error;
    }
  }

  // what the application calls

  readonly #start = (...args: Parameters<StartResponse>): Write => {
    const [status, headers, error] = args;
    if (this.#phase > Phase.FIRST_STEP && (error === undefined || this.#phase === Phase.ENDED)) {
      throw new TsgiRuleError(
        'A10',
        `startResponse must be called before the application settles${this.#request}`,
      );
    }
    if (args.length < 2 || args.length > 3) {
      throw new TsgiRuleError(
        'A4',
        `startResponse must be called with a status, headers and perhaps an error`,
      );
    }
    checkStatus(status);
    const copy = copyHeaders(headers);
    const length = lengthOf(copy);
    const write = this.#passStart(status, headers, error);
    this.#status = status;
    this.#headers = headers;
    this.#copy = copy;
    this.#length = length;
    return (chunk) => this.#write(write, chunk);
  };

  #passStart(status: number, headers: HeaderList, error: unknown): Write {
    try {
      const write = this.#startResponse(status, headers, ...(error === undefined ? [] : [error]));
      if (typeof write !== 'function') {
        throw new TsgiRuleError('S20', `startResponse must return write: ${show(write)}`);
      }
      return write;
    } catch (thrown) {
      if (error !== undefined && thrown === error) this.#rethrown = { error };
      throw thrown;
    }
  }

  #write(write: Write, chunk: BodyChunk): Promise<void> {
    if (this.#phase !== Phase.CALLED) {
      throw new TsgiRuleError('A14', `write must be called before the body is iterated${this.#request}`);
    }
    this.#checkChunk(chunk);
    return write(chunk);
  }

  // what it returns

  #body(body: Body): Body {
    this.#requireNotTrapped();
    if (typeof body === 'string' || body instanceof Uint8Array) {
      this.#checkChunk(body);
      this.#end();
      return body;
    }
    if (typeof body !== 'object' || body === null) throw bodyError(body);
    // Nobody would pull them: they are all there to be looked at.
    if (Array.isArray(body) && hasNoBody(this.#status))
      for (const chunk of body) this.#checkChunk(chunk as BodyChunk);
    // A server knows its own file wrapper by its identity.
    if (body instanceof FileBody) {
      this.#requireStarted();
      this.#requireUnchanged();
      return body;
    }
    const asynchronous = (body as Partial<AsyncIterable<BodyChunk>>)[Symbol.asyncIterator];
    if (typeof asynchronous === 'function')
      return new AsyncWatchedBody(this, body as AsyncIterable<BodyChunk>);
    if (typeof (body as Partial<Iterable<BodyChunk>>)[Symbol.iterator] !== 'function') throw bodyError(body);
    return new WatchedBody(this, body as Iterable<BodyChunk>);
  }

  // called by the watched body

  /** The first step may still call startResponse. */
  stepping(): void {
    this.#requireNotTrapped();
    if (this.#phase < Phase.ITERATED) this.#phase = Phase.FIRST_STEP;
  }

  stepped(result: IteratorResult<BodyChunk>): void {
    if (typeof result !== 'object' || result === null) {
      throw new TsgiRuleError('A11', `The iterator of a body must give results: ${show(result)}`);
    }
    if (result.done === true) this.#end();
    else this.#checkChunk(result.value);
    if (this.#phase === Phase.FIRST_STEP) this.#phase = Phase.ITERATED;
  }

  /** The body is over or not needed any more. */
  closed(): void {
    this.#phase = Phase.ENDED;
    this.#requireKeys();
  }

  // the rules

  #checkChunk(chunk: BodyChunk): void {
    checkChunk(chunk);
    this.#requireStarted();
    if (chunk.length === 0) return;
    this.#requireUnchanged();
    this.#sent += byteLength(chunk);
    if (hasNoBody(this.#status)) {
      throw new TsgiRuleError(
        'A18',
        `A response with status ${this.#status} must have no body: ${show(chunk)}`,
      );
    }
    if (this.#length !== -1 && this.#sent > this.#length) this.#failLength();
  }

  /** The last chunk was there. */
  #end(): void {
    this.#requireStarted();
    this.#requireUnchanged();
    this.#requireKeys();
    this.#phase = Phase.ENDED;
    const hasBody = this.#environ.REQUEST_METHOD !== 'HEAD' && !hasNoBody(this.#status);
    if (hasBody && this.#length !== -1 && this.#sent !== this.#length) this.#failLength();
  }

  #failLength(): never {
    throw new TsgiRuleError(
      'A13',
      `A body must have as many bytes as its Content-Length: ${this.#sent} of ${this.#length}`,
    );
  }

  #requireStarted(): void {
    if (this.#status === 0) {
      throw new TsgiRuleError('A2', `startResponse must be called before the first chunk${this.#request}`);
    }
  }

  #requireUnchanged(): void {
    // Before the head has left a server may not have looked at them; after it a change is in vain, and as wrong.
    const same =
      this.#headers.length === this.#copy.length &&
      this.#copy.every(
        ([name, value], i) => this.#headers[i]?.[0] === name && this.#headers[i]?.[1] === value,
      );
    if (!same)
      throw new TsgiRuleError('A15', `Headers must not be changed after startResponse${this.#request}`);
  }

  #requireNotTrapped(): void {
    if (this.#rethrown !== undefined) {
      throw new TsgiRuleError(
        'A9',
        `What startResponse rethrows must not be trapped: ${show(this.#rethrown.error)}`,
      );
    }
  }

  #requireOpen(name: string): void {
    if (this.#phase === Phase.ENDED) {
      throw new TsgiRuleError('A16', `${name} must not be used after the end${this.#request}`);
    }
  }

  #requireKeys(): void {
    const keys = reservedKeys(this.#environ);
    for (const key of keys) {
      if (!this.#reserved.has(key))
        throw new TsgiRuleError('A19', `${key} must not be added: tsgi. is reserved`);
    }
    for (const key of this.#reserved) {
      if (!keys.has(key)) throw new TsgiRuleError('A19', `${key} must not be taken away`);
    }
  }

  get #request(): string {
    return ` (${this.#environ.REQUEST_METHOD} ${this.#environ.REQUEST_URI})`;
  }
}

function hasNoBody(status: number): boolean {
  return status === 204 || status === 304;
}

function isThenable(value: unknown): value is PromiseLike<Body> {
  return (
    typeof value === 'object' && value !== null && typeof (value as { then?: unknown }).then === 'function'
  );
}

interface Closable {
  close?: () => unknown;
}

/** What the server may do with a body: step until the end, return, close once. */
class WatchedIteration {
  readonly #watch: Watch;
  readonly #body: Closable;
  #closed = false;

  constructor(watch: Watch, body: object) {
    this.#watch = watch;
    this.#body = body;
  }

  protected stepping(): void {
    if (this.#closed) throw new TsgiRuleError('S28', 'The body must not be iterated after close');
    this.#watch.stepping();
  }

  protected stepped(result: IteratorResult<BodyChunk>): IteratorResult<BodyChunk> {
    this.#watch.stepped(result);
    return result;
  }

  close(): unknown {
    if (this.#closed) throw new TsgiRuleError('S28', 'close must be called once');
    this.#closed = true;
    const closed = this.#body.close?.();
    this.#watch.closed();
    return closed;
  }
}

class WatchedBody extends WatchedIteration implements Iterable<BodyChunk> {
  readonly #iterable: Iterable<BodyChunk>;

  constructor(watch: Watch, iterable: Iterable<BodyChunk>) {
    super(watch, iterable);
    this.#iterable = iterable;
  }

  [Symbol.iterator](): Iterator<BodyChunk> {
    const iterator = this.#iterable[Symbol.iterator]();
    return {
      next: () => {
        this.stepping();
        return this.stepped(iterator.next());
      },
      return: () => iterator.return?.() ?? { done: true, value: undefined },
    };
  }
}

class AsyncWatchedBody extends WatchedIteration implements AsyncIterable<BodyChunk> {
  readonly #iterable: AsyncIterable<BodyChunk>;

  constructor(watch: Watch, iterable: AsyncIterable<BodyChunk>) {
    super(watch, iterable);
    this.#iterable = iterable;
  }

  [Symbol.asyncIterator](): AsyncIterator<BodyChunk> {
    const iterator = this.#iterable[Symbol.asyncIterator]();
    return {
      next: async () => {
        this.stepping();
        return this.stepped(await iterator.next());
      },
      return: async () => (await iterator.return?.()) ?? { done: true, value: undefined },
    };
  }
}

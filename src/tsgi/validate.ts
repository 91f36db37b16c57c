/**
 * A middleware that checks an application, and the server around it, against the rules of TSGI.
 *
 * Law: checks and changes nothing: it passes on the same values. Every violation is a TsgiRuleError with the rule's number. It
 * is thrown where the violation happens, or at the first moment at which it can be seen, never by the garbage collector. The
 * middleware is for development and tests. `handler.ts` already checks the rules that every request must pay for.
 */
/// <reference types="node" preserve="true" />
import { bodyError, checkChunk, checkStatus, copyHeaders, isThenable, lengthOf } from './check-answer.ts';
import { checkEnviron, checkTsgiKeys, reservedKeys } from './check-environ.ts';
import { show, TsgiRuleError } from './rule-errors.ts';
import { FileBody } from './file-body.ts';
import { byteLength, copyOf } from './text.ts';
import { type BodyWatch, watchArray, watchBody, watchFile } from './watched-bodies.ts';
import { WatchedErrors, WatchedInput } from './watched-streams.ts';
import type { Application, Body, BodyChunk, Environ, HeaderList, StartResponse, Write } from './types.ts';

/** Returns the application with checks. Use it as the outermost layer, or around each application and middleware. */
export function validator(application: Application): Application {
  // A class is recognized only by its source text.
  if (typeof application !== 'function' || /^class\b/.test(Function.prototype.toString.call(application))) {
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

/** The phase of a call. DRAINED: there are no more chunks, and the body is still to be closed. */
const Phase = { CALLED: 0, FIRST_STEP: 1, ITERATED: 2, DRAINED: 3, ENDED: 4 } as const;

/** One call of an application. */
class Watch implements BodyWatch {
  readonly #environ: Environ;
  readonly #startResponse: StartResponse;
  readonly #reserved: ReadonlySet<string>;
  #phase: number = Phase.CALLED;
  #status = 0;
  /** `#headers`: the application's own list. `#copy`: its content at the call. */
  #headers: HeaderList = [];
  #copy: HeaderList = [];
  #length = -1;
  #sent = 0;
  /** The last chunk of bytes, and its content when it was passed on. */
  #chunk: readonly [chunk: Uint8Array, copy: Uint8Array] | undefined;
  /** The error that startResponse rethrew, and that the application must not trap. */
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
    try {
      const body = application(environ, this.#start);
      return isThenable(body) ? this.#settled(body as PromiseLike<Body>) : this.#body(body);
    } catch (error) {
      throw this.#failedCall(error);
    }
  }

  async #settled(promise: PromiseLike<Body>): Promise<Body> {
    try {
      return this.#body(await promise);
    } catch (error) {
      throw this.#failedCall(error);
    }
  }

  #failedCall(error: unknown): unknown {
    this.over();
    return this.failed(error);
  }

  // The functions that the application calls.

  readonly #start = (...args: Parameters<StartResponse>): Write => {
    const [status, headers, error] = args;
    const replaces = error !== undefined && error !== null;
    if (this.#phase > (replaces ? Phase.ITERATED : Phase.FIRST_STEP)) {
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

  // The result of the application.

  #body(body: Body): Body {
    try {
      return this.#watched(body);
    } catch (error) {
      // The server does not receive this body, so it cannot close it.
      void closeQuietly(body);
      throw error;
    }
  }

  #watched(body: Body): Body {
    this.#requireNotTrapped();
    if (typeof body === 'string' || body instanceof Uint8Array) {
      this.#checkChunk(body);
      this.drained();
      this.closed();
      return body;
    }
    if (typeof body !== 'object' || body === null) throw bodyError(body);
    if (body instanceof FileBody) {
      this.#requireStarted();
      this.#requireUnchanged();
      this.#phase = Phase.DRAINED;
      return watchFile(this, body);
    }
    if (!Array.isArray(body)) return watchBody(this, body);
    // All chunks are there. A server would not pull the chunks of a response without a body, so they are checked here.
    for (const chunk of body as BodyChunk[]) this.#checkChunk(chunk);
    this.drained();
    return watchArray(this, body as BodyChunk[]);
  }

  // Called by the watched body.

  /** The first step may still call startResponse. */
  stepping(): void {
    this.#requireNotTrapped();
    if (this.#phase < Phase.ITERATED) this.#phase = Phase.FIRST_STEP;
  }

  stepped(result: IteratorResult<BodyChunk>): void {
    if (typeof result !== 'object' || result === null) {
      throw new TsgiRuleError('A11', `The iterator of a body must give results: ${show(result)}`);
    }
    if (result.done === true) this.drained();
    else this.#checkChunk(result.value);
    if (this.#phase === Phase.FIRST_STEP) this.#phase = Phase.ITERATED;
  }

  /** Returns the error to throw: the same one, unless it replaced an error that had to pass unchanged. */
  failed(error: unknown): unknown {
    const rethrown = this.#rethrown;
    if (rethrown === undefined || error === rethrown.error || error instanceof TsgiRuleError) return error;
    return new TsgiRuleError(
      'A9',
      `What startResponse rethrows must pass as it is: ${show(rethrown.error)} became ${show(error)}`,
    );
  }

  /** There are no more chunks. */
  drained(): void {
    this.#requireNotTrapped();
    this.#requireStarted();
    this.#requireUnchanged();
    this.#requireSameChunk();
    this.#phase = Phase.DRAINED;
    const hasBody = this.#environ.REQUEST_METHOD !== 'HEAD' && !hasNoBody(this.#status);
    if (hasBody && this.#length !== -1 && this.#sent !== this.#length) this.#failLength();
  }

  over(): void {
    this.#phase = Phase.ENDED;
  }

  /** The body is closed: the end. */
  closed(): void {
    this.over();
    this.#requireSameChunk();
    this.#requireKeys();
  }

  // The rules.

  #checkChunk(chunk: BodyChunk): void {
    checkChunk(chunk);
    this.#requireStarted();
    this.#requireSameChunk();
    if (chunk.length === 0) return;
    this.#requireUnchanged();
    if (typeof chunk !== 'string') this.#chunk = [chunk, copyOf(chunk)];
    this.#sent += byteLength(chunk);
    if (hasNoBody(this.#status)) {
      throw new TsgiRuleError(
        'A18',
        `A response with status ${this.#status} must have no body: ${show(chunk)}`,
      );
    }
    if (this.#length !== -1 && this.#sent > this.#length) this.#failLength();
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
    // Before the head is sent, a server may not have read the headers yet. After it, a change has no effect, and is still
    // wrong.
    const same =
      this.#headers.length === this.#copy.length &&
      this.#copy.every(
        ([name, value], i) => this.#headers[i]?.[0] === name && this.#headers[i]?.[1] === value,
      );
    if (!same)
      throw new TsgiRuleError('A15', `Headers must not be changed after startResponse${this.#request}`);
  }

  #requireSameChunk(): void {
    if (this.#chunk === undefined) return;
    const [chunk, copy] = this.#chunk;
    if (chunk.length === copy.length && chunk.every((byte, i) => byte === copy[i])) return;
    throw new TsgiRuleError(
      'A12',
      `A chunk must not be changed after it was handed over: ${copy.length} bytes${this.#request}`,
    );
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
    try {
      checkTsgiKeys(this.#environ);
    } catch (error) {
      throw new TsgiRuleError('A19', `A key of TSGI must keep its rules. ${(error as Error).message}`);
    }
  }

  get #request(): string {
    return ` (${this.#environ.REQUEST_METHOD} ${this.#environ.REQUEST_URI})`;
  }
}

function hasNoBody(status: number): boolean {
  return status === 204 || status === 205 || status === 304;
}

async function closeQuietly(body: unknown): Promise<void> {
  try {
    await (body as { close?: () => unknown } | null | undefined)?.close?.();
  } catch {}
}

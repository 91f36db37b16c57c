/**
 * `tsgi.input` and `tsgi.errors` as `validate.ts` passes them to the application.
 *
 * Law: has the methods of TSGI and no others, and passes calls on unchanged; `require` throws when the request is over.
 */
import { show, TsgiRuleError } from './rule-errors.ts';
import type { ErrorStream, InputStream } from './types.ts';

/** `tsgi.input` with the methods of TSGI and no others. */
export class WatchedInput implements InputStream {
  readonly #input: InputStream;
  readonly #require: () => void;
  /** Number of reads in progress. */
  #waiting = 0;

  constructor(input: InputStream, require: () => void) {
    this.#input = input;
    this.#require = require;
    return onlyMethods(this, 'tsgi.input');
  }

  read(...size: [number?]): Promise<Uint8Array> {
    return this.#wait(size, async () => requireBytes(await this.#input.read(...size)));
  }

  readline(...size: [number?]): Promise<Uint8Array> {
    return this.#wait(size, async () => requireBytes(await this.#input.readline(...size)));
  }

  readlines(...hint: [number?]): Promise<Uint8Array[]> {
    return this.#wait(hint, () => this.#input.readlines(...hint));
  }

  readSync(...size: [number?]): Uint8Array {
    this.#requireTurn(size);
    return requireBytes(this.#input.readSync(...size));
  }

  readlineSync(...size: [number?]): Uint8Array {
    this.#requireTurn(size);
    return requireBytes(this.#input.readlineSync(...size));
  }

  readlinesSync(...hint: [number?]): Uint8Array[] {
    this.#requireTurn(hint);
    return this.#input.readlinesSync(...hint);
  }

  async *[Symbol.asyncIterator](): AsyncGenerator<Uint8Array, void, void> {
    this.#require();
    for await (const chunk of this.#input) {
      yield requireBytes(chunk);
      this.#require();
    }
  }

  async #wait<T>(size: [number?], read: () => Promise<T>): Promise<T> {
    this.#require();
    requireSize(size);
    this.#waiting += 1;
    try {
      return await read();
    } finally {
      this.#waiting -= 1;
    }
  }

  #requireTurn(size: [number?]): void {
    this.#require();
    requireSize(size);
    if (this.#waiting > 0)
      throw new TsgiRuleError('A17', `Cannot read synchronously while a read is waiting: ${this.#waiting}`);
  }
}

function requireSize([size]: [number?]): void {
  if (size === undefined || Number.isInteger(size) || size === Number.POSITIVE_INFINITY) return;
  throw new TsgiRuleError('A17', `A size must be an integer: ${show(size)}`);
}

function requireBytes(bytes: Uint8Array): Uint8Array {
  if (bytes instanceof Uint8Array) return bytes;
  throw new TsgiRuleError('S14', `A read must give a Uint8Array: ${show(bytes)}`);
}

/** `tsgi.errors` with the methods of TSGI and no others. */
export class WatchedErrors implements ErrorStream {
  readonly #errors: ErrorStream;
  readonly #require: () => void;

  constructor(errors: ErrorStream, require: () => void) {
    this.#errors = errors;
    this.#require = require;
    return onlyMethods(this, 'tsgi.errors');
  }

  write(text: string): void {
    this.#require();
    if (typeof text !== 'string')
      throw new TsgiRuleError('A17', `tsgi.errors.write takes a string: ${show(text)}`);
    this.#errors.write(text);
  }

  writelines(lines: Iterable<string>): void {
    for (const line of lines) this.write(line);
  }

  flush(): void {
    this.#require();
    this.#errors.flush();
  }
}

/** A read of any other property breaks the rule, for example `close` or `destroy`. */
function onlyMethods<T extends object>(stream: T, name: string): T {
  return new Proxy(stream, {
    get(target, key) {
      const value = Reflect.get(target, key, target) as unknown;
      if (typeof value === 'function') return value.bind(target) as unknown;
      // Code that awaits or prints the stream reads these keys.
      if (typeof key === 'symbol' || key === 'then' || key === 'constructor' || key === 'toJSON')
        return value;
      throw new TsgiRuleError('A17', `${name}.${key} is not of TSGI`);
    },
  });
}

/**
 * TSGI's types, checked by the compiler: `npm run types` fails if one of these lines is wrong.
 */
import { describe, expectTypeOf, test } from 'vitest';
import type {
  Application,
  Body,
  Environ,
  ErrorStream,
  FileWrapper,
  HeaderList,
  InputStream,
  Middleware,
  StartResponse,
  Write,
} from '../../src/tsgi/index.ts';

declare module '../../src/tsgi/index.ts' {
  interface Environ {
    'types.test'?: { readonly user: string };
  }
}

describe('Environ', () => {
  test('required keys are strings and never undefined', () => {
    expectTypeOf<Environ['PATH_INFO']>().toEqualTypeOf<string>();
    expectTypeOf<Environ['CONTENT_LENGTH']>().toEqualTypeOf<string>();
    expectTypeOf<Environ['SERVER_PORT']>().toEqualTypeOf<string>();
    expectTypeOf<Environ['tsgi.input']>().toEqualTypeOf<InputStream>();
    expectTypeOf<Environ['tsgi.errors']>().toEqualTypeOf<ErrorStream>();
    expectTypeOf<Environ['tsgi.signal']>().toEqualTypeOf<AbortSignal>();
    expectTypeOf<Environ['tsgi.version']>().toEqualTypeOf<readonly [major: number, minor: number]>();
  });

  test('fields and the file wrapper may be absent', () => {
    expectTypeOf<Environ['HTTP_X_WHATEVER']>().toEqualTypeOf<string | undefined>();
    expectTypeOf<Environ['tsgi.file_wrapper']>().toEqualTypeOf<FileWrapper | undefined>();
    expectTypeOf<Environ['tsgi.deadline']>().toEqualTypeOf<number | undefined>();
  });

  test('a module can add its own keys', () => {
    expectTypeOf<Environ['types.test']>().toEqualTypeOf<{ readonly user: string } | undefined>();
  });

  test('unknown keys are errors', () => {
    // @ts-expect-error no such key
    expectTypeOf<Environ['PATH']>();
  });
});

describe('Application', () => {
  test('an application may be synchronous or not, and may return any body', () => {
    expectTypeOf((_: Environ, start: StartResponse) => (start(200, []), 'a')).toExtend<Application>();
    expectTypeOf(async (_: Environ, start: StartResponse) => (start(200, []), ['a'])).toExtend<Application>();
    expectTypeOf(function* (_: Environ, start: StartResponse) {
      start(200, [['a', 'b']]);
      yield 'a';
      yield new Uint8Array(1);
    }).toExtend<Application>();
    expectTypeOf(async function* () {
      yield 'a';
    }).toExtend<Application>();
  });

  test('an application must return a body', () => {
    // @ts-expect-error a number is no body
    const number: Application = () => 42;
    // @ts-expect-error nothing is no body
    const nothing: Application = () => {};
    // @ts-expect-error chunks are strings or bytes
    const numbers: Application = () => [1];
    expectTypeOf([number, nothing, numbers]).toEqualTypeOf<Application[]>();
  });

  test('middleware is a function from application to application', () => {
    const twice: Middleware = (application) => (environ, start) => application(environ, start);
    expectTypeOf(twice).returns.toEqualTypeOf<Application>();
  });
});

test('a body is a chunk or any iterable of chunks, and may have close()', () => {
  expectTypeOf<string>().toExtend<Body>();
  expectTypeOf<Buffer>().toExtend<Body>();
  expectTypeOf<Set<string>>().toExtend<Body>();
  expectTypeOf<AsyncGenerator<Uint8Array>>().toExtend<Body>();
  expectTypeOf<ReadableStream<Uint8Array>>().toExtend<Body>();
  expectTypeOf<NodeJS.ReadableStream>().toExtend<Body>();
  expectTypeOf<{ [Symbol.iterator](): Iterator<string>; close(): Promise<void> }>().toExtend<Body>();
});

test('startResponse takes a number, pairs and optionally an error, and returns write', () => {
  expectTypeOf<StartResponse>().parameters.toEqualTypeOf<
    [status: number, headers: HeaderList, error?: unknown]
  >();
  expectTypeOf<StartResponse>().returns.toEqualTypeOf<Write>();
  expectTypeOf<ReturnType<Write>>().toEqualTypeOf<Promise<void>>();
});

/**
 * The internals of srvx that `worker/fetch/` uses. package.json pins the version exactly; this file names what a new version
 * must still have.
 */
import { readFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import path from 'node:path';
import { FastResponse, FastURL, NodeRequest, type NodeResponse, patchGlobalRequest } from 'srvx/node';
import { describe, expect, test } from 'vitest';

type Context = ConstructorParameters<typeof NodeRequest>[0];

/** The fields of Node's message that `MessageView` has. */
const MESSAGE = {
  url: '/a?b=1',
  method: 'GET',
  rawHeaders: ['Host', 'example.com', 'X-A', '1'],
  headers: { host: 'example.com', 'x-a': '1' },
  socket: { remoteAddress: '192.0.2.1', localAddress: '192.0.2.2', localPort: 80, localFamily: 'IPv4' },
};
const context = () => ({ req: MESSAGE }) as unknown as Context;

const prepare = (response: unknown) => (response as NodeResponse)._toNodeResponse();

test('package.json pins the version of srvx that is installed', () => {
  const require = createRequire(import.meta.url);
  const read = (file: string) => JSON.parse(readFileSync(file, 'utf8')) as Record<string, unknown>;
  const { dependencies } = read(path.join(import.meta.dirname, '..', '..', 'package.json'));
  const { version } = read(path.join(path.dirname(require.resolve('srvx/node')), '..', '..', 'package.json'));
  expect((dependencies as Record<string, string>).srvx).toBe(version);
});

describe('NodeRequest', () => {
  test('reads method, headers and address from the fields of MessageView', () => {
    const request = new NodeRequest(context()) as unknown as Request & { readonly ip: string };
    expect([request.method, request.headers.get('x-a'), request.ip]).toEqual(['GET', '1', '192.0.2.1']);
  });

  test('reads `url` from the accessor `_url` of a subclass', () => {
    class Subclass extends NodeRequest {
      override get _url(): URL {
        return new FastURL({ protocol: 'http:', host: 'other', pathname: '/c', search: '?d' });
      }
      override set _url(_: URL) {}
    }
    expect((new Subclass(context()) as unknown as Request).url).toBe('http://other/c?d');
  });

  test('reads `signal` from the accessor `_abortController` of a subclass', () => {
    const controller = new AbortController();
    class Subclass extends NodeRequest {
      get _abortController(): AbortController {
        return controller;
      }
    }
    expect((new Subclass(context()) as unknown as Request).signal).toBe(controller.signal);
  });

  test('has `runtime` as an object whose `node` can be replaced', () => {
    const request = new NodeRequest(context()) as unknown as { runtime: { name: string; node: unknown } };
    const node = {};
    Object.assign(request.runtime, { node });
    expect(request.runtime).toEqual({ name: 'node', node });
    expect(request.runtime.node).toBe(node);
  });

  test('is read by the global Request after patchGlobalRequest', () => {
    class Subclass extends NodeRequest {
      get _abortController(): AbortController {
        return new AbortController();
      }
    }
    const native = globalThis.Request;
    try {
      patchGlobalRequest();
      const copy = new Request(new Subclass(context()) as unknown as Request);
      expect([copy.method, copy.url]).toEqual(['GET', 'http://example.com/a?b=1']);
    } finally {
      globalThis.Request = native;
    }
  });
});

describe('FastResponse', () => {
  const { prototype } = FastResponse as unknown as { prototype: object };

  test('has `headers` as a getter of its prototype', () => {
    const { get } = Object.getOwnPropertyDescriptor(prototype, 'headers')!;
    const response = new FastResponse('', { headers: { 'x-a': '1' } });
    expect((get!.call(response) as Headers).get('x-a')).toBe('1');
  });

  test('makes the response of undici in the getter `_response`', () => {
    const { _response } = new FastResponse(new FormData()) as unknown as { _response: Response };
    expect(_response.headers.get('content-type')).toMatch(/^multipart\/form-data; boundary=/);
  });

  test('gives its parts by `_toNodeResponse`, with flat header pairs', () => {
    expect(prepare(new FastResponse('täxt', { status: 201, headers: { 'X-A': '1' } }))).toEqual({
      status: 201,
      statusText: '',
      headers: ['x-a', '1', 'content-type', 'text/plain; charset=UTF-8', 'content-length', '5'],
      body: 'täxt',
    });
  });

  test('adds the length of an empty body after all other fields', () => {
    const { headers } = prepare(new FastResponse('', { headers: { 'x-a': '1' } }));
    expect(headers.slice(-2)).toEqual(['content-length', '0']);
  });

  test('has a stream as its body', () => {
    const stream = new ReadableStream();
    expect(prepare(new FastResponse(stream)).body).toBe(stream);
  });
});

/**
 * The `Response` of fetch handlers: one that can be sent without becoming undici's.
 *
 * Law: srvx makes it. This file adds the visible behavior of the web's class that srvx omits, and rejects what that class
 * rejects. `send-response.ts` sends a response.
 */
import { FastResponse, type NodeResponse } from 'srvx/node';
import { fitFields, isStream, Origin, type Prepared } from './body-fields.ts';

type Body = ConstructorParameters<typeof FastResponse>[0];

const Native = globalThis.Response;

const { get: srvxHeaders } = Object.getOwnPropertyDescriptor(
  (FastResponse as unknown as { prototype: object }).prototype,
  'headers',
) as { get: () => Headers };

/** Statuses whose responses have no body (Fetch, "null body status"). */
const BODILESS = new Set([204, 205, 304]);

class WorkerResponse extends FastResponse {
  /** The content type of its body, until `headers` is read. */
  #type: string | undefined;
  #origin: number = Origin.HANDLER;

  static override [Symbol.hasInstance](value: unknown): boolean {
    return value instanceof Native;
  }

  static {
    // The base class has a property for TypeScript, and an accessor for JavaScript.
    Object.defineProperty(this.prototype, 'headers', {
      configurable: true,
      get(this: WorkerResponse) {
        const headers = srvxHeaders.call(this);
        if (this.#type && !headers.has('content-type')) headers.set('content-type', this.#type);
        this.#type = undefined;
        return headers;
      },
    });
  }

  constructor(body?: Body, init?: ResponseInit) {
    super(body, init);
    if (init instanceof Native) this.#origin = WorkerResponse.originOf(init, body);
    if (typeof body === 'string') this.#type = 'text/plain;charset=UTF-8';
    else if (body instanceof Blob) this.#type = body.type;
    else if (body instanceof URLSearchParams) this.#type = 'application/x-www-form-urlencoded;charset=UTF-8';
    // undici chooses the boundary.
    else if (body instanceof FormData) void (this as unknown as { _response: Response })._response;
  }

  /** Returns one of `Origin`: the source of a response's fields, if they are used for `body`. */
  static originOf(fields: object, body?: unknown): number {
    if (#origin in fields) return fields.#origin;
    // A read of another srvx response's properties would make it undici's.
    if (!(fields instanceof Native) || '_toNodeResponse' in fields) return Origin.HANDLER;
    // A response that `fetch` returns has the address that it came from.
    if (fields.type === 'default' || fields.url === '') return Origin.HANDLER;
    return body === undefined || body === fields.body ? Origin.DECODED : Origin.FETCHED;
  }
}
Object.defineProperty(WorkerResponse, 'name', { value: 'Response' });

/** Replaces the global `Response`. undici's responses can still be sent. */
export function patchGlobalResponse(): void {
  globalThis.Response = WorkerResponse as unknown as typeof Response;
}

/**
 * Returns the answer to send, with the fields that fit its body. Reads nothing that would make the response undici's.
 *
 * @param isHead the request is HEAD
 * @throws TypeError, RangeError for a value that is not a response, or cannot be sent
 */
export function prepare(response: unknown, isHead: boolean): Prepared {
  if (!isResponse(response))
    throw new TypeError(`The fetch handler must return a Response, and returned ${String(response)}`);
  const origin = WorkerResponse.originOf(response);
  const prepared = (
    '_toNodeResponse' in response ? (response as NodeResponse)._toNodeResponse() : parts(response)
  ) as Prepared;
  const { body } = prepared;
  const status = checkedStatus(prepared.status);
  prepared.status = status;
  if (body !== undefined && body !== null && BODILESS.has(status))
    throw new TypeError(`A Response with status ${status} has no body`);
  prepared.origin = origin;
  // A stream's length, and so the fields that fit, are known when it has begun.
  if (isStream(body) && !isHead) prepared.length = -1;
  else fitFields(prepared, isHead);
  return prepared;
}

/** Returns the status as a number, as the web's class would convert it. */
function checkedStatus(given: unknown): number {
  const status = Number(given);
  if (status === 0) throw new TypeError('The fetch handler returned Response.error()');
  if (!(Number.isInteger(status) && status >= 200 && status <= 599))
    throw new RangeError(`The status of a Response is 200 to 599, and was ${status}`);
  return status;
}

/** Accepts responses of any package. The properties that it reads do not make a response undici's. */
function isResponse(value: unknown): value is Response {
  if (value instanceof Native) return true;
  const { status, headers } = (value ?? {}) as Partial<Response>;
  return typeof status === 'number' && typeof headers?.[Symbol.iterator] === 'function';
}

/** The parts of an undici response, or of an object that looks like one. */
function parts({ status, statusText, headers, body }: Response): ReturnType<NodeResponse['_toNodeResponse']> {
  return { status, statusText, headers: [...headers].flat(), body };
}

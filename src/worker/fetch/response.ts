/**
 * The `Response` of fetch handlers: one that need not become undici's to be sent.
 *
 * Law: srvx makes it; this adds what a handler can see of the web's own and srvx leaves out, and refuses what that would
 * have refused. How a response is sent is `send-response.ts`.
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
  /** The type that its body brings, as long as nobody has asked for it. */
  #type: string | undefined;
  #origin: number = Origin.HANDLER;

  static override [Symbol.hasInstance](value: unknown): boolean {
    return value instanceof Native;
  }

  static {
    // A property of the base class to TypeScript, an accessor to JavaScript.
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
    // Its boundary is undici's to choose.
    else if (body instanceof FormData) void (this as unknown as { _response: Response })._response;
  }

  /** Where the fields of a response come from, for `body`; one of `Origin`. */
  static originOf(fields: object, body?: unknown): number {
    if (#origin in fields) return fields.#origin;
    // What is asked of another one of srvx's would make it one of undici's.
    if (!(fields instanceof Native) || '_toNodeResponse' in fields) return Origin.HANDLER;
    // What `fetch` returns has the address that it came from.
    if (fields.type === 'default' || fields.url === '') return Origin.HANDLER;
    return body === undefined || body === fields.body ? Origin.DECODED : Origin.FETCHED;
  }
}
Object.defineProperty(WorkerResponse, 'name', { value: 'Response' });

/** From now on `Response` is this one; undici's are sent all the same. */
export function patchGlobalResponse(): void {
  globalThis.Response = WorkerResponse as unknown as typeof Response;
}

/**
 * What is to be sent, with the fields that fit its body. Looks at nothing that would make it one of undici's.
 *
 * @param isHead the request is HEAD
 * @throws TypeError, RangeError for what is no response, or cannot be sent
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
  // How long a stream is, and so which fields fit, is known when it has begun.
  if (isStream(body) && !isHead) prepared.length = -1;
  else fitFields(prepared, isHead);
  return prepared;
}

/** A number, as the web would have made it one. */
function checkedStatus(given: unknown): number {
  const status = Number(given);
  if (status === 0) throw new TypeError('The fetch handler returned Response.error()');
  if (!(Number.isInteger(status) && status >= 200 && status <= 599))
    throw new RangeError(`The status of a Response is 200 to 599, and was ${status}`);
  return status;
}

/** Of whichever package: what is looked at is there without making it one of undici's. */
function isResponse(value: unknown): value is Response {
  if (value instanceof Native) return true;
  const { status, headers } = (value ?? {}) as Partial<Response>;
  return typeof status === 'number' && typeof headers?.[Symbol.iterator] === 'function';
}

/** Of one of undici's, or what looks like one. */
function parts({ status, statusText, headers, body }: Response): ReturnType<NodeResponse['_toNodeResponse']> {
  return { status, statusText, headers: [...headers].flat(), body };
}

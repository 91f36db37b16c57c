/**
 * Finds the exchange of a request, whichever form of the request the application has.
 *
 * Law: reads only, and recognizes each interface by its requests.
 */
import { IncomingMessage } from 'node:http';
import type { AnyRequest } from '../hooks.ts';
import { exchangeOf } from './node/socket.ts';

/** Returns undefined for an object that this worker did not make. */
export function requestIdOf(request: AnyRequest): string | undefined {
  if (typeof request !== 'object' || request === null) return undefined;
  if ('tsgi.request_id' in request) return request['tsgi.request_id'];
  // A `Request` is made from Node's message.
  const incoming = (request as NodeBased).runtime?.node?.req ?? request;
  return incoming instanceof IncomingMessage ? exchangeOf(incoming)?.label.id : undefined;
}

interface NodeBased {
  readonly runtime?: { readonly node?: { readonly req?: unknown } };
}

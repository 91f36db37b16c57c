/**
 * Which exchange a request is, in whatever form an application was given it.
 *
 * Law: looks, and knows the interfaces by their requests.
 */
import { IncomingMessage } from 'node:http';
import type { AnyRequest } from '../hooks.ts';
import { exchangeOf } from './node/socket.ts';

/** Undefined for what this worker did not make. */
export function requestIdOf(request: AnyRequest): string | undefined {
  if (typeof request !== 'object' || request === null) return undefined;
  if ('tsgi.request_id' in request) return request['tsgi.request_id'];
  // A `Request` is made from Node's.
  const incoming = (request as NodeBased).runtime?.node?.req ?? request;
  return incoming instanceof IncomingMessage ? exchangeOf(incoming)?.label.id : undefined;
}

interface NodeBased {
  readonly runtime?: { readonly node?: { readonly req?: unknown } };
}

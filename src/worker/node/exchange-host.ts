/**
 * The contract between an exchange with Node messages and its server, and the parts of an arrived request.
 *
 * Law: types; `site.ts` is the host, `exchange.ts` uses it.
 */
import type { IncomingMessage, Server, ServerResponse } from 'node:http';
import type { InboundBody } from '../exchange/inbound.ts';
import type { RequestHead } from './request-head.ts';
import type { ExchangeSocket } from './socket.ts';

/** The part that all exchanges of a server share. */
export interface ExchangeHost {
  /** The server whose listeners are called. */
  readonly server: Server;
  /** Calls the application. If it returns a promise, the exchange awaits it. A rejection is the application's failure. */
  readonly listener: (request: IncomingMessage, response: ServerResponse) => unknown;
  requestId(serial: number): string;
  request(head: RequestHead, socket: ExchangeSocket): IncomingMessage;
  /** Makes the response to a request with these flags (`http/head-flags.ts`). */
  response(request: IncomingMessage, flags: number): ServerResponse;
}

/** An arrived request. */
export interface Arrived {
  readonly head: RequestHead;
  /** The rest of the body, if the head did not bring all of it. */
  readonly body: InboundBody | null;
  /** The whole body, if the head brought it. */
  readonly complete: Uint8Array | null;
}

/**
 * What an exchange of Node's messages needs of its server, and what came for it.
 *
 * Law: types; `site.ts` is the host, `exchange.ts` uses it.
 */
import type { IncomingMessage, Server, ServerResponse } from 'node:http';
import type { InboundBody } from '../exchange/inbound.ts';
import type { RequestHead } from './request-head.ts';
import type { ExchangeSocket } from './socket.ts';

/** What all exchanges of an interface have in common. */
export interface ExchangeHost {
  /** Whose listeners are told. */
  readonly server: Server;
  /** Calls them. What it returns is awaited if it is a promise; its rejection is the application's failure. */
  readonly listener: (request: IncomingMessage, response: ServerResponse) => unknown;
  requestId(serial: number): string;
  request(head: RequestHead, socket: ExchangeSocket): IncomingMessage;
  /** The response to a request with such flags (`http/head-flags.ts`). */
  response(request: IncomingMessage, flags: number): ServerResponse;
}

/** What came. */
export interface Arrived {
  readonly head: RequestHead;
  /** What follows of the body, when it has not all come with the head. */
  readonly body: InboundBody | null;
  /** The whole body, when it has. */
  readonly complete: Uint8Array | null;
}

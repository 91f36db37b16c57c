/**
 * Node's `(request, response)` listeners inside a worker: a request becomes an exchange that calls them.
 *
 * Law: wires messages, socket and exchange; what happens then is `exchange.ts`. Knows `http.Server` as what listeners
 * hang on, and never listens.
 */
import http, { type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import { requestId, type RequestReader } from '../../ring/message.ts';
import type { InboundBody } from '../inbound.ts';
import { type Interface, planOf } from '../interface.ts';
import type { WorkerLoop } from '../loop.ts';
import type { Running } from '../running.ts';
import { type ExchangeHost, NodeExchange } from './exchange.ts';
import { MessageMaker } from './messages.ts';
import { ExchangeOutbound, ExchangeSocket } from './socket.ts';

export type NodeHandler = (request: IncomingMessage, response: ServerResponse) => unknown;

export interface NodeInterfaceOptions {
  /** A listener, or a server whose listeners are called. */
  readonly application: NodeHandler | Server;
  readonly requestIdPrefix: string;
}

export class NodeInterface implements Interface, ExchangeHost {
  readonly server: Server;
  readonly listener: NodeHandler;
  readonly #loop: WorkerLoop;
  readonly #requestIdPrefix: string;
  readonly #maker: MessageMaker;

  constructor(loop: WorkerLoop, { application, requestIdPrefix }: NodeInterfaceOptions) {
    this.#loop = loop;
    this.#requestIdPrefix = requestIdPrefix;
    if (typeof application === 'function') {
      // Through a server's `emit`, which is where agents that trace requests look.
      let result: unknown;
      const server = http.createServer((request, response) => {
        result = application(request, response);
      });
      this.server = server;
      this.listener = (request, response) => {
        result = undefined;
        server.emit('request', request, response);
        return result;
      };
    } else {
      this.server = application;
      this.listener = (request, response) => void application.emit('request', request, response);
    }
    this.#maker = new MessageMaker(this.server);
  }

  requestId(serial: number): string {
    return requestId(this.#requestIdPrefix, serial);
  }

  response(request: IncomingMessage, flags: number): ServerResponse {
    return this.#maker.response(request, flags);
  }

  begin(reader: RequestReader, body: InboundBody | null): Running {
    const { flags } = reader;
    const outbound = new ExchangeOutbound(this.#loop, reader.exchange, reader.generation, planOf(flags));
    const exchange = new NodeExchange(outbound, body, this, {
      serial: reader.serial,
      flags,
      complete: reader.bodyLength > 0 ? reader.body() : null,
    });
    const socket = new ExchangeSocket(this.server, exchange, outbound, reader);
    outbound.socket = socket;
    const { timeout } = this.server;
    if (timeout > 0) socket.setTimeout(timeout);
    exchange.with(socket, this.#maker.request(reader, socket));
    return exchange;
  }
}

/**
 * Node's `(request, response)` listeners inside a worker: a request becomes an `IncomingMessage` and a `ServerResponse`.
 *
 * Law: makes them and wires them to an exchange; what happens then is `exchange.ts`. Knows `http.Server` as what
 * listeners hang on, and never listens.
 */
import http, { IncomingMessage, type Server, ServerResponse } from 'node:http';
import { Flag } from '../../http/flags.ts';
import { requestId, type RequestReader } from '../../ring/message.ts';
import type { InboundBody } from '../inbound.ts';
import { type Interface, planOf } from '../interface.ts';
import type { WorkerLoop } from '../loop.ts';
import { Outbound } from '../outbound.ts';
import type { Running } from '../running.ts';
import { NodeExchange } from './exchange.ts';
import { prepareResponse } from './node-response.ts';
import { ExchangeSocket } from './socket.ts';

export type NodeHandler = (request: IncomingMessage, response: ServerResponse) => unknown;

export interface NodeInterfaceOptions {
  /** A listener, or a server whose listeners are called. */
  readonly application: NodeHandler | Server;
  readonly requestIdPrefix: string;
}

export class NodeInterface implements Interface {
  readonly #loop: WorkerLoop;
  readonly #requestIdPrefix: string;
  readonly #server: Server;
  readonly #listener: NodeHandler;

  constructor(loop: WorkerLoop, { application, requestIdPrefix }: NodeInterfaceOptions) {
    this.#loop = loop;
    this.#requestIdPrefix = requestIdPrefix;
    if (typeof application === 'function') {
      // Through a server's `emit`, which is where agents that trace requests look.
      let result: unknown;
      const server = http.createServer((request, response) => {
        result = application(request, response);
      });
      this.#server = server;
      this.#listener = (request, response) => {
        result = undefined;
        server.emit('request', request, response);
        return result;
      };
    } else {
      this.#server = application;
      this.#listener = (request, response) => void application.emit('request', request, response);
    }
  }

  begin(reader: RequestReader, body: InboundBody | null): Running {
    const { flags } = reader;
    const outbound = new Outbound(this.#loop, reader.exchange, reader.generation, planOf(flags));
    const exchange = new NodeExchange(outbound, body, {
      server: this.#server,
      listener: this.#listener,
      requestId: requestId(this.#requestIdPrefix, reader.serial),
      complete: reader.bodyLength > 0 ? reader.body() : null,
      expectsContinue: (flags & Flag.EXPECT_CONTINUE) !== 0,
    });
    const socket = new ExchangeSocket(
      this.#server,
      outbound,
      exchange,
      { address: reader.remoteAddress, port: reader.remotePort },
      { address: reader.localAddress, port: reader.localPort },
    );
    const { timeout } = this.#server;
    if (timeout > 0) socket.setTimeout(timeout);
    const request = this.#request(reader, socket);
    const response = new ServerResponse(request);
    response.shouldKeepAlive = (flags & Flag.KEEP_ALIVE) !== 0;
    prepareResponse(response, (flags & Flag.HTTP_1_1) !== 0);
    exchange.with(socket, { request, response });
    return exchange;
  }

  #request(reader: RequestReader, socket: ExchangeSocket): IncomingMessage {
    const { head, targetOffset, targetLength, flags } = reader;
    const request = new IncomingMessage(
      socket as unknown as ConstructorParameters<typeof IncomingMessage>[0],
    );
    const inner = request as unknown as RequestInternals;
    const minor = (flags & Flag.HTTP_1_1) === 0 ? 0 : 1;
    request.httpVersionMajor = 1;
    request.httpVersionMinor = minor;
    request.httpVersion = minor === 0 ? '1.0' : '1.1';
    request.method = head.slice(0, reader.methodLength);
    inner.upgrade = false;
    request.url = head.slice(targetOffset, targetOffset + targetLength);
    inner.joinDuplicateHeaders = (this.#server as unknown as RequestInternals).joinDuplicateHeaders === true;
    const fields = fieldsOf(reader);
    inner._addHeaderLines(fields, fields.length);
    return request;
  }
}

/** What Node's HTTP keeps in a request and does not document; the same since Node 12. */
interface RequestInternals {
  joinDuplicateHeaders: boolean;
  /** The client asks for another protocol, and somebody listens for that. */
  upgrade: boolean;
  _addHeaderLines(fields: string[], length: number): void;
}

/** Names and values in turns, as they were sent. */
function fieldsOf({ head, spans, spansStart, headerCount }: RequestReader): string[] {
  const fields: string[] = [];
  for (let i = 0, at = spansStart; i < headerCount; i++, at += 4) {
    const name = spans[at]!;
    const value = spans[at + 2]!;
    fields.push(head.slice(name, name + spans[at + 1]!), head.slice(value, value + spans[at + 3]!));
  }
  return fields;
}

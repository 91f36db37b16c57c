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
import { Tunnel, TunnelSocket } from './tunnel.ts';

export type NodeHandler = (request: IncomingMessage, response: ServerResponse) => unknown;

export interface NodeInterfaceOptions {
  /** A listener, or a server whose listeners are called. */
  readonly application: NodeHandler | Server;
  readonly requestIdPrefix: string;
  /** Of a program that listens on several ports: who serves what came through this one. */
  readonly serverAt?: ((port: number) => Server) | undefined;
  /** Is told what the operator should know of requests that this worker will not answer well. */
  readonly hint?: ((text: string) => void) | undefined;
}

/** A client of socket.io that polls. */
const POLLS = /[?&]EIO=\d.*transport=polling|transport=polling.*[?&]EIO=\d/;
const POLLS_HINT =
  'socket.io polls, and each of its requests may go to another worker, which answers 400 "Session ID unknown": start the server with --affinity query:sid, or let clients use websocket alone';

export class NodeInterface implements Interface {
  readonly #loop: WorkerLoop;
  readonly #requestIdPrefix: string;
  readonly #siteAt: (port: number) => Site;
  readonly #tunnels: Set<Tunnel> = new Set();
  #draining = false;
  #hint: ((text: string) => void) | undefined;

  constructor(loop: WorkerLoop, { application, requestIdPrefix, serverAt, hint }: NodeInterfaceOptions) {
    this.#loop = loop;
    this.#requestIdPrefix = requestIdPrefix;
    this.#hint = hint;
    const site = typeof application === 'function' ? siteOfListener(application) : siteOf(application);
    this.#siteAt = serverAt === undefined ? () => site : (port) => siteOf(serverAt(port));
  }

  /** As Node's servers do: whatever asks for an upgrade, if somebody listens for that. */
  takesOver(reader: RequestReader): boolean {
    if ((reader.flags & Flag.UPGRADE) === 0 || reader.moreBody || reader.bodyLength > 0) return false;
    if (this.#draining) return false;
    return this.#siteAt(reader.localPort).server.listenerCount('upgrade') > 0;
  }

  begin(reader: RequestReader, body: InboundBody | null): Running {
    const { flags } = reader;
    const { server, listener } = this.#siteAt(reader.localPort);
    const outbound = new Outbound(this.#loop, reader.exchange, reader.generation, planOf(flags));
    if (body !== null && !reader.moreBody) return this.#tunnel(reader, server, outbound, body);
    const exchange = new NodeExchange(outbound, body, {
      server,
      listener,
      requestId: requestId(this.#requestIdPrefix, reader.serial),
      complete: reader.bodyLength > 0 ? reader.body() : null,
      expectsContinue: (flags & Flag.EXPECT_CONTINUE) !== 0,
    });
    const socket = new ExchangeSocket(
      outbound,
      exchange,
      { address: reader.remoteAddress, port: reader.remotePort },
      { address: reader.localAddress, port: reader.localPort },
    );
    const { timeout } = server;
    if (timeout > 0) socket.setTimeout(timeout);
    const request = makeRequest(reader, socket, server);
    if (this.#hint !== undefined && POLLS.test(request.url!)) this.#giveHint();
    const response = new ServerResponse(request);
    response.shouldKeepAlive = (flags & Flag.KEEP_ALIVE) !== 0;
    prepareResponse(response, (flags & Flag.HTTP_1_1) !== 0, () => this.#loop.draining);
    exchange.with(socket, { request, response });
    return exchange;
  }

  #tunnel(reader: RequestReader, server: Server, outbound: Outbound, body: InboundBody): Tunnel {
    const socket = new TunnelSocket(outbound, body, reader);
    const request = makeRequest(reader, socket, server);
    request.complete = true;
    request.push(null);
    Object.assign(request, { upgrade: true });
    const id = requestId(this.#requestIdPrefix, reader.serial);
    return new Tunnel(outbound, body, { server, request, socket, requestId: id, open: this.#tunnels });
  }

  #giveHint(): void {
    this.#hint?.(POLLS_HINT);
    this.#hint = undefined;
  }

  async drainSockets(milliseconds: number): Promise<void> {
    this.#draining = true;
    if (this.#tunnels.size === 0) return;
    const ended = Promise.all([...this.#tunnels].map(({ closed }) => closed));
    for (const tunnel of this.#tunnels) tunnel.restart();
    const timer = setTimeout(() => this.#tunnels.forEach((tunnel) => tunnel.cut()), milliseconds);
    await ended;
    clearTimeout(timer);
  }
}

/** A server, and what calls its listeners. */
interface Site {
  readonly server: Server;
  readonly listener: NodeHandler;
}

const SITES: WeakMap<Server, Site> = new WeakMap();

function siteOf(server: Server): Site {
  let site = SITES.get(server);
  if (site === undefined) {
    site = { server, listener: (request, response) => void server.emit('request', request, response) };
    SITES.set(server, site);
  }
  return site;
}

/** Through a server's `emit`, which is where agents that trace requests look. */
function siteOfListener(application: NodeHandler): Site {
  let result: unknown;
  const server = http.createServer((request, response) => {
    result = application(request, response);
  });
  const listener: NodeHandler = (request, response) => {
    result = undefined;
    server.emit('request', request, response);
    return result;
  };
  return { server, listener };
}

function makeRequest(
  reader: RequestReader,
  socket: ExchangeSocket | TunnelSocket,
  server: Server,
): IncomingMessage {
  const { head, targetOffset, targetLength, flags } = reader;
  const request = new IncomingMessage(socket as unknown as ConstructorParameters<typeof IncomingMessage>[0]);
  const minor = (flags & Flag.HTTP_1_1) === 0 ? 0 : 1;
  request.httpVersionMajor = 1;
  request.httpVersionMinor = minor;
  request.httpVersion = minor === 0 ? '1.0' : '1.1';
  request.method = head.slice(0, reader.methodLength);
  request.url = head.slice(targetOffset, targetOffset + targetLength);
  const inner = request as unknown as RequestInternals;
  inner.joinDuplicateHeaders = (server as unknown as RequestInternals).joinDuplicateHeaders === true;
  const fields = fieldsOf(reader);
  inner._addHeaderLines(fields, fields.length);
  return request;
}

/** What Node's HTTP keeps in a request and does not document; the same since Node 12. */
interface RequestInternals {
  joinDuplicateHeaders: boolean;
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

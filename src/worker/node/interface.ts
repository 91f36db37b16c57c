/**
 * Node's `(request, response)` listeners inside a worker. A request becomes an `IncomingMessage` and a `ServerResponse`, or a
 * socket of its own.
 *
 * Law: makes these objects and connects them to an exchange. `exchange.ts` does the rest, or `upgraded-socket.ts` for a
 * connection that is taken over. Uses `http.Server` as the holder of listeners, and never listens.
 */
import type { Server } from 'node:http';
import { isPolling } from '../../http/affinity-key.ts';
import { Flag } from '../../http/head-flags.ts';
import type { RequestReader } from '../../ring/message.ts';
import type { InboundBody } from '../exchange/inbound.ts';
import { type Interface, planOf } from '../exchange/interface-api.ts';
import type { WorkerLoop } from '../exchange/loop.ts';
import type { LocalAddress } from '../load/listening-program.ts';
import { Outbound } from '../exchange/outbound.ts';
import type { Running } from '../exchange/running.ts';
import { NodeExchange } from './exchange.ts';
import type { Arrived } from './exchange-host.ts';
import { guardInterim } from './interim.ts';
import { RequestHead } from './request-head.ts';
import { type NodeHandler, Site } from './site.ts';
import { ExchangeOutbound } from './socket.ts';
import { RefusedExchange } from '../exchange/refused.ts';
import { UpgradedExchange, type TunnelEvent, TunnelOutbound, TunnelSocket } from './upgraded-socket.ts';

export type { NodeHandler };

export interface NodeInterfaceOptions {
  /** A listener, or a server whose listeners are called. */
  readonly application: NodeHandler | Server;
  readonly requestIdPrefix: string;
  /** For a program that listens by itself: returns the server for a request that arrived at this address. */
  readonly serverAt?: ((local: LocalAddress) => Server) | undefined;
  /** Receives a text for the operator, about requests that this worker will not answer well. */
  readonly hint?: ((text: string) => void) | undefined;
}

const POLLS_HINT =
  'A client of socket.io polls. Each of its requests may go to another worker, which answers 400 "Session ID unknown". Start the server with --affinity query:sid, or configure the clients to use only websocket.';

guardInterim();

function eventOf(flags: number): TunnelEvent {
  return (flags & Flag.CONNECT) === 0 ? 'upgrade' : 'connect';
}

export class NodeInterface implements Interface {
  readonly #loop: WorkerLoop;
  readonly #siteAt: (local: LocalAddress) => Site;
  readonly #tunnels: Set<UpgradedExchange> = new Set();
  #draining = false;
  #hint: ((text: string) => void) | undefined;

  constructor(loop: WorkerLoop, { application, requestIdPrefix, serverAt, hint }: NodeInterfaceOptions) {
    this.#loop = loop;
    this.#hint = hint;
    const site = new Site(application, requestIdPrefix);
    const sites = new WeakMap([[site.server, site]]);
    const siteOf = (server: Server): Site => {
      const known = sites.get(server) ?? new Site(server, requestIdPrefix);
      sites.set(server, known);
      return known;
    };
    this.#siteAt = serverAt === undefined ? () => site : (local) => siteOf(serverAt(local));
  }

  /** As Node's servers do, takes over a request for an upgrade or for CONNECT, if the server has a listener for it. */
  takesOver(reader: RequestReader): boolean {
    if ((reader.flags & Flag.UPGRADE) === 0 || reader.moreBody || reader.bodyLength > 0) return false;
    if (this.#draining) return false;
    return this.#siteAt(reader).server.listenerCount(eventOf(reader.flags)) > 0;
  }

  begin(reader: RequestReader, body: InboundBody | null): Running {
    const site = this.#siteAt(reader);
    if (body !== null && !reader.moreBody) return this.#tunnel(reader, site, body);
    if ((reader.flags & Flag.CONNECT) !== 0) return this.#refuseConnect(reader);
    const head = new RequestHead(reader);
    if (this.#hint !== undefined && isPolling(head.url)) this.#giveHint();
    const { exchange, generation, bodyLength } = reader;
    const outbound = new ExchangeOutbound(this.#loop, exchange, generation, planOf(head.flags));
    outbound.request = head;
    outbound.body = body;
    outbound.expects = (head.flags & Flag.EXPECT_CONTINUE) !== 0;
    return this.exchange(outbound, site, { head, body, complete: bodyLength > 0 ? reader.body() : null });
  }

  protected exchange(outbound: ExchangeOutbound, site: Site, arrived: Arrived): NodeExchange {
    return new NodeExchange(outbound, site, arrived);
  }

  #tunnel(reader: RequestReader, site: Site, body: InboundBody): UpgradedExchange {
    const plan = planOf(reader.flags);
    const outbound = new TunnelOutbound(this.#loop, reader.exchange, reader.generation, plan);
    const socket = new TunnelSocket(outbound, body, reader);
    const request = site.request(new RequestHead(reader), socket);
    request.complete = true;
    request.push(null);
    Object.assign(request, { upgrade: true });
    const { server } = site;
    if (server.timeout > 0) socket.setTimeout(server.timeout);
    const id = site.requestId(reader.serial);
    const event = eventOf(reader.flags);
    const parts = { server, event, request, socket, requestId: id, open: this.#tunnels };
    return new UpgradedExchange(outbound, body, parts);
  }

  /** Ends the connection, because its next bytes may belong to a tunnel that does not exist. */
  #refuseConnect(reader: RequestReader): RefusedExchange {
    const plan = planOf(reader.flags & ~Flag.KEEP_ALIVE);
    return new RefusedExchange(new Outbound(this.#loop, reader.exchange, reader.generation, plan), 501);
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

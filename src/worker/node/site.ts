/**
 * A Node server, with all that an exchange needs of it.
 *
 * Law: made once a server. Makes requests and responses as that server would, calls its listeners, and never listens.
 */
import diagnostics from 'node:diagnostics_channel';
import { EventEmitter } from 'node:events';
import http, { type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import { requestId } from '../../ring/message.ts';
import type { ExchangeHost } from './exchange-host.ts';
import { MessageMaker } from './make-messages.ts';
import type { PeerSocket } from './peer-socket.ts';
import type { RequestHead } from './request-head.ts';
import type { ExchangeSocket } from './socket.ts';

/** Channels on which Node publishes a request and its response. */
const CHANNELS = ['request.start', 'response.created', 'response.finish'].map((name) =>
  diagnostics.channel(`http.server.${name}`),
);
const { emit } = EventEmitter.prototype;

export type NodeHandler = (request: IncomingMessage, response: ServerResponse) => unknown;

export class Site implements ExchangeHost {
  readonly server: Server;
  readonly listener: NodeHandler;
  readonly #maker: MessageMaker;
  readonly #requestIdPrefix: string;

  /** @param application a listener, or a server whose listeners are called */
  constructor(application: NodeHandler | Server, requestIdPrefix: string) {
    const { server, listener } =
      typeof application === 'function' ? serverOf(application) : listenerOf(application);
    this.server = server;
    this.listener = listener;
    this.#maker = new MessageMaker(server);
    this.#requestIdPrefix = requestIdPrefix;
  }

  /** True if other code than the application observes the requests: through Node's channels, or by a replaced `emit`. */
  get isObserved(): boolean {
    return this.server.emit !== emit || CHANNELS.some(({ hasSubscribers }) => hasSubscribers);
  }

  requestId(serial: number): string {
    return requestId(this.#requestIdPrefix, serial);
  }

  request(head: RequestHead, socket: ExchangeSocket | PeerSocket): IncomingMessage {
    return this.#maker.request(head, socket);
  }

  response(request: IncomingMessage, flags: number): ServerResponse {
    return this.#maker.response(request, flags);
  }
}

interface Served {
  readonly server: Server;
  readonly listener: NodeHandler;
}

function listenerOf(server: Server): Served {
  return { server, listener: (request, response) => void server.emit('request', request, response) };
}

/** Calls the application through a server's `emit`, because agents that trace requests replace that method. */
function serverOf(application: NodeHandler): Served {
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

/**
 * The reference server: TSGI on `node:http`, one thread, no limits of its own.
 *
 * Law: as short as a server of TSGI can be. It is an example for docs/reference/tsgi.md, and a baseline for measurements. Not
 * for production: a handler that burns CPU stops all other requests.
 */
/// <reference types="node" preserve="true" />
import { once } from 'node:events';
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import { nodeCaller, type NodeListenerOptions } from './node.ts';
import type { Application } from './types.ts';

export interface SimpleServerOptions extends NodeListenerOptions {
  /** Default: 0, which chooses a free port. */
  readonly port?: number;
  /** Default: 127.0.0.1. */
  readonly host?: string;
}

export interface SimpleServer extends AsyncDisposable {
  /** `http://127.0.0.1:8000`, without a path. */
  readonly url: string;
  /** Stops accepting, ends idle connections, and resolves when the last response is sent. */
  close(): Promise<void>;
}

/** Serves an application. Rejects with the operating system's error if it cannot listen. */
export async function simpleServer(
  application: Application,
  options: SimpleServerOptions = {},
): Promise<SimpleServer> {
  const { port = 0, host = '127.0.0.1' } = options;
  const call = nodeCaller(application, { software: 'tsgi-simple-server/1.0', ...options });
  let closing = false;
  const listener = (continueDue: boolean) => (request: IncomingMessage, response: ServerResponse) => {
    // Node ends connections that are idle at the call of close(), but no connection that becomes idle later.
    response.on('close', () => closing && server.closeIdleConnections());
    // HTTP/1.1 keeps connections open without this field.
    if (request.httpVersion === '1.1' && response.shouldKeepAlive) response.removeHeader('connection');
    call(request, response, continueDue);
  };
  const server = createServer(listener(false));
  // Rule S16: `100 Continue` goes out when the application reads.
  server.on('checkContinue', listener(true));
  // No limits of its own, and no Keep-Alive field that announces one.
  server.keepAliveTimeout = 0;
  server.listen(port, host);
  await once(server, 'listening');
  const address = server.address() as { address: string; port: number };
  const close = () => {
    closing = true;
    return new Promise<void>((resolve) => server.close(() => resolve()));
  };
  return {
    url: `http://${host.includes(':') ? `[${host}]` : host}:${address.port}`,
    close,
    [Symbol.asyncDispose]: close,
  };
}

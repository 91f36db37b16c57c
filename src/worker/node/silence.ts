/**
 * Handles a socket on which no byte has passed for the time of its `setTimeout`.
 *
 * Law: the same rule as in Node's server (`socketOnTimeout`). The socket measures the time.
 */
import type { IncomingMessage } from 'node:http';
import type { ExchangeSocket } from './socket.ts';

/**
 * Emits 'timeout' on a request whose body is incomplete, on its response if that is not finished, and on the server. If none
 * has a listener, the socket is destroyed.
 */
export function tellSilence(request: IncomingMessage, socket: ExchangeSocket): void {
  const heard = [
    !request.complete && request.emit('timeout', socket),
    socket._httpMessage?.emit('timeout', socket),
    socket.server.emit('timeout', socket),
  ];
  if (!heard.includes(true)) socket.destroy();
}

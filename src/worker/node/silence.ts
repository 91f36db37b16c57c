/**
 * What happens when nothing has passed on a socket for as long as its `setTimeout` was given.
 *
 * Law: the rule of Node's server (its `socketOnTimeout`); times are the socket's.
 */
import type { IncomingMessage } from 'node:http';
import type { ExchangeSocket } from './socket.ts';

/** Emits 'timeout' of a request whose body comes, of its response if that is not finished, and of the server. Without a listener the socket is destroyed. */
export function tellSilence(request: IncomingMessage, socket: ExchangeSocket): void {
  const heard = [
    !request.complete && request.emit('timeout', socket),
    socket._httpMessage?.emit('timeout', socket),
    socket.server.emit('timeout', socket),
  ];
  if (!heard.includes(true)) socket.destroy();
}

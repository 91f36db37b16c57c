/**
 * What the deadline of each state means: the client was too slow, or the server was.
 *
 * Law: reads its connection, and calls the method that ends the wait. `connection-clock.ts` reports that a deadline has
 * passed, and the connection sets it.
 */
import { LINGER_IDLE_MS } from '../limits.ts';
import type { Connection } from './connection.ts';
import type { ConnectionClock } from './connection-clock.ts';
import type { ConnectionHost } from './connection-host.ts';
import { ConnectionState, parses } from './connection-state.ts';
import type { IncomingBody } from './incoming-body.ts';

type Waiting = Pick<
  Connection,
  'state' | 'output' | 'peers' | 'exchange' | 'limits' | 'halfClosed' | 'onTimeout' | Ending
>;
type Ending = 'refuse' | 'linger' | 'pause' | 'destroy' | 'reset';
type Host = Pick<ConnectionHost, 'now' | 'requests'>;

/** Called at each tick of the connection. `body`: the present request's, if it is unfinished. */
export function checkDeadlines(
  connection: Waiting,
  host: Host,
  clock: ConnectionClock,
  body: IncomingBody | null,
): void {
  const { output, limits } = connection;
  if (output.late(host.now, limits.writeTimeout)) return connection.reset();
  if (clock.isPast) return onDeadline(connection, host, clock);
  if (clock.isSilent(output) && isUnserved(connection))
    return connection.onTimeout() ? clock.reported() : connection.destroy();
  if (body !== null && parses(connection.state)) checkBody(connection, body.late(host.now, limits));
}

/** Refuses a request whose body comes too slowly. If it is answered already, the connection ends. */
function checkBody(connection: Waiting, limit: string): void {
  if (limit === '') return;
  if (connection.state === ConnectionState.DISCARD) connection.linger();
  else connection.refuse(408, `the body came too slowly (${limit})`);
}

function onDeadline(connection: Waiting, { requests }: Host, clock: ConnectionClock): void {
  const { state, output, exchange } = connection;
  switch (state) {
    case ConnectionState.IDLE:
      // A client that still reads its response is not idle.
      if (output.unsent > 0) return clock.set(connection.limits.keepAliveTimeout);
      if (connection.peers !== null && connection.onTimeout()) return clock.set(0);
      return connection.linger();
    case ConnectionState.DISCARD:
      return connection.linger();
    case ConnectionState.HEAD:
      return connection.refuse(408, 'the head came too slowly');
    case ConnectionState.STREAM:
      return connection.refuse(requests.blame.on('pendingTimeout'), '');
    case ConnectionState.WAIT:
      if (!connection.halfClosed) return connection.refuse(requests.blame.on('pendingTimeout'), '');
      // A worker has the request, and ends the response when its loop turns.
      if (exchange !== null && !requests.isPending(exchange)) return clock.set(0);
      break;
    case ConnectionState.LINGER:
      // The write timeout bounds a slow reader of the last response. This deadline bounds what the client sends meanwhile.
      if (output.unsent > 0) {
        if (clock.hasLingered) connection.pause();
        return clock.set(LINGER_IDLE_MS);
      }
  }
  connection.destroy();
}

/** No application has a request of the client, so the acceptor bounds its silence. `keepAliveTimeout` bounds an idle client. */
function isUnserved({ state, peers, output, exchange, limits }: Waiting): boolean {
  const isKept = state === ConnectionState.IDLE && peers !== null && output.unsent === 0;
  return parses(state) && exchange === null && !(isKept && limits.keepAliveTimeout > 0);
}

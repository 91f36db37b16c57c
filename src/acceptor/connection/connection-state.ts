/**
 * The states of a connection, and the events that change them.
 *
 *   IDLE ──message──► HEAD
 *   HEAD ──head──► BODY
 *   HEAD ──complete──► WAIT
 *   BODY ──streams──► STREAM
 *   BODY ──complete──► WAIT
 *   STREAM ──complete──► WAIT
 *   STREAM ──answered──► DISCARD
 *   STREAM ──tunnels──► TUNNEL
 *   WAIT ──answered──► IDLE
 *   WAIT ──tunnels──► TUNNEL
 *   DISCARD ──complete──► IDLE
 *   any but CLOSED ──ends──► LINGER
 *   any but CLOSED ──closed──► CLOSED
 *
 * What happens to bytes that arrive:
 *
 *   IDLE, HEAD, BODY, STREAM, DISCARD   parsed
 *   WAIT                                kept for the next request
 *   TUNNEL                              passed to the worker unchanged
 *   LINGER                              dropped
 *
 * Law: names and one table. Only `connection.ts` applies events. `connection-state.test.ts` compares the arrows above with
 * the table.
 */
export const ConnectionState = {
  /** No byte of the next request has come. */
  IDLE: 0,
  /** The head is incomplete. */
  HEAD: 1,
  /** The acceptor collects the body before it submits the request. */
  BODY: 2,
  /** The request is submitted, or waits for a place at a worker. Its body is incomplete. */
  STREAM: 3,
  /** The request is complete, its response is not. */
  WAIT: 4,
  /** The response is complete. The acceptor reads the rest of the body and drops it. */
  DISCARD: 5,
  /** Nothing more is sent. The acceptor waits for the client's FIN or a deadline. */
  LINGER: 6,
  CLOSED: 7,
  /** The application has taken the connection over. */
  TUNNEL: 8,
} as const;

export const ConnectionEvent = {
  /** The first byte of a message came. */
  MESSAGE: 0,
  /** The head is complete, and the body is not. */
  HEAD: 1,
  /** The request goes to a worker before its body is complete. */
  STREAMS: 2,
  /** The last byte of the message came. */
  COMPLETE: 3,
  /** The response is complete, and another request may follow. */
  ANSWERED: 4,
  /** The application takes the connection over. */
  TUNNELS: 5,
  /** The acceptor sends nothing more. */
  ENDS: 6,
  /** The socket is closed. */
  CLOSED: 7,
} as const;

type StateName = keyof typeof ConnectionState;
type EventName = keyof typeof ConnectionEvent;

const ENDS = { ENDS: 'LINGER', CLOSED: 'CLOSED' } as const;

/** The state that follows each event. An event that a row leaves out is impossible in that state. */
export const TRANSITIONS: Readonly<Record<StateName, Readonly<Partial<Record<EventName, StateName>>>>> = {
  IDLE: { MESSAGE: 'HEAD', ...ENDS },
  HEAD: { HEAD: 'BODY', COMPLETE: 'WAIT', ...ENDS },
  BODY: { STREAMS: 'STREAM', COMPLETE: 'WAIT', ...ENDS },
  STREAM: { COMPLETE: 'WAIT', ANSWERED: 'DISCARD', TUNNELS: 'TUNNEL', ...ENDS },
  WAIT: { ANSWERED: 'IDLE', TUNNELS: 'TUNNEL', ...ENDS },
  DISCARD: { COMPLETE: 'IDLE', ...ENDS },
  // The client's FIN ends it a second time: then the socket closes when all bytes have left.
  LINGER: ENDS,
  CLOSED: {},
  TUNNEL: ENDS,
};

const IMPOSSIBLE = -1;
const STATES = Object.keys(ConnectionState) as StateName[];
const EVENTS = Object.keys(ConnectionEvent) as EventName[];
const WIDTH = EVENTS.length;

/** The same table in one array, because each request looks at it three times. */
const table = Int8Array.from(
  STATES.flatMap((state) =>
    EVENTS.map((event) => {
      const next = TRANSITIONS[state][event];
      return next === undefined ? IMPOSSIBLE : ConnectionState[next];
    }),
  ),
);

/** Returns the state that follows an event. Throws if the event is impossible: that is a fault of the acceptor. */
export function nextState(state: number, event: number): number {
  const next = table[state * WIDTH + event]!;
  if (next === IMPOSSIBLE)
    throw new Error(`A connection in the state ${STATES[state]} cannot take the event ${EVENTS[event]}`);
  return next;
}

/** Whether bytes that arrive now are parsed. */
export function parses(state: number): boolean {
  return state <= ConnectionState.STREAM || state === ConnectionState.DISCARD;
}

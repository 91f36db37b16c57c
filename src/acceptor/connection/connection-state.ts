/**
 * The states of a connection. Bytes that arrive in WAIT are kept, in LINGER and CLOSED they never become a request.
 *
 *   IDLE ──first byte──► HEAD ──head──► BODY ──complete──► WAIT ──answer──► IDLE
 *                          │ └─ long body or Expect ─► STREAM ──complete──► WAIT
 *                          │                            └─ answered early ─► DISCARD ──complete──► IDLE
 *                                              WAIT ──taken over by the application──► TUNNEL
 *   any ──refusal, close──► LINGER ──FIN or deadline──► CLOSED
 *
 * In TUNNEL they go to the worker as they are.
 *
 * Law: names only; `intake.ts` moves along the first three lines, `connection.ts` along the rest.
 */
export const ConnectionState = {
  IDLE: 0,
  HEAD: 1,
  BODY: 2,
  STREAM: 3,
  WAIT: 4,
  DISCARD: 5,
  LINGER: 6,
  CLOSED: 7,
  TUNNEL: 8,
} as const;

/** Bytes that arrive now are parsed. */
export function parses(state: number): boolean {
  return state <= ConnectionState.STREAM || state === ConnectionState.DISCARD;
}

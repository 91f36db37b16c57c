/**
 * What Node's `IncomingMessage` keeps to itself and its server knows.
 *
 * Law: reads and calls what is Node's, and decides nothing.
 */
import { IncomingMessage } from 'node:http';

/** From Node 26 on a request has a signal, which listens to the socket until the response is finished. */
const DETACH_SIGNAL = Object.getOwnPropertySymbols(IncomingMessage.prototype).find(
  ({ description }) => description === 'kDetachAbortSignal',
);

/** Somebody reads the body, or did. */
export function isRead(request: IncomingMessage): boolean {
  const { _consuming } = request as unknown as { readonly _consuming: boolean };
  return _consuming || request.readableFlowing === true;
}

/** The request's signal, if somebody has asked for it, fires no more. */
export function detachSignal(request: IncomingMessage): void {
  if (DETACH_SIGNAL === undefined) return;
  (request as unknown as Record<symbol, () => void>)[DETACH_SIGNAL]!();
}

/** Lets go of what was not read. */
export function dump(request: IncomingMessage): void {
  (request as unknown as { _dump(): void })._dump();
}

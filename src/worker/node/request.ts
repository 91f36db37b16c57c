/**
 * Private parts of `IncomingMessage` that Node's server uses.
 *
 * Law: reads and calls Node's members, and decides nothing.
 */
import { IncomingMessage } from 'node:http';

/** From Node 26 on a request has a signal, which listens to the socket until the response is finished. */
const DETACH_SIGNAL = Object.getOwnPropertySymbols(IncomingMessage.prototype).find(
  ({ description }) => description === 'kDetachAbortSignal',
);

/** True if the application reads the body, or has read it. */
export function isRead(request: IncomingMessage): boolean {
  const { _consuming } = request as unknown as { readonly _consuming: boolean };
  return _consuming || request.readableFlowing === true;
}

/** Detaches the request's signal, if the application has read it. It fires no more. */
export function detachSignal(request: IncomingMessage): void {
  if (DETACH_SIGNAL === undefined) return;
  (request as unknown as Record<symbol, () => void>)[DETACH_SIGNAL]!();
}

/** Drops the unread body. */
export function dump(request: IncomingMessage): void {
  (request as unknown as { _dump(): void })._dump();
}

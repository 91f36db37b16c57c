/**
 * What the socket of an exchange needs of its exchange.
 *
 * Law: types only; `exchange.ts` fulfils them, `socket.ts` uses them.
 */

export interface ExchangeSocketOwner {
  /** The reader of the body has room. */
  socketOnResume(): void;
  /** Bytes are about to be queued; false: they are not part of the response. */
  socketOnWrite(data: Uint8Array | string): boolean;
  /** All that was written is in the ring: a writer may go on. */
  socketOnDrain(): void;
  /** No byte passed for as long as `setTimeout` was given. */
  socketOnTimeout(): void;
  /** The application, or a client that has ended its side, ends the connection behind what was written. */
  socketOnEnd(): void;
  /** The application closes the connection, also behind an answer that is finished. */
  socketOnHangUp(): void;
  /** It was destroyed, by whosever wish. */
  socketOnDestroy(): void;
  /** The same, as it is told: in a later turn, before its listeners hear of it. */
  socketOnClose(): void;
  /** The response that was assigned to it has been given its last bytes. */
  responseOnPrefinish(): void;
  responseOnFinish(): void;
  /** More of the request's body comes than is read for the connection's sake, and the application does not read it. */
  readonly leavesBody: boolean;
  /** Changes with each byte of the request's body that the client sends. */
  readonly bodyLeft: number;
  /** Nobody waits for the response any more; synchronous code can ask, whose loop does not turn. */
  readonly isAbandoned: boolean;
  /** What logs call the request. */
  readonly label: { readonly id: string };
}

/**
 * The contract between the socket of an exchange and its exchange.
 *
 * Law: types only; `exchange.ts` implements them, `socket.ts` uses them.
 */

export interface ExchangeSocketOwner {
  /** The reader of the body has room. */
  socketOnResume(): void;
  /** Bytes are about to be queued. Returns false if they are not part of the response. */
  socketOnWrite(data: Uint8Array | string): boolean;
  /** All written bytes are in the ring: a writer may go on. */
  socketOnDrain(): void;
  /** No byte passed for the time of `setTimeout`. */
  socketOnTimeout(): void;
  /** The application, or a client that has ended its side, ends the connection after the written bytes. */
  socketOnEnd(): void;
  /** The application closes the connection, perhaps after an answer that is finished. */
  socketOnHangUp(): void;
  /** The socket was destroyed. */
  socketOnDestroy(): void;
  /** Called in a later turn after the socket was destroyed, before its 'close' listeners. */
  socketOnClose(): void;
  /** The application has written the last bytes of the response. */
  responseOnPrefinish(): void;
  responseOnFinish(): void;
  /** True if the application does not read the body, and more of it arrives than the acceptor reads to keep the connection. */
  readonly leavesBody: boolean;
  /** A number that changes with each byte of the request's body that the client sends. */
  readonly bodyLeft: number;
  /** True if no client waits for the response any more. Synchronous code, whose loop does not turn, can read it. */
  readonly isAbandoned: boolean;
  /** The request's name in logs. */
  readonly label: { readonly id: string };
}

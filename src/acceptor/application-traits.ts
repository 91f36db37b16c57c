/**
 * What of an application's interface the acceptor must know.
 *
 * Law: facts about interfaces; who acts on them is told by name.
 */
export interface ApplicationTraits {
  /** A client that has ended its side is answered all the same. */
  readonly halfOpen: boolean;
  /** CONNECT goes to a worker, whose application may take it; else it is answered 501 here. */
  readonly connects: boolean;
  /** It is called when a request's head is there, however little of the body is. */
  readonly calledAtHead: boolean;
  /** It may block its thread for a body. */
  readonly mayBlock: boolean;
}

/** As long as no worker has loaded the application: what the option `interface` says. */
export function traitsBeforeLoad(given: string): ApplicationTraits {
  const isNode = given === 'node';
  return { halfOpen: true, connects: false, calledAtHead: isNode, mayBlock: !isNode };
}

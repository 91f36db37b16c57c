/**
 * What the acceptor must know about the interface of the application.
 *
 * Law: facts about interfaces. The code that acts on a fact is elsewhere.
 */
export interface ApplicationTraits {
  /** A client that has half-closed its connection still receives its response. */
  readonly halfOpen: boolean;
  /** The application may accept CONNECT, so a worker receives it. Otherwise the acceptor answers CONNECT with 501. */
  readonly connects: boolean;
  /** The application is called when the request's head is complete, before its body has arrived. */
  readonly calledAtHead: boolean;
  /** The application may block its thread while it waits for a body. */
  readonly mayBlock: boolean;
}

/** The traits before any worker has loaded the application. They follow from the option `interface`. */
export function traitsBeforeLoad(given: string): ApplicationTraits {
  const isNode = given === 'node';
  return { halfOpen: true, connects: false, calledAtHead: isNode, mayBlock: !isNode };
}

/**
 * What the acceptor must know about an interface.
 *
 * Law: one row of facts for each interface. The acceptor acts on them.
 */
import type { Readiness } from '../worker/pool-messages.ts';
import type { PoolAcceptor } from './pool-api.ts';

/** @param apart whether the application has a thread of its own, which it may block */
export function traitsOf(
  called: Readiness['interface'],
  apart: boolean,
): Parameters<PoolAcceptor['ready']>[1] {
  const [isTsgi, isNode] = [called === 'tsgi', called === 'node'];
  return { halfOpen: isTsgi, connects: isNode, calledAtHead: isNode, mayBlock: isTsgi && apart };
}

/**
 * A request that finds the queue full: the cost, and the space after cancellations.
 */
import { expect, test } from 'vitest';
import type { Answerable } from '../../src/acceptor/exchange/exchange.ts';
import { Exchanges } from '../../src/acceptor/exchange/exchanges.ts';
import { encodePeers, type HeadBytes } from '../../src/ring/message.ts';
import { createShared } from '../../src/ring/shared.ts';

const MAX_PENDING = 100;
const peers = encodePeers({ remoteAddress: '::1', remotePort: 1, localAddress: '::1', localPort: 2 }, 1);

function headBytes(): HeadBytes {
  const words = new Int32Array(64);
  const length = 'GET / HTTP/1.1\r\n\r\n'.length;
  const lengths = { start: 0, length, spans: 32, headerCount: 0, methodLength: 3 };
  return {
    flags: 0,
    bytes: new Uint8Array(words.buffer),
    words,
    ...lengths,
    targetOffset: 4,
    targetLength: 1,
  };
}

test('is rejected without a pass over all waiting requests, unless some were cancelled', () => {
  const sizes = { maxPending: MAX_PENDING, places: 1, maxBuffered: 1024 * 1024, largestRequest: 1024 };
  const shared = createShared(sizes);
  const exchanges = new Exchanges(shared, MAX_PENDING);
  // No worker answers here.
  const client = { output: { unsent: 0 } } as Answerable;
  const begin = () => exchanges.begin(headBytes(), peers, 0);
  const submit = () => {
    const exchange = begin()!;
    exchanges.submit(exchange, client, 0, 0);
    return exchange;
  };
  const waiting = Array.from({ length: MAX_PENDING }, submit);
  const head = shared.ring.head();
  for (let i = 0; i < 1000; i++) expect(begin()).toBeUndefined();
  expect(shared.ring.head()).toBe(head);
  // Two clients leave, so exactly two requests find space.
  for (const exchange of waiting.slice(0, 2)) expect(exchanges.cancel(exchange)).toBe(true);
  submit();
  submit();
  expect(begin()).toBeUndefined();
  // The order is kept.
  for (const exchange of waiting.slice(2)) {
    expect(shared.ring.claim() & 0xffff).toBe(exchange.index);
  }
});

/**
 * The code under proof: the entry of the bundle, with or without a mutation.
 *
 * Law: exports only. Code that is not named here is not under proof.
 */
export { Acceptor } from '../../src/acceptor/acceptor.ts';
export { Exchanges } from '../../src/acceptor/exchange/exchanges.ts';
export { Upload } from '../../src/acceptor/exchange/upload.ts';
export { INSUFFICIENT, RingConsumer, RingProducer } from '../../src/ring/byte-ring.ts';
export { Doorbell, Sleeper } from '../../src/ring/doorbell.ts';
export { ExchangeTable, LOST } from '../../src/ring/exchange-table.ts';
export * as layout from '../../src/ring/layout.ts';
export { END, RecordKind } from '../../src/ring/message.ts';
export { EMPTY, RequestRing } from '../../src/ring/request-ring.ts';
export { Slab } from '../../src/ring/slab.ts';
export { Inbound } from '../../src/worker/exchange/inbound.ts';
export { Link } from '../../src/worker/exchange/link.ts';
export { WorkerLoop } from '../../src/worker/exchange/loop.ts';
export { TsgiResponse } from '../../src/worker/tsgi/response.ts';

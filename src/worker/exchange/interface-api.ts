/**
 * The contract between the gateway and an interface: TSGI, or Node's listeners and the interfaces built on them.
 *
 * Law: types, and the parts of a request's head that every interface reads in the same way.
 */
import { Flag } from '../../http/head-flags.ts';
import type { RequestReader } from '../../ring/message.ts';
import type { InboundBody } from './inbound.ts';
import type { ResponsePlan } from './outbound.ts';
import type { Running } from './running.ts';

export interface Interface {
  /**
   * Copies everything that it needs of the request, because the slab is used for another request afterwards. `body`: null if
   * the whole body is in the slab.
   */
  begin(request: RequestReader, body: InboundBody | null): Running;
  /** True if the application takes over the request's connection. The bytes after the head are then the exchange's body. */
  takesOver?(request: RequestReader): boolean;
  /**
   * Requests the end of all connections that the application has taken over, and accepts no more.
   *
   * Resolves when all have ended. After `milliseconds` it destroys the connections that are left.
   */
  drainSockets?(milliseconds: number): Promise<void>;
  /** Resolves when work that exchanges have left running has ended. */
  settled?(): Promise<void>;
}

export function planOf(flags: number): ResponsePlan {
  return PLANS[flags & PLAN_MASK]!;
}

/** Every possible plan, made once. A request then allocates none. */
const PLAN_MASK = Flag.HTTP_1_1 | Flag.KEEP_ALIVE | Flag.HEAD;
const PLANS: ResponsePlan[] = Array.from({ length: PLAN_MASK + 1 }, (_, flags) => ({
  http11: (flags & Flag.HTTP_1_1) !== 0,
  keepAlive: (flags & Flag.KEEP_ALIVE) !== 0,
  headRequest: (flags & Flag.HEAD) !== 0,
}));

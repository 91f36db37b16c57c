/**
 * What the gateway needs of an interface: TSGI, or Node's listeners and what is built on them.
 *
 * Law: types, and what of a request's head every interface reads alike.
 */
import { Flag } from '../../http/head-flags.ts';
import type { RequestReader } from '../../ring/message.ts';
import type { InboundBody } from './inbound.ts';
import type { ResponsePlan } from './outbound.ts';
import type { Running } from './running.ts';

export interface Interface {
  /** Takes all it needs of the request: the slab is somebody else's afterwards. `body`: null when it lies complete in the slab. */
  begin(request: RequestReader, body: InboundBody | null): Running;
  /** Whether the application takes the request's connection over; its body is then what comes behind the head. */
  takesOver?(request: RequestReader): boolean;
  /**
   * Asks the connections that the application has taken over to end, and takes no more; resolves when they have, and when
   * those that had not after so many milliseconds were cut.
   */
  drainSockets?(milliseconds: number): Promise<void>;
  /** Resolves when what exchanges have left running has ended. */
  settled?(): Promise<void>;
}

export function planOf(flags: number): ResponsePlan {
  return PLANS[flags & PLAN_MASK]!;
}

/** Every plan there is, made once: a request allocates none. */
const PLAN_MASK = Flag.HTTP_1_1 | Flag.KEEP_ALIVE | Flag.HEAD;
const PLANS: ResponsePlan[] = Array.from({ length: PLAN_MASK + 1 }, (_, flags) => ({
  http11: (flags & Flag.HTTP_1_1) !== 0,
  keepAlive: (flags & Flag.KEEP_ALIVE) !== 0,
  headRequest: (flags & Flag.HEAD) !== 0,
}));

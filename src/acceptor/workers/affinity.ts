/**
 * Which worker a key belongs to, so that all requests with the key go to the same worker.
 *
 * Law: knows where keys are in requests; not rings or sockets. It reads no responses. A worker reports the keys that it gives
 * to clients (`worker/exchange/given-keys.ts`).
 *
 * A worker can give a key to a client in three ways: as a cookie, as a response field, or as an Engine.IO session. Such a key
 * belongs to that worker, which has the session in its memory (`known-keys.ts`). Rendezvous hashing over the live workers
 * decides about any other key. Such a key stays where it is while its worker lives. If a worker ends, only its own keys
 * move. Workers are identified by their index, which a replacement inherits.
 */
import {
  addressKey,
  type AffinityPlace,
  cookieOf,
  parameterOf,
  placeOf,
  segmentOf,
  shortKey,
} from '../../http/affinity-key.ts';
import type { SlabView } from '../../ring/message.ts';
import { KnownKeys } from './known-keys.ts';

interface Indexed {
  readonly index: number;
}

export class Affinity {
  readonly #place: AffinityPlace;
  readonly #known: KnownKeys = new KnownKeys();

  /** @param option the value of the option `affinity` */
  constructor(option: string) {
    this.#place = placeOf(option);
  }

  /** The number of keys that are remembered. */
  get size(): number {
    return this.#known.size;
  }

  /** The key of the request at `offset`, or undefined if it has none. */
  keyOf(view: SlabView, offset: number): string | undefined {
    return shortKey(this.#valueIn(view, offset));
  }

  #valueIn(view: SlabView, offset: number): string | undefined {
    const place = this.#place;
    switch (place.kind) {
      case 'query':
        return parameterOf(view.target(offset), place.name);
      case 'cookie':
        return cookieOf(view.field(offset, 'cookie'), place.name);
      case 'header':
        return view.field(offset, place.name);
      case 'path':
        return segmentOf(view.target(offset), place.segment);
      case 'address':
        return addressKey(view.remoteAddress(offset));
    }
  }

  /** The worker for a request with this key. `workers` must not be empty. `now`: ms. */
  workerFor<Worker extends Indexed>(key: string, workers: readonly Worker[], now = 0): Worker {
    const owner = this.ownerOf(key, workers)!;
    if (!this.#known.carriedBack(key, now) && this.#isGivenOut) this.#known.carriedTo(key, owner.index);
    return owner;
  }

  /** The worker to which the key belongs, or undefined if `workers` is empty. */
  ownerOf<Worker extends Indexed>(key: string, workers: readonly Worker[]): Worker | undefined {
    const index = this.#known.indexOf(key);
    const own = index === undefined ? undefined : workers.find((worker) => worker.index === index);
    return own ?? heaviest(key, workers);
  }

  /** Notes that the worker with this index has given the key to a client. `live`: the workers that serve. */
  learn(key: string, index: number, live: readonly Indexed[]): void {
    this.#known.givenBy(index, key, (other) => live.some((worker) => worker.index === other));
  }

  /** Whether workers give out keys of this kind. */
  get #isGivenOut(): boolean {
    return this.#place.kind !== 'path' && this.#place.kind !== 'address';
  }
}

function heaviest<Worker extends Indexed>(key: string, workers: readonly Worker[]): Worker | undefined {
  let best: Worker | undefined;
  let most = -1;
  for (const worker of workers) {
    const found = weight(key, worker.index);
    if (found <= most) continue;
    best = worker;
    most = found;
  }
  return best;
}

/** The weight of a worker for a key: FNV-1a of both, mixed so that neighboring indices differ widely. */
function weight(key: string, index: number): number {
  let hash = 0x811c9dc5 ^ Math.imul(index + 1, 0x9e3779b1);
  for (let i = 0; i < key.length; i++) hash = Math.imul(hash ^ key.charCodeAt(i), 0x01000193);
  hash = Math.imul(hash ^ (hash >>> 15), 0x85ebca6b);
  hash = Math.imul(hash ^ (hash >>> 13), 0xc2b2ae35);
  return (hash ^ (hash >>> 16)) >>> 0;
}

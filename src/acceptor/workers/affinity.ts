/**
 * Which worker a key belongs to: requests that carry it go to the same one.
 *
 * Law: knows where keys stand in requests; not rings or sockets. It reads no answers: a worker reports the key that it
 * gives to a client (`worker/exchange/given-keys.ts`).
 *
 * A key that a worker gave out (a cookie that it set, a field of its answer, the session of an Engine.IO handshake)
 * belongs to that worker, which has the session in its memory (`known-keys.ts`). Any other key is decided by rendezvous
 * hashing over the live workers. Such a key stays where it is as long as its worker lives, and a worker that goes moves
 * only its own keys. Workers are counted by their index, which a replacement inherits.
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

  /** @param option as the options table has it */
  constructor(option: string) {
    this.#place = placeOf(option);
  }

  /** Keys that are remembered. */
  get size(): number {
    return this.#known.size;
  }

  /** The key that the request at `offset` carries; undefined: none. */
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

  /** A request with this key goes to one of `workers`, which must not be empty. `now`: ms. */
  workerFor<Worker extends Indexed>(key: string, workers: readonly Worker[], now = 0): Worker {
    const owner = this.ownerOf(key, workers)!;
    if (!this.#known.carriedBack(key, now) && this.#isGivenOut) this.#known.carriedTo(key, owner.index);
    return owner;
  }

  /** The one of `workers` that the key belongs to; undefined if there are none. */
  ownerOf<Worker extends Indexed>(key: string, workers: readonly Worker[]): Worker | undefined {
    const index = this.#known.indexOf(key);
    const own = index === undefined ? undefined : workers.find((worker) => worker.index === index);
    return own ?? heaviest(key, workers);
  }

  /** The worker with that index gave the key to a client. `live`: the workers that serve. */
  learn(key: string, index: number, live: readonly Indexed[]): void {
    this.#known.givenBy(index, key, (other) => live.some((worker) => worker.index === other));
  }

  /** Workers give out keys of this kind. */
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

/** How much a worker wants a key: FNV-1a of both, mixed so that close indices lie far apart. */
function weight(key: string, index: number): number {
  let hash = 0x811c9dc5 ^ Math.imul(index + 1, 0x9e3779b1);
  for (let i = 0; i < key.length; i++) hash = Math.imul(hash ^ key.charCodeAt(i), 0x01000193);
  hash = Math.imul(hash ^ (hash >>> 15), 0x85ebca6b);
  hash = Math.imul(hash ^ (hash >>> 13), 0xc2b2ae35);
  return (hash ^ (hash >>> 16)) >>> 0;
}

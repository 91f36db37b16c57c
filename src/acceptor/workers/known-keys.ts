/**
 * Which worker gave a key out: the memory of `--affinity`, within bounds.
 *
 * Law: knows keys and worker indices; not where keys are in requests, nor how they are learned. The caller passes the time.
 *
 * A key passes through two lists. A worker that gives a key out puts it into `given`. The first request that carries the key
 * moves it to `established`. A full `given` drops its oldest key. A full `established` drops its least recently used key, but
 * only if no request has carried that key for IDLE_MS. Otherwise the new key stays in `given`. So a client can fill the lists
 * with its own keys, but cannot push out a key that another client uses.
 *
 * A key moves to another worker only when its worker is gone. If a request carried a key before any worker gave it out
 * (`carried`), the key belongs to the worker that got that request. So a response of one worker cannot take over a session of
 * another worker, even if it contains that session's key.
 *
 * Memory: a key has at most 65 characters (`shortKey`), and the lists have at most 170,000 keys: less than 32 MiB.
 */

import { KeyEntry, KeyList } from './key-list.ts';

const MOST_ESTABLISHED = 100_000;
const MOST_GIVEN = 50_000;
const MOST_CARRIED = 20_000;
/** An established key may be dropped after no request has carried it for this long. */
const IDLE_MS = 30 * 60_000;

export class KnownKeys {
  readonly #established: KeyList = new KeyList();
  readonly #given: KeyList = new KeyList();
  /** Keys that no worker gave out, with the worker to which their requests went. */
  readonly #carried: KeyList = new KeyList();

  /** The number of keys that are remembered. */
  get size(): number {
    return this.#established.size + this.#given.size + this.#carried.size;
  }

  /** The index of the worker that gave the key out, or undefined if it is unknown. */
  indexOf(key: string): number | undefined {
    return (this.#established.get(key) ?? this.#given.get(key))?.index;
  }

  /** A request carries the key. Returns false if no worker is known to have given it out. `now`: ms. */
  carriedBack(key: string, now: number): boolean {
    const entry = this.#established.get(key) ?? this.#given.get(key);
    if (entry === undefined) return false;
    if (this.#established.get(key) === entry) this.#established.use(entry);
    else if (this.#hasRoom(now)) {
      this.#given.remove(entry);
      this.#established.add(entry);
    } else this.#given.use(entry);
    entry.usedAt = now;
    return true;
  }

  /** A request carries a key that no worker is known to have given out. The request goes to the worker with this index. */
  carriedTo(key: string, index: number): void {
    const entry = this.#carried.get(key);
    if (entry === undefined) return addTo(this.#carried, MOST_CARRIED, new KeyEntry(key, index));
    entry.index = index;
    this.#carried.use(entry);
  }

  /** The worker with this index gives the key out. `isLive`: whether a worker with an index serves. */
  givenBy(index: number, key: string, isLive: (index: number) => boolean): void {
    const known = this.#established.get(key) ?? this.#given.get(key);
    if (known !== undefined) {
      if (known.index !== index && !isLive(known.index)) known.index = index;
      return;
    }
    const carried = this.#carried.get(key);
    if (carried !== undefined) {
      if (carried.index !== index && isLive(carried.index)) return;
      this.#carried.remove(carried);
    }
    addTo(this.#given, MOST_GIVEN, new KeyEntry(key, index));
  }

  /** Makes room by dropping the oldest key, if no request has carried it for long. */
  #hasRoom(now: number): boolean {
    const { oldest } = this.#established;
    if (this.#established.size < MOST_ESTABLISHED || oldest === null) return true;
    if (now - oldest.usedAt < IDLE_MS) return false;
    this.#established.remove(oldest);
    return true;
  }
}

function addTo(list: KeyList, most: number, entry: KeyEntry): void {
  list.add(entry);
  if (list.size > most) list.remove(list.oldest!);
}

/**
 * Keys in the order of their use, each with the index of a worker. Every operation takes constant time.
 *
 * Law: a map and a linked list. A Map alone also keeps that order. But finding its oldest entry walks over all deleted
 * entries before it: 100 µs with 100,000 keys.
 */

export class KeyEntry {
  readonly key: string;
  /** The index of the worker. */
  index: number;
  /** The time of the last use, in ms, as passed by the caller. */
  usedAt = 0;
  older: KeyEntry | null = null;
  newer: KeyEntry | null = null;

  constructor(key: string, index: number) {
    this.key = key;
    this.index = index;
  }
}

export class KeyList {
  readonly #entries: Map<string, KeyEntry> = new Map();
  #oldest: KeyEntry | null = null;
  #newest: KeyEntry | null = null;

  get size(): number {
    return this.#entries.size;
  }

  /** The least recently used entry. */
  get oldest(): KeyEntry | null {
    return this.#oldest;
  }

  get(key: string): KeyEntry | undefined {
    return this.#entries.get(key);
  }

  /** Adds an entry that is in no list, as the newest. */
  add(entry: KeyEntry): void {
    this.#entries.set(entry.key, entry);
    this.#link(entry);
  }

  /** Makes an entry of this list the newest. */
  use(entry: KeyEntry): void {
    if (entry === this.#newest) return;
    this.#unlink(entry);
    this.#link(entry);
  }

  remove(entry: KeyEntry): void {
    this.#entries.delete(entry.key);
    this.#unlink(entry);
  }

  #link(entry: KeyEntry): void {
    entry.older = this.#newest;
    entry.newer = null;
    if (this.#newest === null) this.#oldest = entry;
    else this.#newest.newer = entry;
    this.#newest = entry;
  }

  #unlink({ older, newer }: KeyEntry): void {
    if (older === null) this.#oldest = newer;
    else older.newer = newer;
    if (newer === null) this.#newest = older;
    else newer.older = older;
  }
}

/**
 * Allocates the slab: the shared bytes in which requests wait for a worker.
 *
 * Law: the acceptor alone allocates and frees, so the book-keeping is plain private memory and needs no atomics; a
 * worker only reads what an exchange points to, between TAKEN and RUNNING. Knows blocks, not requests.
 *
 * The slab is cut into pages of the largest block; a page serves one size class and goes back to the free pages
 * when its last block is freed, so no mix of sizes can eat the budget for good.
 */

/** `allocate` found no room within the budget: an expected outcome, answered with 503. */
export const NO_ROOM = -1;

const CLASSES = [1024, 8 * 1024, 40 * 1024];
const NONE = -1;

export class Slab {
  readonly pageSize: number;
  readonly #classes: number[];
  readonly #freePages: number[] = [];
  /** Per page: its class (NONE while free), blocks in use, and the free block offsets. */
  readonly #pageClass: Int8Array;
  readonly #used: Int32Array;
  readonly #freeBlocks: number[][];
  /** Per class: the pages that have a free block, a stack. */
  readonly #open: number[][];
  /** Bytes in blocks that are in use. */
  inUse = 0;

  /** `budget` bytes in all; `largest` is the most bytes one request may need. */
  constructor(budget: number, largest: number) {
    this.pageSize = Math.ceil(Math.max(largest, 104 * 1024) / 1024) * 1024;
    this.#classes = [...CLASSES.filter((size) => size < this.pageSize), this.pageSize];
    const pages = Math.max(1, Math.floor(budget / this.pageSize));
    for (let page = pages - 1; page >= 0; page--) this.#freePages.push(page);
    this.#pageClass = new Int8Array(pages).fill(NONE);
    this.#used = new Int32Array(pages);
    this.#freeBlocks = Array.from({ length: pages }, () => []);
    this.#open = this.#classes.map(() => []);
  }

  /** Bytes the shared buffer must have. */
  get size(): number {
    return this.#used.length * this.pageSize;
  }

  /** Offset of a block of at least `bytes`, or NO_ROOM. */
  allocate(bytes: number): number {
    const kind = this.#classFor(bytes);
    if (kind === NONE) return NO_ROOM;
    const open = this.#open[kind]!;
    if (open.length === 0 && !this.#openPage(kind)) return NO_ROOM;
    const page = open[open.length - 1]!;
    const blocks = this.#freeBlocks[page]!;
    const offset = blocks.pop()!;
    if (blocks.length === 0) open.pop();
    this.#used[page]! += 1;
    this.inUse += this.#classes[kind]!;
    return offset;
  }

  free(offset: number): void {
    const page = Math.floor(offset / this.pageSize);
    const kind = this.#pageClass[page]!;
    const blocks = this.#freeBlocks[page]!;
    if (blocks.length === 0) this.#open[kind]!.push(page);
    blocks.push(offset);
    this.inUse -= this.#classes[kind]!;
    this.#used[page]! -= 1;
    if (this.#used[page] === 0) this.#closePage(page, kind);
  }

  #classFor(bytes: number): number {
    return this.#classes.findIndex((size) => bytes <= size);
  }

  #openPage(kind: number): boolean {
    const page = this.#freePages.pop();
    if (page === undefined) return false;
    const size = this.#classes[kind]!;
    const start = page * this.pageSize;
    for (let at = this.pageSize - size; at >= 0; at -= size) this.#freeBlocks[page]!.push(start + at);
    this.#pageClass[page] = kind;
    this.#open[kind]!.push(page);
    return true;
  }

  /** A wholly free page changes class, unless it is the only one its class has at hand: no thrashing. */
  #closePage(page: number, kind: number): void {
    const open = this.#open[kind]!;
    if (open.length <= 1) return;
    this.#pageClass[page] = NONE;
    this.#freeBlocks[page]!.length = 0;
    this.#freePages.push(page);
    open.splice(open.indexOf(page), 1);
  }
}

/**
 * Allocates the slab: the shared bytes in which requests wait for a worker.
 *
 * Law: the acceptor alone allocates and frees, so the book-keeping is plain private memory and needs no atomics. A worker
 * only reads the block of an exchange, between TAKEN and RUNNING. Knows blocks, not requests.
 *
 * The slab consists of pages, and a page has the size of the largest block. Each page serves one size class. When its last
 * block is freed, the page returns to the free pages. So no mix of sizes can use up the budget permanently.
 */

/** `allocate` found no space within the budget. This is an expected outcome: the acceptor answers with 503. */
export const NO_ROOM = -1;

const CLASSES = [1024, 8 * 1024, 40 * 1024];
const NONE = -1;

export class Slab {
  readonly pageSize: number;
  readonly #classes: number[];
  readonly #freePages: number[] = [];
  /** Per page: the class (NONE while free), the blocks in use, and the offsets of free blocks. */
  readonly #pageClass: Int8Array;
  readonly #used: Int32Array;
  readonly #freeBlocks: number[][];
  /** Per class: the pages that have a free block, a stack. */
  readonly #open: number[][];
  /** Bytes in blocks that are in use. */
  inUse = 0;

  /**
   * @param budget bytes in all
   * @param largest most bytes that one request may need
   */
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

  /** Bytes of the shared buffer. */
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

  /** Returns an empty page to the free pages. The last open page of a class stays, to prevent thrashing. */
  #closePage(page: number, kind: number): void {
    const open = this.#open[kind]!;
    if (open.length <= 1) return;
    this.#pageClass[page] = NONE;
    this.#freeBlocks[page]!.length = 0;
    this.#freePages.push(page);
    open.splice(open.indexOf(page), 1);
  }
}

/**
 * A file on its way to one client: opened, read and closed here, so that its bytes cross no ring.
 *
 * Law: knows a file and whoever takes its bytes; not sockets, not exchanges. Reads a piece only while its owner has
 * room, so a client that does not read costs one descriptor and what its socket holds.
 */
import { close, open, read } from 'node:fs';

/** Bytes of one read. */
const PIECE = 64 * 1024;

export interface FileRange {
  /** Absolute. */
  readonly path: string;
  /** Bytes to skip, and to send. */
  readonly start: number;
  readonly length: number;
}

export interface FileOwner {
  /** The next bytes, its own from now on. False: no more until `resume`. */
  fileOnBytes(bytes: Uint8Array): boolean;
  /** All is sent, or with an error less than that. */
  fileOnEnd(error: Error | null): void;
}

export class FileTransfer {
  readonly #range: FileRange;
  readonly #owner: FileOwner;
  #fd = -1;
  #sent = 0;
  #reading = true;
  #over = false;

  constructor(range: FileRange, owner: FileOwner) {
    this.#range = range;
    this.#owner = owner;
    open(range.path, (error, fd) => this.#onOpen(error, fd));
  }

  /** Its owner has room again. */
  resume(): void {
    if (!this.#reading && !this.#over) this.#read();
  }

  /** Nobody wants the rest. */
  cancel(): void {
    if (this.#over) return;
    this.#over = true;
    // A read that is under way must not find its descriptor closed, or another file behind its number.
    if (!this.#reading) this.#close();
  }

  #onOpen(error: Error | null, fd: number): void {
    if (error !== null) return this.#end(error);
    this.#fd = fd;
    this.#read();
  }

  #read(): void {
    this.#reading = true;
    const { start, length } = this.#range;
    const wanted = Math.min(PIECE, length - this.#sent);
    if (wanted === 0 || this.#over) return this.#end(null);
    // Not pooled: the socket keeps it until it has left.
    const piece = Buffer.allocUnsafeSlow(wanted);
    read(this.#fd, piece, 0, wanted, start + this.#sent, (error, bytes) => this.#onRead(error, piece, bytes));
  }

  #onRead(error: Error | null, piece: Buffer, bytes: number): void {
    if (this.#over || error !== null) return this.#end(error);
    if (bytes === 0) return this.#end(new Error(`${this.#range.path} became shorter while it was sent`));
    this.#sent += bytes;
    this.#reading = this.#owner.fileOnBytes(piece.subarray(0, bytes));
    // `cancel` may have come meanwhile, and left the descriptor to us.
    if (this.#reading || this.#sent === this.#range.length) this.#read();
  }

  #end(error: Error | null): void {
    const cancelled = this.#over;
    this.#over = true;
    this.#close();
    if (!cancelled) this.#owner.fileOnEnd(error);
  }

  #close(): void {
    if (this.#fd !== -1) close(this.#fd, () => {});
    this.#fd = -1;
  }
}

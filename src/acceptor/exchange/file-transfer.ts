/**
 * A file on its way to one client. The acceptor opens, reads and closes it, so its bytes cross no ring.
 *
 * Law: knows a file, the output for its bytes, and the owner that waits for the end; not sockets, not exchanges. Reads only
 * while the output is not full. So a client that does not read costs one descriptor and one piece.
 *
 * The worker has checked that the path is a regular file, but another file may have replaced it since. Even then, nothing
 * blocks: O_NONBLOCK opens a FIFO without waiting, and positioned reads fail on files that have no positions.
 */
import { close, constants, open, read } from 'node:fs';
import type { FileRecord } from '../../ring/message.ts';
import { FILE_PIECE } from '../limits.ts';
import type { Answerable } from './exchange.ts';
import type { ConnectionOutput } from '../socket/connection-output.ts';
import type { Room } from '../connection/room.ts';

const FLAGS = constants.O_RDONLY | constants.O_NONBLOCK | constants.O_NOCTTY;

/** Errors of an open that may succeed later. */
const NO_DESCRIPTOR: ReadonlySet<string | undefined> = new Set(['EMFILE', 'ENFILE']);

export interface FileParts {
  readonly output: ConnectionOutput;
  /** Receives the end, as for an exchange. Receives nothing after `cancel`. */
  readonly owner: Pick<Answerable, 'exchangeOnEnd' | 'exchangeOnRefused' | 'exchangeOnBroken'>;
  /** The place where the file was counted when it was opened. It is uncounted when its descriptor is closed. */
  readonly room: Pick<Room, 'closeFile'>;
}

export class FileTransfer {
  readonly #record: FileRecord;
  readonly #close: boolean;
  readonly #parts: FileParts;
  #fd = -1;
  /** The buffer for the next bytes, if its last content has left. */
  #piece: Buffer | null = null;
  /** Bytes of the file that were sent. */
  #sent = 0;
  /** The head was sent, together with the first piece. */
  #begun = false;
  #reading = true;
  #over = false;

  /** @param close whether the connection closes after the file */
  constructor(record: FileRecord, close: boolean, parts: FileParts) {
    this.#record = record;
    this.#close = close;
    this.#parts = parts;
    open(record.path, FLAGS, (error, fd) => this.#onOpen(error, fd));
  }

  /** Bytes have left. Continues if there is room. */
  resume(): void {
    if (!this.#reading && !this.#over && !this.#parts.output.full) this.#read();
  }

  /** The client has left, or the acceptor has given the exchange up. */
  cancel(): void {
    if (this.#over) return;
    this.#over = true;
    // A pending read must not find its descriptor closed, or reused for another file.
    if (!this.#reading) this.#closeFile();
  }

  #onOpen(error: Error | null, fd: number): void {
    if (error !== null) return this.#end(error);
    this.#fd = fd;
    this.#read();
  }

  #read(): void {
    this.#reading = true;
    if (this.#over) return this.#end(null);
    const { head, start, length } = this.#record;
    const offset = this.#begun ? 0 : head.length;
    const wanted = Math.min(FILE_PIECE, length - this.#sent);
    // Not from Node's pool: the socket keeps the buffer until its bytes have left.
    const piece = this.#piece ?? Buffer.allocUnsafeSlow(offset + wanted);
    if (wanted === 0) return this.#onRead(null, piece, 0);
    read(this.#fd, piece, offset, wanted, start + this.#sent, (error, bytes) =>
      this.#onRead(error, piece, bytes),
    );
  }

  #onRead(error: Error | null, piece: Buffer, bytes: number): void {
    if (this.#over || error !== null) return this.#end(error);
    const { path, head, length } = this.#record;
    if (bytes === 0 && this.#sent < length)
      return this.#end(new Error(`Cannot send ${path}: the file became shorter while it was sent`));
    const offset = this.#begun ? 0 : piece.write(head, 'latin1');
    this.#begun = true;
    this.#sent += bytes;
    // If the client takes everything immediately, one buffer serves the whole file. Later pieces are never longer than the
    // first.
    this.#piece = this.#parts.output.write(piece.subarray(0, offset + bytes)) ? piece : null;
    if (this.#sent === length) return this.#end(null);
    this.#reading = false;
    this.resume();
  }

  #end(error: NodeJS.ErrnoException | null): void {
    const cancelled = this.#over;
    this.#over = true;
    this.#closeFile();
    if (cancelled) return;
    const { owner } = this.#parts;
    if (error === null) owner.exchangeOnEnd(this.#close);
    else if (this.#begun) owner.exchangeOnBroken(true);
    else owner.exchangeOnRefused(NO_DESCRIPTOR.has(error.code) ? 503 : 500);
  }

  #closeFile(): void {
    const { room } = this.#parts;
    if (this.#fd === -1) return room.closeFile();
    close(this.#fd, () => room.closeFile());
    this.#fd = -1;
  }
}

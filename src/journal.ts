/**
 * Which requests are in flight, in a file that another process can read after this one has died.
 *
 * Law: the only file that writes and reads this format, so that both sides agree. Lines are in the order of events: `+<index>
 * <request id> <method> <target>` when a request has been queued, `-<index>` when it needs no response any more.
 *
 * When the file has grown, it is started again with the open requests. If the process dies during that, the file may list
 * nothing. Nothing else can be lost: the kernel has everything that was written before. A full disk fails no request: the
 * file is emptied and started again until it can be written.
 */
import { fstatSync, ftruncateSync, readFileSync, readSync, writeSync } from 'node:fs';
import { requestId } from './ring/message.ts';

const MOST_BYTES = 1024 * 1024;
/** Characters of method and target that are kept. */
const MOST_SHOWN = 300;

export class Journal {
  readonly #fd: number;
  readonly #prefix: string;
  #text = '';
  #written = 0;

  /** @param prefix the prefix of this server's request ids */
  constructor(fd: number, prefix: string) {
    this.#fd = fd;
    this.#prefix = prefix;
  }

  /** The file is so large, or so incomplete, that it should be started again. */
  get full(): boolean {
    return this.#written > MOST_BYTES;
  }

  /** Empties the file. Write all open requests again before the next `flush`. */
  restart(): void {
    try {
      ftruncateSync(this.#fd, 0);
    } catch {
      // New text overwrites the old text in any case.
    }
    this.#written = 0;
    this.#text = '';
  }

  /** @param request method and target */
  begun(index: number, serial: number, request: string): void {
    const shown = request.length > MOST_SHOWN ? request.slice(0, MOST_SHOWN) : request;
    this.#text += `+${index} ${requestId(this.#prefix, serial)} ${shown}\n`;
  }

  over(index: number): void {
    this.#text += `-${index}\n`;
  }

  /** Writes everything since the last call in one write. */
  flush(): void {
    if (this.#text === '') return;
    const text = this.#text;
    this.#text = '';
    const bytes = this.#write(text);
    this.#written = bytes === text.length ? this.#written + bytes : Number.POSITIVE_INFINITY;
  }

  /** Returns the number of bytes that were written. */
  #write(text: string): number {
    try {
      return writeSync(this.#fd, text, this.#written, 'latin1');
    } catch {
      return 0;
    }
  }
}

/**
 * Moves the descriptor's own position behind the largest possible journal. The application can write to the descriptor by
 * mistake, and then writes there. The journal itself is written and read at explicit positions.
 */
export function prepareJournal(fd: number): void {
  writeSync(fd, Buffer.alloc(2 * MOST_BYTES));
  ftruncateSync(fd, 0);
}

/**
 * The requests that were in flight when the writer died: id, method and target of each.
 *
 * @param file a path, or a descriptor
 */
export function readJournal(file: string | number): string[] {
  const open = new Map<string, string>();
  for (const line of read(file).split('\n')) {
    const [, sign, index, request] = /^([+-])(\d+) ?(.*)$/.exec(line) ?? [];
    if (sign === '+') open.set(index!, request!);
    else if (sign === '-') open.delete(index!);
  }
  return [...open.values()];
}

function read(file: string | number): string {
  if (typeof file === 'string') return readFileSync(file, 'latin1');
  const bytes = Buffer.alloc(Math.min(fstatSync(file).size, 2 * MOST_BYTES));
  return bytes.toString('latin1', 0, readSync(file, bytes, 0, bytes.length, 0));
}

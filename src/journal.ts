/**
 * Which requests are in flight, written where another process can read it when this one has died.
 *
 * Law: the only file that writes and reads this format, so that both sides agree. Lines in the order of events:
 * `+<index> <request id> <method> <target>` when a request has been queued, `-<index>` when it needs no answer any more.
 * The file is started again with what is open when it has grown; a process that dies between the two writes of that
 * tells nothing, which is all that can be lost: what was written before its death is in the kernel's hands. A disk that is
 * full costs no request: the file is emptied and started again until it can be written.
 */
import { fstatSync, ftruncateSync, readFileSync, readSync, writeSync } from 'node:fs';
import { requestId } from './ring/message.ts';

const MOST_BYTES = 1024 * 1024;
/** Characters of method and target. */
const MOST_SHOWN = 300;

export class Journal {
  readonly #fd: number;
  readonly #prefix: string;
  #text = '';
  #written = 0;

  /** @param prefix what the ids of this server's requests begin with */
  constructor(fd: number, prefix: string) {
    this.#fd = fd;
    this.#prefix = prefix;
  }

  /** It has grown so much, or is so incomplete, that it should be started again. */
  get full(): boolean {
    return this.#written > MOST_BYTES;
  }

  /** Empties it; what is open must be told again before the next `flush`. */
  restart(): void {
    try {
      ftruncateSync(this.#fd, 0);
    } catch {
      // It is written over all the same.
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

  /** One write for everything since the last. */
  flush(): void {
    if (this.#text === '') return;
    const text = this.#text;
    this.#text = '';
    const bytes = this.#write(text);
    this.#written = bytes === text.length ? this.#written + bytes : Number.POSITIVE_INFINITY;
  }

  /** How many bytes found room. */
  #write(text: string): number {
    try {
      return writeSync(this.#fd, text, this.#written, 'latin1');
    } catch {
      return 0;
    }
  }
}

/**
 * Leaves the descriptor's own position behind all that a journal may hold. The application can write to the descriptor as
 * well, by mistake, and writes there; a journal is written and read at places that are given.
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

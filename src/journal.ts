/**
 * Which requests are in flight, written where another process can read it when this one has died.
 *
 * Law: the only file that writes and reads this format, so that both sides agree. Lines in the order of events:
 * `+<index> <request id> <method> <target>` when a request has been queued, `-<index>` when it needs no answer any more.
 * The file is started again with what is open when it has grown; a process that dies between the two writes of that
 * tells nothing, which is all that can be lost: what was written before its death is in the kernel's hands.
 */
import { ftruncateSync, readFileSync, writeSync } from 'node:fs';
import { requestId } from './ring/message.ts';

const MOST_BYTES = 1024 * 1024;
const LINE_LENGTH = 300;

export class Journal {
  readonly #fd: number;
  readonly #prefix: string;
  readonly #open: Map<number, string> = new Map();
  #text = '';
  #written = 0;

  /** @param prefix what the ids of this server's requests begin with */
  constructor(fd: number, prefix: string) {
    this.#fd = fd;
    this.#prefix = prefix;
  }

  /** @param request method and target */
  begun(index: number, serial: number, request: string): void {
    const line = `+${index} ${requestId(this.#prefix, serial)} ${request}`.slice(0, LINE_LENGTH) + '\n';
    this.#open.set(index, line);
    this.#text += line;
  }

  over(index: number): void {
    this.#open.delete(index);
    this.#text += `-${index}\n`;
  }

  /** One write for everything since the last. */
  flush(): void {
    if (this.#text === '') return;
    if (this.#written > MOST_BYTES) {
      ftruncateSync(this.#fd, 0);
      this.#written = 0;
      this.#text = [...this.#open.values()].join('');
    }
    this.#written += writeSync(this.#fd, this.#text, this.#written, 'latin1');
    this.#text = '';
  }
}

/** The requests that were in flight when the writer died: id, method and target of each. */
export function readJournal(file: string): string[] {
  const open = new Map<string, string>();
  for (const line of readFileSync(file, 'latin1').split('\n')) {
    const [, sign, index, request] = /^([+-])(\d+) ?(.*)$/.exec(line) ?? [];
    if (sign === '+') open.set(index!, request!);
    else if (sign === '-') open.delete(index!);
  }
  return [...open.values()];
}

/**
 * `tsgi.errors`: text that an application writes to the error log, passed on line by line.
 *
 * Law: buffers one unfinished line, of bounded length. The callback decides where lines go.
 */
import type { ErrorStream } from './types.ts';

/** The most characters of an unfinished line. A longer one is passed on in pieces. */
const LONGEST = 64 * 1024;

export class LineErrors implements ErrorStream {
  readonly #tell: (line: string) => void;
  #unfinished = '';

  /** @param tell receives one line at a time, without its line feed */
  constructor(tell: (line: string) => void) {
    this.#tell = tell;
  }

  write(text: string): void {
    const added = String(text);
    const feed = added.lastIndexOf('\n');
    // Only the added text is searched: the unfinished line has no line feed.
    if (feed === -1) this.#unfinished += added;
    else {
      const lines = this.#unfinished + added.slice(0, feed);
      this.#unfinished = added.slice(feed + 1);
      for (const line of lines.split('\n')) this.#tell(line);
    }
    if (this.#unfinished.length > LONGEST) this.flush();
  }

  writelines(lines: Iterable<string>): void {
    for (const line of lines) this.write(line);
  }

  flush(): void {
    const line = this.#unfinished;
    this.#unfinished = '';
    if (line !== '') this.#tell(line);
  }
}

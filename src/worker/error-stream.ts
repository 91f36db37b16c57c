/**
 * `tsgi.errors`: text an application writes to the error log, told line by line.
 *
 * Law: buffers one unfinished line; where lines go is the worker's business.
 */
import type { ErrorStream } from '../tsgi/types.ts';

export class LineErrors implements ErrorStream {
  readonly #tell: (line: string) => void;
  #unfinished = '';

  constructor(tell: (line: string) => void) {
    this.#tell = tell;
  }

  write(text: string): void {
    const lines = (this.#unfinished + text).split('\n');
    this.#unfinished = lines.pop() ?? '';
    for (const line of lines) this.#tell(line);
  }

  writelines(lines: Iterable<string>): void {
    for (const line of lines) this.write(line);
  }

  flush(): void {
    if (this.#unfinished !== '') this.#tell(this.#unfinished);
    this.#unfinished = '';
  }
}

/**
 * Reads the text of the application's file for signs of how the file starts itself. It may run a function that it exports, or
 * call `listen` later.
 *
 * Law: reads source text, and calls nothing. The text gives signs, not proof. A sign therefore decides only how long a start
 * waits, or that a function is not called.
 */
import { readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';

/** How a file checks whether it is the main file. */
const RUN_AS_MAIN =
  /\brequire\.main\b|\bmodule\.parent\b|\bimport\.meta\.main\b|\bprocess\.argv\s*\[\s*1\s*\]/;
/** Calls that start a server, by the names that frameworks and their users choose. */
const STARTS_SERVER = /\b(?:listen|serve|start|startServer|bootstrap|main)\s*\(/;
/** Comments, but not the `//` of a URL. */
const COMMENTS = /\/\*[\s\S]*?\*\/|(?<=^|\s)\/\/[^\n]*/gm;

export class OwnStart {
  readonly #text: string;

  private constructor(text: string) {
    this.#text = text.replace(COMMENTS, '');
  }

  /**
   * @param source absolute path of the file as the user wrote it
   * @param url URL of the imported file. It is read if the source does not exist, as may happen after a build ahead of time.
   */
  static read(source: string, url: string): OwnStart {
    for (const file of [source, fileURLToPath(url)]) {
      try {
        return new OwnStart(readFileSync(file, 'utf8'));
      } catch {
        // The next file has the same code, or no file has it.
      }
    }
    return new OwnStart('');
  }

  /** True if the file may start a server. */
  get mayListen(): boolean {
    return STARTS_SERVER.test(this.#text);
  }

  /** True if the file checks whether it is the main file. */
  get checksMain(): boolean {
    return RUN_AS_MAIN.test(this.#text);
  }

  /** True if the file calls the function `name` at its top level. */
  runs(name: string): boolean {
    return this.#has(name, (escaped) => `^(?:await |void )?${escaped}\\(`);
  }

  /** True if the file calls the function `name` anywhere. */
  calls(name: string): boolean {
    return this.#has(name, (escaped) => `(?<!\\bfunction\\s*\\*?\\s*|[.\\w$])${escaped}\\s*\\(`);
  }

  #has(name: string, pattern: (escaped: string) => string): boolean {
    // An exported anonymous function has the name `default`, and no call can use it.
    if (!/^[\w$]+$/.test(name) || name === 'default') return false;
    return new RegExp(pattern(name.replaceAll('$', '\\$')), 'm').test(this.#text);
  }
}

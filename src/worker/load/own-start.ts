/**
 * What the text of the application's file shows about how the file starts itself: whether it runs a function that it
 * exports, and whether it may call `listen` later.
 *
 * Law: reads source text, and calls nothing. The text gives signs and no proof, so a sign decides only how long a start
 * waits, or that a function is not called.
 */
import { readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';

/** How a file checks whether it is what was started. */
const RUN_AS_MAIN =
  /\brequire\.main\b|\bmodule\.parent\b|\bimport\.meta\.main\b|\bprocess\.argv\s*\[\s*1\s*\]/;
/** Calls that start a server, by the names that frameworks and their users give them. */
const STARTS_SERVER = /\b(?:listen|serve|start|startServer|bootstrap|main)\s*\(/;
/** Comments, but not the `//` of a URL. */
const COMMENTS = /\/\*[\s\S]*?\*\/|(?<=^|\s)\/\/[^\n]*/gm;

export class OwnStart {
  readonly #text: string;

  private constructor(text: string) {
    this.#text = text.replace(COMMENTS, '');
  }

  /**
   * @param source absolute path of the file as its user wrote it
   * @param url what is imported: it is read if the source is absent, as it may be for an application that was built ahead of time
   */
  static read(source: string, url: string): OwnStart {
    for (const file of [source, fileURLToPath(url)]) {
      try {
        return new OwnStart(readFileSync(file, 'utf8'));
      } catch {
        // The next has the same code, or nothing has.
      }
    }
    return new OwnStart('');
  }

  /** Something in it may start a server. */
  get mayListen(): boolean {
    return STARTS_SERVER.test(this.#text);
  }

  /** It checks whether it is what was started. */
  get checksMain(): boolean {
    return RUN_AS_MAIN.test(this.#text);
  }

  /** It calls the function `name` at its top level. */
  runs(name: string): boolean {
    return this.#has(name, (escaped) => `^(?:await |void )?${escaped}\\(`);
  }

  /** It calls the function `name` anywhere. */
  calls(name: string): boolean {
    return this.#has(name, (escaped) => `(?<!\\bfunction\\s*\\*?\\s*|[.\\w$])${escaped}\\s*\\(`);
  }

  #has(name: string, pattern: (escaped: string) => string): boolean {
    // An anonymous function that is exported has the name `default`, and no call can use it.
    if (!/^[\w$]+$/.test(name) || name === 'default') return false;
    return new RegExp(pattern(name.replaceAll('$', '\\$')), 'm').test(this.#text);
  }
}

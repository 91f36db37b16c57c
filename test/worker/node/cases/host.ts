/**
 * The server that answers each request with the listener of its case, and returns the notes.
 *
 * Law: the same code on node:http and in a worker. The field x-case of a request names its case.
 */
import http, { type Server, type ServerOptions } from 'node:http';
import type { Cases } from './case.ts';

/** The longest time for the notes of a case, ms. Notes that are missing then show as a difference. */
const PATIENCE_MS = 4000;

export const END = '--end';
export const NOTES = '--notes';

export function hostOf(cases: Cases, options: ServerOptions = {}): Server {
  const journals: Map<string, Journal> = new Map();
  const journalOf = (name: string): Journal => {
    let journal = journals.get(name);
    if (journal === undefined) journals.set(name, (journal = new Journal(cases[name]?.ends ?? [])));
    return journal;
  };
  const server = http.createServer(options, (request, response) => {
    const name = String(request.headers['x-case']);
    if (name === END) return void response.end('the end');
    if (name === NOTES) {
      const journal = journalOf(String(request.headers['x-of']));
      return void journal.whole().then((lines) => response.end(JSON.stringify(lines)));
    }
    const listener = cases[name]?.listener;
    if (listener === undefined) return void response.writeHead(404).end(`no case ${name}`);
    return listener(request, response, journalOf(name).note);
  });
  // Serves functions that are not the listener of a case.
  server.on('note', (name: string, text: string) => journalOf(name).note(text));
  return server;
}

class Journal {
  readonly #lines: string[] = [];
  readonly #ends: readonly string[];
  #onLine: (() => void) | null = null;

  constructor(ends: readonly string[]) {
    this.#ends = ends;
  }

  readonly note = (text: string, value?: unknown): void => {
    this.#lines.push(value === undefined ? text : `${text}: ${textOf(value)}`);
    this.#onLine?.();
  };

  /** Resolves when every last note exists, and the turn in which it was made has ended. */
  async whole(): Promise<readonly string[]> {
    const limit = setTimeout(() => this.note('took too long'), PATIENCE_MS);
    while (!this.#isWhole()) await new Promise<void>((resolve) => (this.#onLine = resolve));
    clearTimeout(limit);
    for (let turns = 0; turns < 3; turns++) await new Promise((resolve) => setImmediate(resolve));
    return this.#lines;
  }

  #isWhole(): boolean {
    const has = (end: string) => this.#lines.some((line) => line === end || line.startsWith(`${end}:`));
    return has('took too long') || this.#ends.every(has);
  }
}

function textOf(value: unknown): string {
  return typeof value === 'string' ? value : JSON.stringify(value);
}

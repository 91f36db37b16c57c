/**
 * The parts of a check in the conformance kit: the application's half and the client's half, side by side.
 *
 * Law: the two halves never share memory, since the server may run the application in any thread or process. The application's
 * half reports in its response, or in notes under the client's token, which the client reads later.
 */
import { randomBytes } from 'node:crypto';
import { checkEnviron } from '../check-environ.ts';
import { TsgiRuleError } from '../rule-errors.ts';
import type { Rule } from '../rules.ts';
import type { Application, Environ } from '../types.ts';
import { type Answer, RawConnection } from './client.ts';

export interface Check {
  readonly rule: Rule;
  /** The application that the server runs at `/<rule>`. */
  readonly application: Application;
  /** Throws an error that describes the fault. If the server need not keep the rule, resolves to the reason as a text. */
  readonly client: (kit: Kit) => Promise<unknown>;
}

/** Throws `what` unless `holds` is true. */
export function expect(holds: boolean, what: string): asserts holds {
  if (!holds) throw new Error(what);
}

export function expectEqual(actual: unknown, expected: unknown, what: string): void {
  const [got, wanted] = [JSON.stringify(actual), JSON.stringify(expected)];
  expect(got === wanted, `${what} must be ${wanted}, and is ${got}`);
}

// The application's half.

/** Notes of this instance, by token. */
const NOTES: Map<string, string[]> = new Map();
const MOST_TOKENS = 1000;

/** The client's token, from the query. */
export function tokenOf(environ: Environ): string {
  return new URLSearchParams(environ.QUERY_STRING).get('token') ?? '';
}

/** The name of the case, from the query. */
export function caseOf(environ: Environ): string {
  return new URLSearchParams(environ.QUERY_STRING).get('case') ?? '';
}

export function note(environ: Environ, text: string): void {
  const token = tokenOf(environ);
  const notes = NOTES.get(token);
  if (notes !== undefined) notes.push(text);
  else {
    if (NOTES.size >= MOST_TOKENS) NOTES.delete(NOTES.keys().next().value!);
    NOTES.set(token, [text]);
  }
}

/** Answers with the notes of this instance under a token; 404 if another instance has them. */
export const notes: Application = (environ, startResponse) => {
  const found = NOTES.get(tokenOf(environ));
  // Long enough that another worker takes the next of the concurrent requests.
  const end = performance.now() + 3;
  while (performance.now() < end);
  startResponse(found === undefined ? 404 : 200, [['content-type', 'application/json']]);
  return JSON.stringify(found ?? []);
};

/** The error about environ against a rule, or ''. */
export function complaint(environ: Environ, rule: Rule): string {
  try {
    checkEnviron(environ);
  } catch (error) {
    if (error instanceof TsgiRuleError && error.rule === rule) return error.message;
  }
  return '';
}

export function judge(rule: Rule): Application {
  return (environ, startResponse) => {
    const text = complaint(environ, rule);
    startResponse(200, []);
    return JSON.stringify(text);
  };
}

// The client's half.

export interface RequestOptions {
  readonly method?: string;
  /** The part of the target after `/<rule>`: the rest of the path, and the query. */
  readonly target?: string;
  /** Lines without CRLF. */
  readonly fields?: readonly string[];
  readonly body?: string;
  /** Bytes after the head, without a Content-Length. */
  readonly raw?: string;
  readonly version?: '1.0' | '1.1';
  /** The authority of a target in absolute form (RFC 9112 §3.2.2). Default: origin form. */
  readonly authority?: string;
}

const ASKERS = 8;
/** Pause between two rounds of requests: the server may need the same processor. */
const FIRST_PAUSE_MS = 10;
const LONGEST_PAUSE_MS = 80;

export class Kit {
  readonly #url: URL;
  readonly #rule: Rule;
  readonly #timeout: number;
  readonly #open: Set<RawConnection> = new Set();
  /** The token of this check's notes. */
  readonly token: string = randomBytes(8).toString('hex');

  constructor(url: URL, rule: Rule, timeout: number) {
    this.#url = url;
    this.#rule = rule;
    this.#timeout = timeout;
  }

  async connect(): Promise<RawConnection> {
    const connection = await RawConnection.open(this.#url, this.#timeout);
    this.#open.add(connection);
    return connection;
  }

  /** The bytes of a request to the application's half. */
  head(options: RequestOptions = {}): string {
    const { method = 'GET', target = '', fields = [], body, raw = '', version = '1.1', authority } = options;
    const origin = authority === undefined ? '' : `http://${authority}`;
    const length = body === undefined ? [] : [`Content-Length: ${Buffer.byteLength(body, 'latin1')}`];
    const lines = [`Host: ${this.#url.host}`, ...length, ...fields];
    return `${method} ${origin}${this.path(target)} HTTP/${version}\r\n${lines.join('\r\n')}\r\n\r\n${body ?? raw}`;
  }

  path(target: string): string {
    return `${this.#url.pathname.replace(/\/$/, '')}/${this.#rule}${target}`;
  }

  /** Sends one request on a connection of its own. */
  async request(options: RequestOptions = {}): Promise<Answer> {
    const connection = await this.connect();
    connection.send(this.head(options));
    const answer = await connection.answer(options.method !== 'HEAD');
    connection.close();
    return answer;
  }

  /** Sends a request, and parses the JSON that the application's half answers. */
  async json<T>(options: RequestOptions = {}): Promise<T> {
    const answer = await this.request(options);
    expect(
      answer.status === 200,
      `the answer must be 200, and is ${answer.status}: ${answer.text.slice(0, 200)}`,
    );
    return JSON.parse(answer.text) as T;
  }

  /**
   * Reads the notes until `done` holds for them, whichever instance has them.
   *
   * @param what name of the expected notes, for the error
   */
  async notes(
    done: (notes: readonly string[]) => boolean,
    token: string = this.token,
    what = 'what is waited for',
  ): Promise<readonly string[]> {
    const end = performance.now() + this.#timeout;
    let last: readonly string[] = [];
    let pause = FIRST_PAUSE_MS;
    while (performance.now() < end) {
      const answers = await Promise.all(Array.from({ length: ASKERS }, () => this.#askForNotes(token)));
      for (const found of answers) if (found.length > last.length) last = found;
      if (done(last)) return last;
      await new Promise((resolve) => setTimeout(resolve, pause));
      pause = Math.min(pause * 2, LONGEST_PAUSE_MS);
    }
    throw new Error(`${what} was not seen within ${this.#timeout} ms: only [${last.join(', ')}]`);
  }

  close(): void {
    for (const connection of this.#open) connection.close();
  }

  async #askForNotes(token: string): Promise<readonly string[]> {
    const connection = await this.connect();
    const path = `${this.#url.pathname.replace(/\/$/, '')}/notes?token=${token}`;
    connection.send(`GET ${path} HTTP/1.1\r\nHost: ${this.#url.host}\r\nConnection: close\r\n\r\n`);
    const answer = await connection.answer();
    connection.close();
    this.#open.delete(connection);
    return answer.status === 200 ? (JSON.parse(answer.text) as string[]) : [];
  }
}

export async function expectNoComplaint(kit: Kit): Promise<void> {
  const text = await kit.json<string>();
  expect(text === '', text);
}

/**
 * Hints for the operator, mainly that state is split between workers. Each text is logged once.
 *
 * Law: compares the signs that workers report (`worker/exchange/split-state.ts`). The memory for signs is bounded.
 */
import type { Sign } from '../worker/pool-messages.ts';

/** The number of sessions that are remembered. */
const MOST_SESSIONS = 5000;
/** The number of texts that are logged. It is bounded because an application may invent cookie names. */
const MOST_HINTS = 20;

const TEXTS = {
  metrics:
    'Several workers answer with Prometheus metrics, and each worker has a registry of its own. A scrape shows one worker only. Add the numbers up, as docs/guide/websockets.md shows under "State in one worker"',
  broadcasts:
    'Sockets are spread over several workers, and the application sends messages from one socket to others. Such a message reaches only the sockets of the same worker. Pass messages on with tsgi-threads/channel, or with an adapter of your library (docs/guide/websockets.md)',
  mcp: 'MCP sessions are in the memory of one worker, but later requests may go to a worker that does not know the session. Start the server with --affinity header:mcp-session-id',
};

export class Hints {
  readonly #log: (text: string) => void;
  readonly #said: Set<string> = new Set();
  /** Session → the index of the worker that gave it out. */
  readonly #givers: Map<string, number> = new Map();
  /** Cookies that the same worker gave out and then changed. Their values do not name a session in memory. */
  readonly #rotating: Set<string> = new Set();
  /** Sign → the workers that have reported it. */
  readonly #workers: Map<string, Set<number>> = new Map();

  constructor(log: (text: string) => void) {
    this.#log = log;
  }

  /** Logs the text, unless it was logged before. */
  say(text: string): void {
    if (this.#said.has(text) || this.#said.size >= MOST_HINTS) return;
    this.#said.add(text);
    this.#log(text);
  }

  /** Notes a sign that the worker with this index has reported. */
  hear(index: number, sign: Sign): void {
    const text = this.#textFor(index, sign);
    if (text !== undefined) this.say(text);
  }

  #textFor(index: number, sign: Sign): string | undefined {
    if (sign.sign === 'session') return this.#onSession(index, sign);
    const workers = this.#workers.get(sign.sign) ?? new Set();
    this.#workers.set(sign.sign, workers.add(index));
    if (sign.sign === 'mcp') return TEXTS.mcp;
    if (sign.sign === 'metrics') return workers.size > 1 ? TEXTS.metrics : undefined;
    const has = (name: string) => this.#workers.get(name)?.size ?? 0;
    return has('broadcasts') > 0 && has('sockets') > 1 ? TEXTS.broadcasts : undefined;
  }

  #onSession(index: number, { name, given, carried }: Sign & { sign: 'session' }): string | undefined {
    const giver = carried === '' ? undefined : this.#givers.get(`${name} ${carried}`);
    this.#givers.set(`${name} ${given}`, index);
    if (this.#givers.size > MOST_SESSIONS) this.#givers.delete(this.#givers.keys().next().value!);
    if (giver === index && this.#rotating.size < MOST_SESSIONS) this.#rotating.add(name);
    if (giver === undefined || giver === index || this.#rotating.has(name)) return undefined;
    return `One worker gave out the cookie ${name}, and another worker replaced it. Sessions in the memory of one worker are lost in another. Start the server with --affinity cookie:${name}, or keep sessions in a store that all workers share`;
  }
}

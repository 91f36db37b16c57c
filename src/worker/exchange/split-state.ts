/**
 * Finds signs that an application keeps state in one worker that requests in other workers need: sessions, metrics, rooms.
 *
 * Law: reads the heads of this worker's answers. When a message is written to a connection, it also knows the connection that
 * caused it. Reads no body. It reports a bounded number of signs of each kind; `pool/split-hints.ts` compares the workers and
 * decides.
 *
 * Cost: it reads each of the first answers, and one of eight later. Each reading is three searches in the head's text.
 */
import { createHash } from 'node:crypto';
import Module from 'node:module';
import { cookieOf, forEachCookie, lastField } from '../../http/affinity-key.ts';
import { type AnsweredRequest, type AnswerObserver, statusOf } from './answers.ts';
import type { Sign } from '../pool-messages.ts';

/** The worker reads the first `FIRST` answers, then one of `EACH`. */
const FIRST = 1000;
const EACH = 8;
/** The most signs of sessions that one worker reports. */
const MOST_SESSIONS = 500;
const MCP = 'mcp-session-id';
/** A longer cookie is not the id of a session. It carries the session itself, which any worker can read. */
const LONGEST_ID = 160;

/** Packages through which workers share state. */
const SHARES = ['redis', 'ioredis', '-adapter', 'nats', 'amqp', 'mqtt', 'kafka', 'zeromq'];

export class SplitState implements AnswerObserver {
  readonly #looksForSessions: boolean;
  readonly #report: (sign: Sign) => void;
  /** Kinds of signs that were reported once and need no second report. */
  readonly #seen: Set<string> = new Set();
  #answers = 0;
  #sessions = 0;

  /** @param looksForSessions requests may go to any worker (no `--affinity`) */
  constructor(looksForSessions: boolean, report: (sign: Sign) => void) {
    this.#looksForSessions = looksForSessions;
    this.#report = report;
  }

  headOnReady(head: string, request: AnsweredRequest): boolean {
    this.#answers += 1;
    if (this.#answers <= FIRST || this.#answers % EACH === 0) this.#look(head, request);
    return false;
  }

  bodyOnStart(): void {}

  /** The application took over a connection. */
  onSocket(): void {
    if (this.#isNew('sockets')) this.#report({ sign: 'sockets' });
  }

  /** A message on one connection makes the application write to another one. */
  onBroadcast(): void {
    if (this.#isNew('broadcasts') && !sharesState()) this.#report({ sign: 'broadcasts' });
  }

  #look(head: string, request: AnsweredRequest): void {
    if (isMetrics(head) && this.#isNew('metrics') && !sharesState()) this.#report({ sign: 'metrics' });
    if (!this.#looksForSessions) return;
    // The searches match both usual spellings: Set-Cookie, set-cookie; Mcp-Session-Id, mcp-session-id.
    if (head.includes('ookie:')) this.#onCookies(head, request);
    if (head.includes('cp-') && lastField(head, MCP) !== undefined && this.#isNew('mcp'))
      this.#report({ sign: 'mcp' });
  }

  #onCookies(head: string, request: AnsweredRequest): void {
    if (this.#sessions >= MOST_SESSIONS || statusOf(head) >= 500) return;
    forEachCookie(head, (name, value, field) => {
      if (!isSession(name, value, field)) return;
      const carried = cookieOf(request.field('cookie'), name) ?? '';
      if (carried === value) return;
      this.#sessions += 1;
      this.#report({ sign: 'session', name, given: digest(value), carried: carried && digest(carried) });
    });
  }

  #isNew(sign: Sign['sign']): boolean {
    if (this.#seen.has(sign)) return false;
    this.#seen.add(sign);
    return true;
  }
}

/** The text formats of Prometheus and of OpenMetrics. */
function isMetrics(head: string): boolean {
  return head.includes('version=0.0.4') || head.includes('application/openmetrics-text');
}

function isSession(name: string, value: string, field: string): boolean {
  if (value === '' || value.length > LONGEST_ID || name.length > 64) return false;
  const lower = name.toLowerCase();
  return lower.includes('sid') || lower.includes('sess') || field.toLowerCase().includes('httponly');
}

function digest(text: string): string {
  return createHash('sha256').update(text, 'latin1').digest('base64').slice(0, 16);
}

/** True if the application uses a channel of tsgi-threads, or a package that connects it with other processes. */
function sharesState(): boolean {
  if ((globalThis as Record<symbol, unknown>)[Symbol.for('tsgi-threads.channel')] === true) return true;
  const { _cache: modules } = Module as unknown as { readonly _cache: object };
  return Object.keys(modules).some((file) => {
    const name = file.slice(file.lastIndexOf('node_modules') + 13);
    return SHARES.some((part) => name.split(/[/\\]/, 2).join('/').includes(part));
  });
}

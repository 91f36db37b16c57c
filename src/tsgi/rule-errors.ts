/**
 * The errors of TSGI that a program may distinguish by `code`.
 *
 * Law: imports nothing but the rule table. Errors of this server are in `src/errors.ts`.
 */
import type { Rule } from './rules.ts';

/** A rule of TSGI was broken; `rule` is its number in docs/reference/tsgi.md. The client gets 500, or sees the truncation. */
export class TsgiRuleError extends TypeError {
  readonly code = 'TSGI_ERR_RULE';
  readonly rule: Rule;
  override name = 'TsgiRuleError';

  constructor(rule: Rule, message: string) {
    super(`${message} (TSGI rule ${rule})`);
    this.rule = rule;
  }
}

/** A synchronous read would have to wait on the thread that also brings the bytes (rule S15). */
export class NoBlockingError extends Error {
  readonly code = 'TSGI_ERR_NO_BLOCKING';
  override name = 'NoBlockingError';

  constructor() {
    super(
      'Cannot block for input on a thread that also brings it. If tsgi.blocking_input is false, await read() instead.',
    );
  }
}

/** The client is gone. This is the reason of `tsgi.signal`, and the error of reads of an unfinished body. */
export class ClientGoneError extends Error {
  readonly code = 'TSGI_ERR_CLIENT_GONE';
  override name = 'ClientGoneError';

  constructor() {
    super('The client is gone');
  }
}

/** `tsgi.deadline` has passed, and the server has answered the client. This is a reason of `tsgi.signal`. */
export class DeadlineError extends Error {
  readonly code = 'TSGI_ERR_DEADLINE';
  override name = 'DeadlineError';

  constructor() {
    super('The deadline of this request has passed');
  }
}

/** Formats a value for an error message: short, on one line. */
export function show(value: unknown): string {
  if (typeof value === 'string') return JSON.stringify(value.length > 80 ? `${value.slice(0, 80)}…` : value);
  if (value instanceof Error) return `${value.name} ${show(value.message)}`;
  if (typeof value === 'function') return 'a function';
  if (typeof value !== 'object' || value === null) return String(value);
  if (Array.isArray(value)) return `an array of ${value.length}`;
  return `an object of ${value.constructor?.name ?? 'no class'}`;
}

/**
 * How the command ends: its last message and its exit code.
 *
 * Law: only the files of this folder use process.exit and the console.
 */
import { CommanderError } from 'commander';
import { errorText, loadErrorText } from '../error-text.ts';
import { OptionError, TsgiError } from '../errors.ts';

export const EXIT = { failure: 1, usage: 2, signal: 128 } as const;
export const SIGNALS = { SIGHUP: 1, SIGINT: 2, SIGQUIT: 3, SIGTERM: 15 } as const;
export type Signal = keyof typeof SIGNALS;

/** The exit code that a shell reports for a process that ended by a signal. */
export function codeOf(signal: Signal): number {
  return EXIT.signal + SIGNALS[signal];
}

/** Prints one line of the server on standard error. Standard output has only the ready line. */
export function tell(text: string): void {
  console.error(`tsgi-threads: ${text}`);
}

/** One request to stop may send a signal twice: to the group and to the process, or by npm and its shell, ms. */
const SAME_MS = 1000;
let askedAt = 0;

/** Whether this ending signal is the first one, the same one again within a second, or a second one. */
export function whichSignal(): 'first' | 'same' | 'second' {
  const now = performance.now();
  if (askedAt === 0) {
    askedAt = now;
    return 'first';
  }
  return now - askedAt < SAME_MS ? 'same' : 'second';
}

/** Prints a line at the first signal that ends the server. */
export function tellClosing(signal: Signal): void {
  tell(`${signal} received: finishing requests in flight. Send it again to end now`);
}

export function fail(error: unknown): never {
  if (error instanceof CommanderError) process.exit(error.exitCode === 0 ? 0 : EXIT.usage);
  tell(describe(error));
  process.exit(error instanceof OptionError && error.code === 'TSGI_ERR_OPTION' ? EXIT.usage : EXIT.failure);
}

/**
 * An error as text: one line for an error of this package, and the application's own frames for an application that threw
 * while loading.
 */
export function describe(error: unknown): string {
  if (!(error instanceof Error)) return String(error);
  if (!(error instanceof TsgiError)) return errorText(error);
  return error.code === 'TSGI_ERR_APP_LOAD' ? loadErrorText(error) : error.message;
}

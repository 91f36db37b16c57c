/**
 * How the command ends: what it says, and its exit code.
 *
 * Law: with the other files of this folder, the only place with process.exit and the console.
 */
import { CommanderError } from 'commander';
import { errorText, loadErrorText } from '../error-text.ts';
import { OptionError, TsgiError } from '../errors.ts';

export const EXIT = { failure: 1, usage: 2, signal: 128 } as const;
export const SIGNALS = { SIGHUP: 1, SIGINT: 2, SIGQUIT: 3, SIGTERM: 15 } as const;
export type Signal = keyof typeof SIGNALS;

/** The exit code of a process that a signal ended, as shells count. */
export function codeOf(signal: Signal): number {
  return EXIT.signal + SIGNALS[signal];
}

/** One line of the server's own, on standard error; standard output has the ready line alone. */
export function tell(text: string): void {
  console.error(`tsgi-threads: ${text}`);
}

/** Who stops a service may say it twice: a signal to the group and one to the process, npm and its shell, ms. */
const SAME_MS = 1000;
let askedAt = 0;

/** Whether this signal that asks to end is the first, the same again within a second, or a second one. */
export function whichSignal(): 'first' | 'same' | 'second' {
  const now = performance.now();
  if (askedAt === 0) {
    askedAt = now;
    return 'first';
  }
  return now - askedAt < SAME_MS ? 'same' : 'second';
}

/** What is told at the first signal that asks to end. */
export function tellClosing(signal: Signal): void {
  tell(`${signal} received: answering what is in flight; again to end now`);
}

export function fail(error: unknown): never {
  if (error instanceof CommanderError) process.exit(error.exitCode === 0 ? 0 : EXIT.usage);
  tell(describe(error));
  process.exit(error instanceof OptionError && error.code === 'TSGI_ERR_OPTION' ? EXIT.usage : EXIT.failure);
}

/** Ours in one line; an application that threw while it loaded is shown with its own frames. */
export function describe(error: unknown): string {
  if (!(error instanceof Error)) return String(error);
  if (!(error instanceof TsgiError)) return errorText(error);
  return error.code === 'TSGI_ERR_APP_LOAD' ? loadErrorText(error) : error.message;
}

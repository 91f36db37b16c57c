/**
 * Where the server's own lines go. Imports nothing.
 *
 * Law: the shape and the default, nothing else. Any logger with these methods fits (pino's and console's do).
 */
export interface Logger {
  error(text: string): void;
  warn(text: string): void;
  info(text: string): void;
}

/** Errors and warnings go to standard error; info is left out. */
export const defaultLogger: Logger = {
  error: (text) => void process.stderr.write(`tsgi-threads: ${text}\n`),
  warn: (text) => void process.stderr.write(`tsgi-threads: ${text}\n`),
  info: () => {},
};
